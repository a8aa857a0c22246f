//! Offers: the plans and add-ons that would lift a denial.

use std::sync::Arc;

use crate::catalogue::{AddOn, Catalogue, Plan, RateUnit};
use crate::money::Nanos;
use crate::standing::Standing;

use super::{Denial, Facts};

/// A plan or add-on that lifts a denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer<T> {
    /// What can be bought.
    pub item: Arc<T>,
    /// The limit it brings, where the denial is about a limit.
    pub limit: Option<u64>,
}

/// What lifts a denial, cheapest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    /// Plans.
    pub plans: Vec<Offer<Plan>>,
    /// Add-ons.
    pub add_ons: Vec<Offer<AddOn>>,
}

/// The plans and add-ons of `catalogue` that would lift `denial` for a customer in `standing`.
///
/// An offer is in the customer's currency and brings more than there is.
#[must_use]
pub fn offers(denial: &Denial, standing: &Standing, catalogue: &Catalogue) -> Offers {
    let present = standing.subscription.as_ref();
    let current = present.map(|s| &*s.plan);
    let other = |plan: &&Arc<Plan>| plan.currency == standing.currency && current.is_none_or(|c| *c.key != *plan.key);
    let dearer = |plan: &&Arc<Plan>| current.is_none_or(|c| plan.base_price >= c.base_price);
    let plans = || catalogue.plans.iter().filter(other);
    let add_ons = || catalogue.add_ons.iter().filter(|add_on| add_on.currency == standing.currency);
    let has = |names: &[Box<str>], name: &str| names.iter().any(|n| **n == *name);

    match &denial.facts {
        Facts::Feature(feature) => Offers {
            plans: plans().filter(|p| has(&p.features, feature)).map(|p| offer(p, None)).collect(),
            add_ons: add_ons().filter(|a| has(&a.features, feature)).map(|a| offer(a, None)).collect(),
        },
        Facts::Model(model) => Offers {
            plans: plans().filter(|p| p.models.includes(model)).map(|p| offer(p, None)).collect(),
            add_ons: add_ons().filter(|a| has(&a.models, model)).map(|a| offer(a, None)).collect(),
        },
        Facts::Context { model, prompt_tokens, .. } => {
            let allows = |limit: Option<u64>| limit.is_none_or(|limit| limit >= *prompt_tokens);
            Offers {
                plans: plans()
                    .filter(|p| allows(p.context_tokens_max) && p.models.includes(model))
                    .filter(dearer)
                    .map(|p| offer(p, p.context_tokens_max))
                    .collect(),
                add_ons: add_ons()
                    .filter(|a| a.context_tokens_max.is_some_and(|limit| limit >= *prompt_tokens))
                    .map(|a| offer(a, a.context_tokens_max))
                    .collect(),
            }
        }
        Facts::Quota(quota) => {
            let in_plan = |p: &Plan| p.quotas.iter().find(|q| q.id == quota.policy).map(|q| q.limit);
            let in_add_on = |a: &AddOn| a.quotas.iter().find(|(id, _)| *id == quota.policy).map(|(_, more)| *more);
            Offers {
                plans: plans()
                    .filter(|p| in_plan(p).is_none_or(|limit| limit > quota.limit))
                    .filter(dearer)
                    .map(|p| offer(p, in_plan(p)))
                    .collect(),
                add_ons: add_ons().filter_map(|a| Some(offer(a, Some(in_add_on(a)?)))).collect(),
            }
        }
        Facts::Rate(rate) => {
            let of = |p: &Plan| pace_of(p, &rate.policy);
            Offers {
                plans: plans()
                    .filter(|p| of(p).is_none_or(|limit| limit > rate.limit))
                    .filter(dearer)
                    .map(|p| offer(p, of(p)))
                    .collect(),
                add_ons: Vec::new(),
            }
        }
        Facts::Concurrency { policy, limit } => {
            let of = |p: &Plan| pace_of(p, policy);
            Offers {
                plans: plans()
                    .filter(|p| of(p).is_none_or(|more| more > u64::from(*limit)))
                    .filter(dearer)
                    .map(|p| offer(p, of(p)))
                    .collect(),
                add_ons: Vec::new(),
            }
        }
        // Whoever has no plan may choose any.
        Facts::Ended { .. } => Offers {
            plans: catalogue
                .plans
                .iter()
                .filter(|plan| plan.currency == standing.currency)
                .map(|p| offer(p, None))
                .collect(),
            add_ons: Vec::new(),
        },
        Facts::None
        | Facts::Balance(_)
        | Facts::Cap { .. }
        | Facts::Open(_)
        | Facts::Method { .. }
        | Facts::Commitment { .. }
        | Facts::Review { .. }
        | Facts::Price { .. } => Offers::default(),
    }
}

fn offer<T>(item: &Arc<T>, limit: Option<u64>) -> Offer<T> {
    Offer { item: Arc::clone(item), limit }
}

/// The quantity of the plan's rate limit of that name.
fn pace_of(plan: &Plan, policy: &str) -> Option<u64> {
    plan.rate_limits.iter().find(|limit| *limit.id == *policy).map(|limit| match limit.unit {
        RateUnit::Requests(pace) | RateUnit::Tokens(pace) => pace.quantity(),
        RateUnit::Concurrency(most) => u64::from(most),
    })
}

impl Offers {
    /// Whether something can be bought.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.plans.is_empty() && self.add_ons.is_empty()
    }

    /// The cheapest price of all offers.
    #[must_use]
    pub fn cheapest(&self) -> Option<Nanos> {
        let plans = self.plans.iter().map(|offer| offer.item.base_price);
        plans.chain(self.add_ons.iter().map(|offer| offer.item.price)).min()
    }
}
