//! What a decision comes to.

use crate::catalogue::{CallerLeft, Degradation, PastLimit, Plan};
use crate::meter::Usage;
use crate::money::Nanos;
use crate::time::Timestamp;

use super::Denial;
use super::claims::{LimitSet, QuotaSet};
use super::cost::{Cost, IncludedLeft, Tariff};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every decision admits; a box would cost each of them")]
pub enum Decision {
    /// It may run on these terms.
    Admit(Terms),
    /// It may not.
    Deny(Denial),
}

/// What an admitted request holds and how it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The most it can cost.
    pub amount: Nanos,
    /// The part of it that the wallet does not cover and that goes on account.
    pub on_account: Nanos,
    /// The most it can use: the ask's bound, perhaps with a lower output bound.
    pub bound: Usage,
    /// The output bound it was lowered to, in tokens.
    pub clamped_output: Option<u64>,
    /// How it is served past a soft limit: the quota's place in the plan.
    pub degraded_by: Option<usize>,
    /// Access continues only until then.
    pub grace_until: Option<Timestamp>,
    /// Whether an authorization must be taken at the payment provider first.
    pub verify: bool,
    pub(crate) tariff: Tariff,
    pub(crate) quotas: QuotaSet,
    pub(crate) limits: LimitSet,
    pub(crate) cost: Cost,
    /// What the quotas still included.
    pub(crate) included: IncludedLeft,
}

impl Terms {
    /// How the request is served past a soft limit of `plan`.
    #[must_use]
    pub fn degradation<'a>(&self, plan: &'a Plan) -> Option<&'a Degradation> {
        match &plan.quotas.get(self.degraded_by?)?.past {
            PastLimit::Degrade(degradation) => Some(degradation),
            PastLimit::Block | PastLimit::BlockUntilReset | PastLimit::Overage(_) | PastLimit::Allowance(_) => None,
        }
    }

    /// Under which label the request counts in the plan's rate limit at `index`; `None` if it does not.
    #[must_use]
    pub fn limit_label(&self, index: usize) -> Option<u64> {
        self.limits.iter().find(|(place, _)| *place == index).map(|(_, label)| label)
    }

    /// What is owed when the caller leaves: the plan's policy, or what was generated where there is
    /// no plan.
    #[must_use]
    pub fn caller_left(plan: Option<&Plan>) -> CallerLeft {
        let default = CallerLeft::Generated { time_max: std::time::Duration::from_secs(30) };
        plan.map_or(default, |plan| plan.caller_left)
    }
}
