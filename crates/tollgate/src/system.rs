//! The clock and the randomness of the machine; the only place that reads them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use tollgate_core::id::Ids;
use tollgate_core::time::{Clock, Timestamp};

/// The setting that remembers how far the test clock is ahead, in microseconds.
pub(crate) const TEST_CLOCK: &str = "test_clock.ahead_micros";

/// The setting that signs the forms of pages.
pub(crate) const FORM_KEY: &str = "pages.form_key";

/// The system's clock, and in sandbox mode so much ahead of it.
#[derive(Debug, Default)]
pub struct SystemClock {
    ahead_micros: AtomicI64,
}

impl SystemClock {
    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.ahead_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How far it is ahead of the system's clock.
    #[must_use]
    pub fn ahead(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.ahead_micros.load(Ordering::Relaxed)).unwrap_or(0))
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_unix_micros(micros.saturating_add(self.ahead_micros.load(Ordering::Relaxed)))
    }
}

/// Random ids from the operating system's generator, drawn in blocks: one call for many ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

const BLOCK: usize = 4_096;
const ID: usize = 16;

thread_local! {
    static RANDOM: RefCell<(Box<[u8; BLOCK]>, usize)> = RefCell::new((Box::new([0; BLOCK]), BLOCK));
}

impl Ids for RandomIds {
    fn random(&self) -> u128 {
        RANDOM.with_borrow_mut(|(block, used)| {
            if *used + ID > BLOCK {
                // Without randomness ids could repeat and keys could be guessed: nothing may go on.
                assert!(rand::fill(&mut block[..]).is_ok(), "the operating system gives no random numbers");
                *used = 0;
            }
            let mut bytes = [0; ID];
            bytes.copy_from_slice(&block[*used..*used + ID]);
            // A block may hold the secret of a key: nothing of it is left behind.
            block[*used..*used + ID].fill(0);
            *used += ID;
            u128::from_le_bytes(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_also_across_blocks() {
        let mut seen: Vec<u128> = (0..1_000).map(|_| RandomIds.random()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 1_000);
        assert!(!seen.contains(&0));
    }

    #[test]
    fn the_test_clock_runs_ahead() {
        let (system, ahead) = (SystemClock::default(), SystemClock::default());
        ahead.advance(Duration::from_secs(3_600));
        assert!(ahead.now().since(system.now()) > Duration::from_secs(3_590));
        assert_eq!(ahead.ahead(), Duration::from_secs(3_600));
    }
}
