//! Spend caps and what counts against them.

use crate::catalogue::{CapScope, SpendCap};
use crate::id::{ApplicationId, KeyId};
use crate::money::Nanos;

use super::Window;

/// A spend cap with what counts against it, in nano-units of the customer's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapState {
    /// The cap.
    pub cap: SpendCap,
    /// Nano-units spent and held in its period.
    pub window: Window,
}

impl CapState {
    /// Whether a request of `key` in `application` counts against it.
    #[must_use]
    pub fn counts(&self, application: ApplicationId, key: KeyId) -> bool {
        match self.cap.scope {
            CapScope::Customer => true,
            CapScope::Application(id) => id == application,
            CapScope::Key(id) => id == key,
        }
    }

    /// Spent and settled.
    #[must_use]
    pub fn spent(&self) -> Nanos {
        Nanos::new(i64::try_from(self.window.used).unwrap_or(i64::MAX))
    }

    /// What may still be spent.
    #[must_use]
    pub fn left(&self) -> Nanos {
        let limit = u64::try_from(self.cap.amount.get()).unwrap_or(0);
        Nanos::new(i64::try_from(self.window.left(limit)).unwrap_or(i64::MAX))
    }
}
