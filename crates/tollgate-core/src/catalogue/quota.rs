//! Quotas: how much of a meter a period includes, and what happens past it.

use super::Selector;
use crate::meter::MeterSet;
use crate::money::Rate;

/// A quantity per period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Its stable name, also the policy name in `RateLimit` headers, for example `calls-month`.
    pub id: Box<str>,
    /// What is counted, added up.
    pub meters: MeterSet,
    /// The quantity.
    pub limit: u64,
    /// How long it lasts.
    pub period: QuotaPeriod,
    /// The requests it counts.
    pub applies_to: Selector,
    /// Whether use within it is paid for with the plan.
    pub coverage: Coverage,
    /// Percentages at which the customer is warned, ascending; typically 80, 95, 100.
    pub stages: Box<[u8]>,
    /// What happens to a request that would go past it.
    pub past: PastLimit,
}

/// The stretch of time after which a quota starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaPeriod {
    /// The subscription's billing period.
    Billing,
    /// The calendar day in the customer's time zone.
    Day,
    /// The calendar month in the customer's time zone.
    Month,
    /// Never: the quantity is all there is.
    Total,
}

impl QuotaPeriod {
    /// The name in bodies and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Billing => "billing_period",
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
        }
    }
}

/// Whether the plan's base price pays for use within the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Included: units within the quota cost nothing more.
    Included,
    /// A ceiling only: every unit costs its price.
    CeilingOnly,
}

/// What happens past a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PastLimit {
    /// Refuse with 402 `quota_exceeded`: paying lifts it.
    Block,
    /// Refuse with 429 until the period ends: only waiting lifts it.
    BlockUntilReset,
    /// Serve, at this price per unit; without one, at the price of the route or model.
    Overage(Option<Rate>),
    /// Serve with less.
    Degrade(Degradation),
    /// Serve so many units more, covered like those before, then block.
    Allowance(u64),
}

impl PastLimit {
    /// Units that are served past the limit before it blocks.
    #[must_use]
    pub const fn allowance(&self) -> u64 {
        match self {
            Self::Allowance(units) => *units,
            Self::Block | Self::BlockUntilReset | Self::Overage(_) | Self::Degrade(_) => 0,
        }
    }
}

/// How a request is served past a soft limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Degradation {
    /// Requests per minute, instead of the plan's rate.
    pub requests_per_minute: Option<u64>,
    /// Cheaper models by the model asked for.
    pub models: Box<[(Box<str>, Box<str>)]>,
    /// Features that pause.
    pub without_features: Box<[Box<str>]>,
}

impl Degradation {
    /// The model that serves instead of `asked`.
    #[must_use]
    pub fn model_for(&self, asked: &str) -> Option<&str> {
        self.models.iter().find(|(from, _)| &**from == asked).map(|(_, to)| &**to)
    }
}

impl Quota {
    /// The quantity at which stage `percent` is reached, rounded up.
    #[must_use]
    pub fn threshold(limit: u64, percent: u8) -> u64 {
        let quantity = (u128::from(limit) * u128::from(percent)).div_ceil(100);
        u64::try_from(quantity).unwrap_or(u64::MAX)
    }
}
