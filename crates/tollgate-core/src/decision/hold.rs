//! Holds: what a running request keeps from others.
//!
//! A hold is plain data; the gateway wraps it in a guard. It never allocates unless a request draws
//! from several grants or counts against tier prices.

use std::sync::Arc;

use crate::catalogue::{Plan, RateUnit};
use crate::meter::{MeterSet, Usage};
use crate::money::Nanos;
use crate::standing::{Draws, Standing, TierState, Window};
use crate::time::Timestamp;

use super::claims::slower;
use super::{Ask, Terms};

/// What a running request keeps from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The terms it was admitted on.
    pub terms: Terms,
    /// The plan it was admitted on; the customer may have another one when it ends.
    pub plan: Option<Arc<Plan>>,
    /// When it was admitted. Its use counts in the periods of that instant.
    pub admitted_at: Timestamp,
    /// What it holds of the wallet.
    pub draws: Draws,
    /// What served responses say about it.
    pub notices: Notices,
}

/// What a served response tells the program about the standing it leaves behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notices {
    /// A quota's place and the warning stage it has reached, the highest of all.
    pub stage: Option<(usize, u8)>,
    /// Access continues only until then.
    pub grace_until: Option<Timestamp>,
}

/// Places the hold of an admitted request. `terms` must come from [`decide`](super::decide) on the same
/// standing with nothing in between: both happen under one lock.
pub fn place(standing: &mut Standing, ask: &Ask<'_>, terms: Terms, now: Timestamp) -> Hold {
    let from_wallet = terms.amount.saturating_minus(terms.on_account);
    let draws = standing.wallet.hold(from_wallet, ask.route, now);
    standing.owed_held = standing.owed_held.saturating_plus(terms.on_account);

    let mut notices = Notices { stage: None, grace_until: terms.grace_until };
    let Standing { subscription, quotas, rates, rare, .. } = standing;
    if let Some(subscription) = subscription {
        for index in terms.quotas.iter() {
            let (Some(window), Some(quota)) = (quotas.get_mut(index), subscription.plan.quotas.get(index)) else {
                continue;
            };
            window.held = window.held.saturating_add(terms.bound.sum(quota.meters));
            let stage = Window::stage_at(window.committed(), subscription.quota_limit(index), &quota.stages);
            if let Some(stage) = stage
                && notices.stage.is_none_or(|(_, highest)| stage > highest)
            {
                notices.stage = Some((index, stage));
            }
        }
        for (index, label) in terms.limits.iter() {
            let Some(limit) = subscription.plan.rate_limits.get(index) else { continue };
            let state = rates.get_mut(u8::try_from(index).unwrap_or(u8::MAX), label, now);
            match &limit.unit {
                RateUnit::Concurrency(_) => state.running = state.running.saturating_add(1),
                RateUnit::Requests(pace) => {
                    let slowed = terms.degraded_by.and_then(|quota| slower(&subscription.plan, quota));
                    state.bucket.take(slowed.as_ref().unwrap_or(pace), 1, now);
                }
                RateUnit::Tokens(pace) => state.bucket.take(pace, terms.bound.sum(MeterSet::TOKENS), now),
            }
        }
    }
    if let Some(rare) = rare {
        for cap in rare.caps.iter_mut().filter(|cap| cap.counts(ask.application, ask.key)) {
            cap.window.held = cap.window.held.saturating_add(units(terms.amount));
        }
    }
    hold_tiers(standing, &terms);
    let plan = standing.subscription.as_ref().map(|s| Arc::clone(&s.plan));
    Hold { terms, plan, admitted_at: now, draws, notices }
}

fn hold_tiers(standing: &mut Standing, terms: &Terms) {
    let Some(price) = terms.tariff.price.as_ref().filter(|_| !terms.cost.tiers.is_empty()) else { return };
    let period = standing.subscription.as_ref().map_or(crate::period::Period::ALWAYS, |s| s.period);
    let rare = standing.rare_mut();
    for tier in &terms.cost.tiers {
        let known = rare.tiers.iter_mut().find(|t| t.price == price.key && t.component == tier.component);
        match known {
            Some(state) => state.held = state.held.saturating_add(tier.quantity),
            None => rare.tiers.push(TierState {
                price: price.key.clone(),
                component: tier.component,
                period,
                progress: crate::rating::Progress::default(),
                held: tier.quantity,
            }),
        }
    }
}

/// An amount as the unit count of a spend cap's window.
pub(crate) fn units(amount: Nanos) -> u64 {
    u64::try_from(amount.get()).unwrap_or(0)
}

impl Hold {
    /// The most the request may use.
    #[must_use]
    pub const fn bound(&self) -> &Usage {
        &self.terms.bound
    }
}
