//! Denials: the reason and the figures that explain it.

use std::time::Duration;

use crate::catalogue::CapPeriod;
use crate::meter::MeterSet;
use crate::money::Nanos;
use crate::time::Timestamp;

use super::Reason;

/// A request that may not run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The row of the catalogue.
    pub reason: Reason,
    /// The figures of this moment.
    pub facts: Facts,
}

/// The figures behind a denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// The reason says it all.
    None,
    /// About the balance.
    Balance(Shortage),
    /// About a quota.
    Quota(QuotaFacts),
    /// About a rate limit.
    Rate(RateFacts),
    /// About running requests.
    Concurrency {
        /// The limit's name.
        policy: Box<str>,
        /// The most that may run.
        limit: u32,
    },
    /// About a spend cap.
    Cap {
        /// `customer`, `application` or `key`.
        scope: &'static str,
        /// Which one.
        scope_id: Box<str>,
        /// The cap.
        limit: Nanos,
        /// Spent and held of it.
        spent: Nanos,
        /// What the request may cost.
        required: Nanos,
        /// How long it lasts.
        period: CapPeriod,
        /// When it starts anew.
        resets_at: Timestamp,
    },
    /// About a feature.
    Feature(Box<str>),
    /// About a model.
    Model(Box<str>),
    /// About the size of a prompt.
    Context {
        /// The model.
        model: Box<str>,
        /// Tokens of the prompt.
        prompt_tokens: u64,
        /// What the plan allows.
        plan_limit: u64,
    },
    /// About a subscription that ended, or never began.
    Ended {
        /// When; `None` if it never began.
        at: Option<Timestamp>,
    },
    /// About money that is open.
    Open(OpenBill),
    /// About an expired payment method.
    Method {
        /// For example `visa`.
        brand: Box<str>,
        /// Its last digits.
        last4: Box<str>,
        /// Its last month.
        expired: (i16, i8),
    },
    /// About a commitment.
    Commitment {
        /// The minimum.
        minimum: Nanos,
        /// What was paid of it.
        paid: Nanos,
        /// When the rest was due.
        due_at: Timestamp,
    },
    /// About a review.
    Review {
        /// Its case number.
        case: Box<str>,
        /// Since when.
        since: Timestamp,
        /// Until when, probably.
        expected_by: Option<Timestamp>,
    },
    /// About a price.
    Price {
        /// What one request costs.
        amount: Nanos,
    },
}

/// A balance that does not cover a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// What may be spent now.
    pub available: Nanos,
    /// What running requests hold.
    pub reserved: Nanos,
    /// What the request may cost.
    pub required: Nanos,
    /// The output bound that would fit, in tokens, if a smaller one would.
    pub affordable_output_tokens: Option<u64>,
}

impl Shortage {
    /// What must be added at least.
    #[must_use]
    pub fn missing(&self) -> Nanos {
        self.required.saturating_minus(self.available).at_least_zero()
    }

    /// Whether the money is there and only held by running requests.
    #[must_use]
    pub fn is_only_reserved(&self) -> bool {
        self.reserved.is_positive() && self.available.saturating_plus(self.reserved) >= self.required
    }
}

/// A quota that does not hold a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaFacts {
    /// Its name.
    pub policy: Box<str>,
    /// What it counts.
    pub meters: MeterSet,
    /// How much.
    pub limit: u64,
    /// Used and held.
    pub used: u64,
    /// What the request may use.
    pub required: u64,
    /// The name of its period.
    pub period: &'static str,
    /// When it starts anew; `None` for never.
    pub resets_at: Option<Timestamp>,
    /// The length of the period; `None` for ever.
    pub window: Option<Duration>,
    /// Whether paying lifts it.
    pub paying_helps: PayingHelps,
}

/// Whether paying lifts a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayingHelps {
    /// It does: 402.
    Yes,
    /// Only time does: 429.
    OnlyTime,
}

/// A rate limit that is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateFacts {
    /// Its name.
    pub policy: Box<str>,
    /// `requests` or `tokens`.
    pub unit: &'static str,
    /// How many.
    pub limit: u64,
    /// In this time.
    pub window: Duration,
    /// How long until the request may come again.
    pub retry_after: Duration,
}

/// Money that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBill {
    /// How much.
    pub amount: Nanos,
    /// Since when, or due when.
    pub since: Timestamp,
    /// When grace ended, if there was one.
    pub grace_until: Option<Timestamp>,
    /// How often it was tried to collect.
    pub attempts: u32,
    /// The payment provider's word for why it failed, or who suspended.
    pub why: Box<str>,
    /// The numbers of the invoices.
    pub invoices: Vec<Box<str>>,
}

impl Denial {
    /// A denial whose reason says it all.
    #[must_use]
    pub const fn plain(reason: Reason) -> Self {
        Self { reason, facts: Facts::None }
    }

    /// The status it is answered with: that of its reason, except for a quota that only time lifts.
    #[must_use]
    pub fn status(&self) -> u16 {
        match &self.facts {
            Facts::Quota(quota) if quota.paying_helps == PayingHelps::OnlyTime => 429,
            _ => self.reason.status(),
        }
    }

    /// Whether counting the tokens of the prompt could turn it into an admission.
    #[must_use]
    pub const fn depends_on_tokens(&self) -> bool {
        matches!(
            self.reason,
            Reason::InsufficientBalance
                | Reason::QuotaExceeded
                | Reason::SpendCapReached
                | Reason::ContextWindowExceedsPlan
                | Reason::TokenRateLimited
        )
    }
}
