//! Spend caps: the most money a customer lets a period cost.

use crate::id::{ApplicationId, KeyId};
use crate::money::Nanos;

/// The most that may be spent in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpendCap {
    /// Whose spending counts.
    pub scope: CapScope,
    /// How long it lasts.
    pub period: CapPeriod,
    /// The most.
    pub amount: Nanos,
}

/// Whose spending a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapScope {
    /// The customer's.
    Customer,
    /// One application's.
    Application(ApplicationId),
    /// One API key's.
    Key(KeyId),
}

/// The stretch of time after which a cap starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapPeriod {
    /// The calendar day in the customer's time zone.
    Day,
    /// The calendar month in the customer's time zone.
    Month,
    /// Never.
    Total,
}

impl CapPeriod {
    /// The name in bodies and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
        }
    }
}

impl CapScope {
    /// The name in bodies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Application(_) => "application",
            Self::Key(_) => "key",
        }
    }
}
