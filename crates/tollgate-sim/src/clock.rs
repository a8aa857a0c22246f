//! Clocks for tests and measurements.

use tollgate_core::time::{Clock, Timestamp};

/// A clock that stands still.
#[derive(Debug, Clone, Copy)]
pub struct Stopped(pub Timestamp);

impl Stopped {
    /// A clock for answers whose date nobody reads.
    pub const IN_1970: Self = Self(Timestamp::from_unix_seconds(0));
}

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}
