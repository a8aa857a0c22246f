//! Rate limits of a plan: requests, tokens, concurrency.

use super::Selector;
use crate::gcra::Pace;

/// How fast, or how many at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Its stable name, also the policy name in `RateLimit` headers, for example `rpm`.
    pub id: Box<str>,
    /// What it counts.
    pub unit: RateUnit,
    /// Who shares it.
    pub per: RatePer,
    /// The requests it counts.
    pub applies_to: Selector,
    /// What the answer is when it is reached.
    pub when_too_fast: WhenTooFast,
}

/// What a rate limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateUnit {
    /// Requests in a window.
    Requests(Pace),
    /// Tokens in a window, as estimated before and corrected after the request.
    Tokens(Pace),
    /// Requests that run at the same time.
    Concurrency(u32),
}

/// Who shares a rate limit. It is always within one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatePer {
    /// All requests of the customer.
    Customer,
    /// Each API key by itself.
    Key,
    /// Each route by itself.
    Route,
    /// Each model by itself.
    Model,
}

impl RatePer {
    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Key => "key",
            Self::Route => "route",
            Self::Model => "model",
        }
    }
}

/// The answer to a request that is too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenTooFast {
    /// 429 with `Retry-After`: the default, because waiting lifts it.
    Wait,
    /// 402 `rate_limit_upgrade`: the operator sells speed and wants it said.
    Upgrade,
}
