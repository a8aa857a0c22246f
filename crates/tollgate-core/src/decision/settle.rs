//! Settling: what was really used replaces what was held.

use std::sync::Arc;

use crate::catalogue::{CapScope, PaymentTerms, Price, RateUnit};
use crate::id::{ApplicationId, KeyId};
use crate::meter::{MeterSet, Usage};
use crate::money::{Nanos, Picos};
use crate::period::{Period, billing_period};
use crate::standing::{Draws, Standing, Window, cap_period, quota_period};
use crate::time::Timestamp;

use super::cost::{Admitted, At, Cost, cost};
use super::hold::units;
use super::{Ask, Hold};

/// What a request came to: everything that must become durable, and nothing that need not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What was used.
    pub usage: Usage,
    /// What the customer pays: `draws` and `on_account` together.
    pub cost: Nanos,
    /// What the wallet pays, grant by grant.
    pub draws: Draws,
    /// What goes on account.
    pub on_account: Nanos,
    /// What the use was worth beyond the hold of a prepaid customer. The operator bears it.
    pub loss: Nanos,
    /// What counts against quotas.
    pub quotas: Vec<QuotaUse>,
    /// What counts against spend caps.
    pub caps: Vec<CapUse>,
    /// What counts towards cumulative prices.
    pub tiers: Vec<TierUse>,
}

/// Use of one quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaUse {
    /// The quota's place in the plan it was admitted on.
    pub quota: u8,
    /// The start of the period it counts in.
    pub period: Period,
    /// How much.
    pub quantity: u64,
    /// The highest warning stage that this use crossed.
    pub crossed: Option<u8>,
}

/// Use of one spend cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapUse {
    /// Whose.
    pub scope: CapScope,
    /// Its period.
    pub kind: crate::catalogue::CapPeriod,
    /// The period it counts in.
    pub period: Period,
    /// How much.
    pub amount: Nanos,
}

/// Progress in one component of a cumulative price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierUse {
    /// The price.
    pub price: Arc<Price>,
    /// The place of the component.
    pub component: u8,
    /// The billing period it counts in.
    pub period: Period,
    /// Units.
    pub quantity: u64,
    /// Charged for them.
    pub charge: Picos,
}

/// Ends `hold` with what was used and gives back the rest.
///
/// The cost is that of the price the request was admitted on. For prepaid customers it never exceeds
/// the hold; what was used beyond is [`Settled::loss`]. Postpaid customers owe it.
pub fn settle(standing: &mut Standing, ask: &Ask<'_>, hold: &Hold, usage: Usage, now: Timestamp) -> Settled {
    let admitted = Admitted { plan: hold.plan.as_ref(), at: hold.admitted_at, included: &hold.terms.included };
    let worth = cost(standing, ask, &hold.terms.tariff, &usage, At::Settlement(&admitted)).unwrap_or_else(|_| Cost {
        // Use so absurd that its price does not fit: the hold is the most that is believed.
        amount: hold.terms.amount,
        tiers: Vec::new(),
    });
    let held = hold.draws.total();
    let from_wallet = worth.amount.min(held);
    let beyond = worth.amount.saturating_minus(from_wallet);
    let postpaid = hold.plan.as_ref().is_some_and(|plan| matches!(plan.payment, PaymentTerms::Postpaid { .. }));
    let (on_account, loss) = if postpaid {
        (beyond, Nanos::ZERO)
    } else {
        let owed = beyond.min(hold.terms.on_account);
        (owed, beyond.saturating_minus(owed))
    };
    let draws = standing.wallet.settle(&hold.draws, from_wallet);
    standing.owed_held = standing.owed_held.saturating_minus(hold.terms.on_account).at_least_zero();
    standing.owed = standing.owed.saturating_plus(on_account);
    let cost = from_wallet.saturating_plus(on_account);

    let quotas = settle_quotas(standing, hold, &usage);
    settle_rates(standing, hold, &usage, now);
    let caps = settle_caps(standing, ask.application, ask.key, hold, cost);
    let tiers = settle_tiers(standing, hold, &worth);
    Settled { usage, cost, draws, on_account, loss, quotas, caps, tiers }
}

/// Ends `hold` without a cost.
pub fn release(standing: &mut Standing, ask: &Ask<'_>, hold: &Hold, now: Timestamp) {
    standing.wallet.release(&hold.draws);
    standing.owed_held = standing.owed_held.saturating_minus(hold.terms.on_account).at_least_zero();
    settle_quotas(standing, hold, &Usage::NONE);
    settle_rates(standing, hold, &Usage::NONE, now);
    settle_caps(standing, ask.application, ask.key, hold, Nanos::ZERO);
    settle_tiers(standing, hold, &Cost::default());
}

fn settle_quotas(standing: &mut Standing, hold: &Hold, usage: &Usage) -> Vec<QuotaUse> {
    let mut uses = Vec::new();
    let Some(plan) = &hold.plan else { return uses };
    let Standing { subscription, quotas, zone, .. } = standing;
    for place in hold.terms.quotas.iter() {
        let Some(quota) = plan.quotas.get(place) else { continue };
        let quantity = usage.sum(quota.meters);
        let window = subscription.as_ref().and_then(|s| {
            let index = s.quota_place(plan, place)?;
            Some((
                quotas.get_mut(index).filter(|window| window.period.contains(hold.admitted_at))?,
                s.quota_limit(index),
            ))
        });
        let (period, crossed) = match window {
            Some((window, limit)) => {
                let before = window.used;
                window.held = window.held.saturating_sub(hold.terms.bound.sum(quota.meters));
                window.used = window.used.saturating_add(quantity);
                (window.period, Window::crossed(before, window.used, limit, &quota.stages).last())
            }
            // The period turned, or the plan lost the quota, while the request ran. It counts where it
            // began; nobody waits there.
            None => {
                let billing = subscription
                    .as_ref()
                    .map_or(Period::ALWAYS, |s| billing_period(s.anchor, zone, plan.cadence, hold.admitted_at).period);
                (quota_period(quota.period, billing, zone, hold.admitted_at), None)
            }
        };
        if quantity > 0 {
            uses.push(QuotaUse { quota: u8::try_from(place).unwrap_or(u8::MAX), period, quantity, crossed });
        }
    }
    uses
}

fn settle_rates(standing: &mut Standing, hold: &Hold, usage: &Usage, now: Timestamp) {
    let (Some(plan), Some(subscription)) = (&hold.plan, &standing.subscription) else { return };
    if !Arc::ptr_eq(plan, &subscription.plan) {
        // The limits started anew with the other plan.
        return;
    }
    for (index, label) in hold.terms.limits.iter() {
        let Some(limit) = plan.rate_limits.get(index) else { continue };
        let place = u8::try_from(index).unwrap_or(u8::MAX);
        match &limit.unit {
            RateUnit::Requests(_) => (),
            RateUnit::Tokens(pace) => {
                let estimated = hold.terms.bound.sum(MeterSet::TOKENS);
                let used = usage.sum(MeterSet::TOKENS);
                let bucket = &mut standing.rates.get_mut(place, label, now).bucket;
                if used <= estimated {
                    bucket.give_back(pace, estimated - used);
                } else {
                    bucket.take(pace, used - estimated, now);
                }
            }
            RateUnit::Concurrency(_) => {
                let state = standing.rates.get_mut(place, label, now);
                state.running = state.running.saturating_sub(1);
            }
        }
    }
}

fn settle_caps(
    standing: &mut Standing,
    application: ApplicationId,
    key: KeyId,
    hold: &Hold,
    cost: Nanos,
) -> Vec<CapUse> {
    let Standing { rare: Some(rare), zone, .. } = standing else { return Vec::new() };
    let mut uses = Vec::new();
    for cap in rare.caps.iter_mut().filter(|cap| cap.counts(application, key)) {
        let period = if cap.window.period.contains(hold.admitted_at) {
            cap.window.held = cap.window.held.saturating_sub(units(hold.terms.amount));
            cap.window.used = cap.window.used.saturating_add(units(cost));
            cap.window.period
        } else {
            cap_period(cap.cap.period, zone, hold.admitted_at)
        };
        if cost.is_positive() {
            uses.push(CapUse { scope: cap.cap.scope, kind: cap.cap.period, period, amount: cost });
        }
    }
    uses
}

fn settle_tiers(standing: &mut Standing, hold: &Hold, worth: &Cost) -> Vec<TierUse> {
    let Some(price) = hold.terms.tariff.price.as_ref().filter(|_| !hold.terms.cost.tiers.is_empty()) else {
        return Vec::new();
    };
    let Standing { rare: Some(rare), subscription, zone, .. } = standing else { return Vec::new() };
    let billing = match (subscription, &hold.plan) {
        (Some(subscription), Some(plan)) => {
            billing_period(subscription.anchor, zone, plan.cadence, hold.admitted_at).period
        }
        _ => Period::ALWAYS,
    };
    let mut uses = Vec::new();
    for state in rare.tiers.iter_mut().filter(|state| state.price == price.key) {
        let held = hold.terms.cost.tiers.iter().find(|t| t.component == state.component);
        state.held = state.held.saturating_sub(held.map_or(0, |t| t.quantity));
        let Some(used) = worth.tiers.iter().find(|t| t.component == state.component) else { continue };
        let is_current = state.period.contains(hold.admitted_at);
        if is_current && let Ok(progress) = state.progress.after(used.quantity, used.charge) {
            state.progress = progress;
        }
        uses.push(TierUse {
            price: Arc::clone(price),
            component: state.component,
            // It counts where it began.
            period: if is_current { state.period } else { billing },
            quantity: used.quantity,
            charge: used.charge,
        });
    }
    uses
}
