//! What came out.

use std::fmt;
use std::time::Duration;

/// What came out.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// How often the process was killed while it served.
    pub kills: u32,
    /// How often it was killed while it started, besides.
    pub kills_at_start: u32,
    /// Answers that clients have seen to their end.
    pub completed: u64,
    /// Refusals that clients have seen.
    pub refused: u64,
    /// Rows that cost something.
    pub billed: u64,
    /// Of them, those whose answer no client has seen to its end.
    pub billed_without_completion: u64,
    /// Complete answers without a row.
    pub unbilled: u64,
    /// Rows of a request that had one.
    pub twice: u64,
    /// Top-ups that were acknowledged.
    pub top_ups: u64,
    /// Of them, those that had to be repeated because the process was gone.
    pub top_ups_repeated: u64,
    /// From a start until it served, recovery included.
    pub restarts: Vec<Duration>,
    /// A sentence for everything that must not be.
    pub wrong: Vec<String>,
}

impl Figures {
    /// Whether everything holds that must.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.wrong.is_empty() && self.unbilled == 0 && self.twice == 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut restarts = self.restarts.clone();
        restarts.sort_unstable();
        let p50 = restarts.get(restarts.len() / 2).copied().unwrap_or_default().as_millis();
        let max = restarts.last().copied().unwrap_or_default().as_millis();
        write!(
            f,
            "kills {} (and {} at start), completed {}, refused {}, billed {}, billed without completion {}, \
             unbilled {}, twice {}, top-ups {} (repeated {}), restart p50 {p50} ms, max {max} ms",
            self.kills,
            self.kills_at_start,
            self.completed,
            self.refused,
            self.billed,
            self.billed_without_completion,
            self.unbilled,
            self.twice,
            self.top_ups,
            self.top_ups_repeated,
        )
    }
}
