//! A quantity counted within a period.

use crate::catalogue::Quota;
use crate::period::Period;
use crate::time::Timestamp;

/// What was used in one period, and what running requests may add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The period; empty before the first request.
    pub period: Period,
    /// Used and settled.
    pub used: u64,
    /// Held by running requests.
    pub held: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self { period: Period { start: Timestamp::MIN, end: Timestamp::MIN }, used: 0, held: 0 }
    }
}

impl Window {
    /// The window of `period` in which `used` was used already.
    #[must_use]
    pub const fn with_used(period: Period, used: u64) -> Self {
        Self { period, used, held: 0 }
    }

    /// Starts anew in `period`. What is held belongs to requests that count where they began.
    pub fn turn(&mut self, period: Period) {
        *self = Self { period, used: 0, held: 0 };
    }

    /// Used and held.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.used.saturating_add(self.held)
    }

    /// What is left of `limit` after everything used and held.
    #[must_use]
    pub fn left(&self, limit: u64) -> u64 {
        limit.saturating_sub(self.committed())
    }

    /// The highest of `stages` (percentages of `limit`) that `quantity` has reached.
    #[must_use]
    pub fn stage_at(quantity: u64, limit: u64, stages: &[u8]) -> Option<u8> {
        stages.iter().rev().copied().find(|&percent| quantity >= Quota::threshold(limit, percent))
    }

    /// The stages in `(before, after]`: those that going from one to the other crosses.
    pub fn crossed(before: u64, after: u64, limit: u64, stages: &[u8]) -> impl Iterator<Item = u8> {
        stages.iter().copied().filter(move |&percent| {
            let threshold = Quota::threshold(limit, percent);
            before < threshold && threshold <= after
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_crossed_once_and_only_upwards() {
        let crossed = |before, after| Window::crossed(before, after, 1_000, &[80, 95, 100]).collect::<Vec<_>>();
        assert!(crossed(0, 799).is_empty());
        assert_eq!(crossed(799, 800), [80]);
        assert!(crossed(800, 900).is_empty());
        assert_eq!(crossed(100, 2_000), [80, 95, 100]);
        assert_eq!(Window::stage_at(960, 1_000, &[80, 95, 100]), Some(95));
        assert_eq!(Window::stage_at(10, 1_000, &[80, 95, 100]), None);
    }

    /// Golden vector D12, its thresholds as percentages of 100: 10, 30, 50.
    #[test]
    fn golden_vector_d12_edges_are_triggered_in_the_half_open_step() {
        let crossed = |before, after| Window::crossed(before, after, 100, &[10, 30, 50]).collect::<Vec<_>>();
        assert_eq!(crossed(8, 30), [10, 30]);
        assert_eq!(crossed(31, 60), [50]);
        assert!(crossed(8, 8).is_empty());
    }
}
