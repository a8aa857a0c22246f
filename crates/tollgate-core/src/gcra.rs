//! The generic cell rate algorithm: a rate limit in one number.
//!
//! The state is the theoretical arrival time: the instant at which the bucket will be full again.
//! It needs no timer, no window and no history, and a charge can be given back.

use std::time::Duration;

use crate::time::Timestamp;

/// `quantity` per `window`, of which up to `burst` may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    quantity: u64,
    window_micros: u64,
    burst: u64,
}

/// How far the bucket of one limit is drained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gcra {
    /// When the bucket is full again, in microseconds since 1970; in the past when it is full.
    full_at_micros: i64,
}

/// The bucket does not hold what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFast {
    /// How long until it does.
    pub retry_after: Duration,
}

impl Pace {
    /// `quantity` per `window` with bursts of up to `burst`; each at least one.
    #[must_use]
    pub fn new(quantity: u64, window: Duration, burst: u64) -> Self {
        let window_micros = u64::try_from(window.as_micros()).unwrap_or(u64::MAX).max(1);
        Self { quantity: quantity.max(1), window_micros, burst: burst.max(1) }
    }

    /// The quantity per window.
    #[must_use]
    pub const fn quantity(&self) -> u64 {
        self.quantity
    }

    /// The most that may come at once.
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// The window.
    #[must_use]
    pub const fn window(&self) -> Duration {
        Duration::from_micros(self.window_micros)
    }

    /// The time in which `cost` units flow back, rounded up.
    fn duration_micros(&self, cost: u64) -> i64 {
        let micros = u128::from(cost) * u128::from(self.window_micros);
        let micros = micros.div_ceil(u128::from(self.quantity));
        i64::try_from(micros).unwrap_or(i64::MAX)
    }
}

impl Gcra {
    /// A bucket with this stored state, as given by [`Gcra::full_at`].
    #[must_use]
    pub const fn at(full_at: Timestamp) -> Self {
        Self { full_at_micros: full_at.unix_micros() }
    }

    /// When the bucket is full again.
    #[must_use]
    pub const fn full_at(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.full_at_micros)
    }

    /// Whether `cost` units may pass at `now`. Changes nothing.
    ///
    /// A cost above the burst passes when the bucket is full: it could never pass otherwise. It
    /// leaves a debt that later requests wait for.
    pub fn check(&self, pace: &Pace, cost: u64, now: Timestamp) -> Result<(), TooFast> {
        let full_at = self.full_at_micros.max(now.unix_micros());
        let ahead = full_at.saturating_add(pace.duration_micros(cost.min(pace.burst)));
        let earliest = ahead.saturating_sub(pace.duration_micros(pace.burst));
        match u64::try_from(earliest.saturating_sub(now.unix_micros())) {
            Ok(wait @ 1..) => Err(TooFast { retry_after: Duration::from_micros(wait) }),
            _ => Ok(()),
        }
    }

    /// Takes `cost` units, whatever the state.
    pub fn take(&mut self, pace: &Pace, cost: u64, now: Timestamp) {
        let full_at = self.full_at_micros.max(now.unix_micros());
        self.full_at_micros = full_at.saturating_add(pace.duration_micros(cost));
    }

    /// Gives `cost` units back: an estimate that turned out too high.
    pub fn give_back(&mut self, pace: &Pace, cost: u64) {
        self.full_at_micros = self.full_at_micros.saturating_sub(pace.duration_micros(cost));
    }

    /// Units that may pass at `now`, for the `RateLimit` header.
    #[must_use]
    pub fn remaining(&self, pace: &Pace, now: Timestamp) -> u64 {
        let drained = self.full_at_micros.saturating_sub(now.unix_micros()).max(0).unsigned_abs();
        let missing = (u128::from(drained) * u128::from(pace.quantity)).div_ceil(u128::from(pace.window_micros));
        pace.burst.saturating_sub(u64::try_from(missing).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_000);

    fn after(millis: u64) -> Timestamp {
        START + Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_passes_and_then_the_pace_holds() {
        let pace = Pace::new(60, Duration::from_secs(60), 3);
        let mut bucket = Gcra::default();
        for _ in 0..3 {
            assert_eq!(bucket.check(&pace, 1, START), Ok(()));
            bucket.take(&pace, 1, START);
        }
        assert_eq!(bucket.check(&pace, 1, START), Err(TooFast { retry_after: Duration::from_secs(1) }));
        assert_eq!(bucket.remaining(&pace, START), 0);
        assert_eq!(bucket.check(&pace, 1, after(1_000)), Ok(()));
        assert_eq!(bucket.remaining(&pace, after(2_000)), 2);
    }

    #[test]
    fn what_was_estimated_too_high_comes_back() {
        let pace = Pace::new(1_000, Duration::from_secs(1), 1_000);
        let mut bucket = Gcra::default();
        bucket.take(&pace, 1_000, START);
        assert!(bucket.check(&pace, 1, START).is_err());
        bucket.give_back(&pace, 900);
        assert_eq!(bucket.check(&pace, 900, START), Ok(()));
        assert!(bucket.check(&pace, 901, START).is_err());
    }

    #[test]
    fn one_request_above_the_burst_passes_when_the_bucket_is_full() {
        let pace = Pace::new(10, Duration::from_secs(1), 10);
        let mut bucket = Gcra::default();
        assert_eq!(bucket.check(&pace, 50, START), Ok(()));
        bucket.take(&pace, 50, START);
        assert_eq!(bucket.check(&pace, 1, after(1_000)), Err(TooFast { retry_after: Duration::from_millis(3_100) }));
        assert_eq!(bucket.check(&pace, 1, after(4_100)), Ok(()));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_unlock_or_overflow() {
        let pace = Pace::new(1, Duration::from_secs(3_600), 1);
        let mut bucket = Gcra::default();
        bucket.take(&pace, 1, START);
        assert!(bucket.check(&pace, 1, Timestamp::from_unix_seconds(0)).is_err());
        bucket.take(&pace, u64::MAX, Timestamp::MAX);
        assert!(bucket.check(&pace, u64::MAX, START).is_err());
    }

    proptest! {
        /// In any window, no more passes than the burst plus what the pace refills.
        #[test]
        fn never_more_than_burst_plus_refill(quantity in 1_u64..50, burst in 1_u64..20, gaps in prop::collection::vec(0_u64..400, 1..200)) {
            let pace = Pace::new(quantity, Duration::from_secs(1), burst);
            let mut bucket = Gcra::default();
            let (mut now_ms, mut passed) = (0_u64, 0_u64);
            for gap in gaps {
                now_ms += gap;
                if bucket.check(&pace, 1, after(now_ms)).is_ok() {
                    bucket.take(&pace, 1, after(now_ms));
                    passed += 1;
                }
                prop_assert!(passed <= burst + (now_ms * quantity).div_ceil(1_000));
            }
        }
    }
}
