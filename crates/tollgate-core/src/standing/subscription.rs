//! The subscription as far as access depends on it.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::catalogue::{AddOn, Plan};
use crate::id::SubscriptionId;
use crate::money::Nanos;
use crate::period::{Period, billing_period};
use crate::time::Timestamp;

/// A customer on a plan.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Which.
    pub id: SubscriptionId,
    /// The version that was sold.
    pub plan: Arc<Plan>,
    /// Add-ons, in the versions that were sold.
    pub add_ons: Box<[Arc<AddOn>]>,
    /// Where it stands.
    pub state: SubscriptionState,
    /// The instant from which billing periods are counted.
    pub anchor: Timestamp,
    /// The running billing period.
    pub period: Period,
}

/// Where a subscription stands. Derived access is decided in [`crate::decision`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionState {
    /// Rights without a charge, until the trial ends.
    Trialing {
        /// The first instant after the trial.
        ends_at: Timestamp,
    },
    /// Paid up.
    Active,
    /// A payment failed.
    PastDue(Box<Decline>),
    /// Access stopped; it comes back with the payment, or by the one who stopped it.
    Suspended {
        /// Since when.
        since: Timestamp,
        /// By whom.
        by: SuspendedBy,
        /// What must be paid.
        amount_due: Nanos,
    },
    /// Ended because it was not renewed.
    Expired {
        /// When.
        ended_at: Timestamp,
    },
    /// Ended by choice.
    Canceled {
        /// When.
        ended_at: Timestamp,
    },
}

/// A failed payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decline {
    /// When it failed first.
    pub since: Timestamp,
    /// Until when access continues.
    pub grace_until: Timestamp,
    /// What must be paid.
    pub amount_due: Nanos,
    /// How often it was tried.
    pub attempts: u32,
    /// The decline code in the payment provider's words, for example `insufficient_funds`.
    pub code: Box<str>,
}

/// Who suspended a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuspendedBy {
    /// The dunning schedule ran out; paying lifts it.
    Dunning,
    /// The operator; only the operator lifts it.
    Operator,
    /// The customer; resuming lifts it.
    Customer,
}

impl SuspendedBy {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dunning => "dunning",
            Self::Operator => "operator",
            Self::Customer => "customer",
        }
    }
}

impl SubscriptionState {
    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Trialing { .. } => "trialing",
            Self::Active => "active",
            Self::PastDue(_) => "past_due",
            Self::Suspended { .. } => "suspended",
            Self::Expired { .. } => "expired",
            Self::Canceled { .. } => "canceled",
        }
    }
}

impl Subscription {
    /// Brings the billing period to the one that contains `now`.
    pub fn advance(&mut self, zone: &TimeZone, now: Timestamp) {
        if !self.period.contains(now) {
            self.period = billing_period(self.anchor, zone, self.plan.cadence, now).period;
        }
    }

    /// Whether the plan or an add-on includes `feature`.
    #[must_use]
    pub fn includes_feature(&self, feature: &str) -> bool {
        let among = |features: &[Box<str>]| features.iter().any(|f| **f == *feature);
        among(&self.plan.features) || self.add_ons.iter().any(|add_on| among(&add_on.features))
    }

    /// Whether the plan or an add-on opens `model`.
    #[must_use]
    pub fn includes_model(&self, model: &str) -> bool {
        let by_add_on = || self.add_ons.iter().any(|add_on| add_on.models.iter().any(|m| **m == *model));
        self.plan.models.includes(model) || by_add_on()
    }

    /// The largest prompt, in tokens; `None` for as large as the model takes.
    #[must_use]
    pub fn context_tokens_max(&self) -> Option<u64> {
        let by_plan = self.plan.context_tokens_max?;
        let by_add_ons = self.add_ons.iter().filter_map(|add_on| add_on.context_tokens_max).max();
        Some(by_add_ons.map_or(by_plan, |more| more.max(by_plan)))
    }

    /// Where quota `place` of `plan`, perhaps an earlier plan, is found in the present one.
    #[must_use]
    pub fn quota_place(&self, plan: &Arc<Plan>, place: usize) -> Option<usize> {
        if Arc::ptr_eq(plan, &self.plan) {
            return Some(place);
        }
        let id = &plan.quotas.get(place)?.id;
        self.plan.quotas.iter().position(|quota| quota.id == *id)
    }

    /// The limit of the plan's quota `index`, with what add-ons add.
    #[must_use]
    pub fn quota_limit(&self, index: usize) -> u64 {
        let Some(quota) = self.plan.quotas.get(index) else { return 0 };
        let added = |add_on: &Arc<AddOn>| {
            add_on.quotas.iter().filter(|(id, _)| *id == quota.id).map(|(_, more)| *more).fold(0, u64::saturating_add)
        };
        self.add_ons.iter().map(added).fold(quota.limit, u64::saturating_add)
    }
}
