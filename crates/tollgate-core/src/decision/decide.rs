//! The order of the checks.
//!
//! | # | question | reasons |
//! |---|---|---|
//! | 1 | is the customer under review? | `account_under_review` |
//! | 2 | is there a subscription in good standing? | `subscription_*`, `trial_ended`, `payment_failed`, `invoice_overdue`, `minimum_payment_due`, `payment_method_*` |
//! | 3 | does the plan include what is asked? | `feature_not_in_plan`, `model_not_in_plan`, `context_window_exceeds_plan` |
//! | 4 | is there a price? | `model_not_priced` |
//! | 5 | do the quotas hold it? | `quota_exceeded` |
//! | 6 | do the spend caps hold it? | `spend_cap_reached` |
//! | 7 | does the money hold it? | `payment_required`, `insufficient_balance` |
//! | 8 | is it slow enough? | `rate_limited`, `token_rate_limited`, `concurrency_limited`, `rate_limit_upgrade` |
//!
//! Access comes before money and money before pace: whoever cannot pay is told so, instead of being
//! told to wait and then to pay. A request that is refused takes nothing from any limit.

use crate::catalogue::{Charge, Degradation, PastLimit, PaymentTerms, Plan, QuotaPeriod, Requirement};
use crate::meter::{Meter, MeterSet};
use crate::money::Nanos;
use crate::period::Period;
use crate::standing::{Rare, Standing, Subscription, SubscriptionState, SuspendedBy};
use crate::time::Timestamp;

use super::claims::{LimitSet, QuotaSet, label, slower};
use super::cost::{At, CostError, Tariff, cost, included_left};
use super::denial::PayingHelps;
use super::{Ask, Decision, Denial, Facts, OpenBill, OutputBound, QuotaFacts, RateFacts, Reason, Shortage, Terms};

/// Decides whether the request in `ask` may run for a customer in `standing`.
///
/// The standing's windows must be those of `now`: call [`Standing::advance`] first.
#[must_use]
pub fn decide(standing: &Standing, ask: &Ask<'_>, now: Timestamp) -> Decision {
    match judge(standing, ask, now) {
        Ok(terms) => Decision::Admit(terms),
        Err(denial) => Decision::Deny(denial),
    }
}

/// The checks, in the documented order.
fn judge(standing: &Standing, ask: &Ask<'_>, now: Timestamp) -> Result<Terms, Denial> {
    not_under_review(standing)?;
    let subscription = in_good_standing(standing, ask, now)?;
    if let Some(subscription) = subscription {
        includes(subscription, ask)?;
    }
    let plan = subscription.map(|s| &*s.plan);
    let tariff = Tariff::of(ask, plan).map_err(no_cost)?;
    let (quotas, degraded_by) = match subscription {
        Some(subscription) => within_quotas(standing, subscription, ask)?,
        None => (QuotaSet::default(), None),
    };
    let cost = cost(standing, ask, &tariff, &ask.bound, At::Admission).map_err(no_cost)?;
    within_caps(standing, ask, cost.amount)?;
    let on_account = match covered(standing, ask, plan, cost.amount, now) {
        Ok(on_account) => on_account,
        Err(denial) => return clamped(standing, ask, plan, &tariff, denial, now),
    };
    let limits = match plan {
        Some(plan) => slow_enough(standing, plan, ask, degraded_by, now)?,
        None => LimitSet::default(),
    };
    Ok(Terms {
        amount: cost.amount,
        on_account,
        bound: ask.bound,
        clamped_output: None,
        degraded_by,
        grace_until: subscription.and_then(|s| grace(s, standing, now)),
        verify: ask.route.verify_from.is_some_and(|from| cost.amount >= from && cost.amount.is_positive()),
        tariff,
        quotas,
        limits,
        cost,
        included: included_left(standing, ask),
    })
}

// 1. Review.

fn not_under_review(standing: &Standing) -> Result<(), Denial> {
    match standing.rare.as_ref().and_then(|rare| rare.frozen.as_ref()) {
        None => Ok(()),
        Some(freeze) => Err(Denial {
            reason: Reason::AccountUnderReview,
            facts: Facts::Review { case: freeze.case.clone(), since: freeze.since, expected_by: freeze.expected_by },
        }),
    }
}

// 2. Subscription.

/// The subscription, unless the route needs none or it does not give access.
fn in_good_standing<'a>(
    standing: &'a Standing,
    ask: &Ask<'_>,
    now: Timestamp,
) -> Result<Option<&'a Subscription>, Denial> {
    let needs_none = match ask.route.charge {
        // What costs nothing by itself may still come with some plans only.
        Charge::Free => ask.route.feature.is_none(),
        Charge::PerRequest(_) => true,
        Charge::Price(_) | Charge::Model | Charge::Unpriced => false,
    };
    let Some(subscription) = &standing.subscription else {
        return if needs_none { Ok(None) } else { Err(ended(Reason::SubscriptionRequired, None)) };
    };
    let access = gives_access(subscription, standing, now);
    match access {
        Ok(()) => Ok(Some(subscription)),
        Err(_) if needs_none => Ok(None),
        Err(denial) => Err(denial),
    }
}

fn gives_access(subscription: &Subscription, standing: &Standing, now: Timestamp) -> Result<(), Denial> {
    let none = Rare::default();
    let rare = standing.rare.as_deref().unwrap_or(&none);
    match &subscription.state {
        SubscriptionState::Active => (),
        SubscriptionState::Trialing { ends_at } if now < *ends_at => (),
        SubscriptionState::Trialing { ends_at } => return Err(ended(Reason::TrialEnded, Some(*ends_at))),
        SubscriptionState::PastDue(decline) if now < decline.grace_until => (),
        SubscriptionState::PastDue(decline) => {
            // The card that could not be charged because it has expired is the more useful answer.
            method_valid(rare, now)?;
            return Err(Denial {
                reason: Reason::PaymentFailed,
                facts: Facts::Open(OpenBill {
                    amount: decline.amount_due,
                    since: decline.since,
                    grace_until: Some(decline.grace_until),
                    attempts: decline.attempts,
                    why: decline.code.clone(),
                    invoices: invoice_numbers(rare),
                }),
            });
        }
        SubscriptionState::Suspended { since, by, amount_due } => {
            return Err(suspended(*since, *by, *amount_due, rare));
        }
        SubscriptionState::Expired { ended_at } => return Err(ended(Reason::SubscriptionExpired, Some(*ended_at))),
        SubscriptionState::Canceled { ended_at } => return Err(ended(Reason::SubscriptionRequired, Some(*ended_at))),
    }
    no_overdue_invoice(rare, now)?;
    commitment_met(rare, now)?;
    if subscription.plan.payment_method == Requirement::Required {
        if rare.payment_method.is_none() {
            return Err(Denial::plain(Reason::PaymentMethodRequired));
        }
        method_valid(rare, now)?;
    }
    Ok(())
}

fn ended(reason: Reason, at: Option<Timestamp>) -> Denial {
    Denial { reason, facts: Facts::Ended { at } }
}

fn suspended(since: Timestamp, by: SuspendedBy, amount: Nanos, rare: &Rare) -> Denial {
    let bill = OpenBill {
        amount,
        since,
        grace_until: None,
        attempts: 0,
        why: by.name().into(),
        invoices: invoice_numbers(rare),
    };
    Denial { reason: Reason::SubscriptionSuspended, facts: Facts::Open(bill) }
}

fn invoice_numbers(rare: &Rare) -> Vec<Box<str>> {
    rare.invoices.iter().map(|invoice| invoice.number.clone()).collect()
}

fn no_overdue_invoice(rare: &Rare, now: Timestamp) -> Result<(), Denial> {
    let overdue = || rare.invoices.iter().filter(|invoice| invoice.blocks_at <= now);
    let Some(oldest) = overdue().next() else { return Ok(()) };
    let bill = OpenBill {
        amount: overdue().map(|invoice| invoice.amount).sum(),
        since: oldest.due_at,
        grace_until: Some(oldest.blocks_at),
        attempts: 0,
        why: Box::default(),
        invoices: overdue().map(|invoice| invoice.number.clone()).collect(),
    };
    Err(Denial { reason: Reason::InvoiceOverdue, facts: Facts::Open(bill) })
}

fn commitment_met(rare: &Rare, now: Timestamp) -> Result<(), Denial> {
    match rare.commitment {
        Some(due) if due.due_at <= now && due.paid < due.minimum => Err(Denial {
            reason: Reason::MinimumPaymentDue,
            facts: Facts::Commitment { minimum: due.minimum, paid: due.paid, due_at: due.due_at },
        }),
        _ => Ok(()),
    }
}

fn method_valid(rare: &Rare, now: Timestamp) -> Result<(), Denial> {
    let Some(method) = &rare.payment_method else { return Ok(()) };
    match (method.expires, method.expires_at) {
        (Some(expired), Some(at)) if at <= now => Err(Denial {
            reason: Reason::PaymentMethodExpired,
            facts: Facts::Method { brand: method.brand.clone(), last4: method.last4.clone(), expired },
        }),
        _ => Ok(()),
    }
}

/// Until when access continues although something is unpaid.
fn grace(subscription: &Subscription, standing: &Standing, now: Timestamp) -> Option<Timestamp> {
    let invoices = standing.rare.as_ref().map_or(&[][..], |rare| &rare.invoices);
    let by_invoice = invoices.iter().filter(|i| i.due_at <= now && now < i.blocks_at).map(|i| i.blocks_at).min();
    match &subscription.state {
        SubscriptionState::PastDue(decline) if now < decline.grace_until => {
            Some(by_invoice.map_or(decline.grace_until, |at| at.min(decline.grace_until)))
        }
        _ => by_invoice,
    }
}

// 3. Entitlements.

fn includes(subscription: &Subscription, ask: &Ask<'_>) -> Result<(), Denial> {
    if let Some(feature) = &ask.route.feature
        && !subscription.includes_feature(feature)
    {
        return Err(Denial { reason: Reason::FeatureNotInPlan, facts: Facts::Feature(feature.clone()) });
    }
    let Some(model) = &ask.model else { return Ok(()) };
    if !subscription.includes_model(model.id) {
        return Err(Denial { reason: Reason::ModelNotInPlan, facts: Facts::Model(model.id.into()) });
    }
    match subscription.context_tokens_max() {
        Some(plan_limit) if model.prompt_tokens > plan_limit => Err(Denial {
            reason: Reason::ContextWindowExceedsPlan,
            facts: Facts::Context { model: model.id.into(), prompt_tokens: model.prompt_tokens, plan_limit },
        }),
        _ => Ok(()),
    }
}

// 4. Price.

fn no_cost(error: CostError) -> Denial {
    match error {
        // A cost beyond what an amount can hold is a price list with a mistake in it.
        CostError::Unpriced | CostError::Overflow(_) => Denial::plain(Reason::ModelNotPriced),
    }
}

// 5. Quotas.

/// The quotas that count the request, and the one past which it is degraded.
fn within_quotas(
    standing: &Standing,
    subscription: &Subscription,
    ask: &Ask<'_>,
) -> Result<(QuotaSet, Option<usize>), Denial> {
    let mut counting = QuotaSet::default();
    let mut degraded_by = None;
    for (index, (quota, window)) in subscription.plan.quotas.iter().zip(&standing.quotas).enumerate() {
        if !quota.applies_to.matches(ask.route, ask.model_id()) {
            continue;
        }
        counting.insert(index);
        let required = ask.bound.sum(quota.meters);
        let limit = subscription.quota_limit(index);
        if required <= window.left(limit.saturating_add(quota.past.allowance())) {
            continue;
        }
        let paying_helps = match &quota.past {
            PastLimit::Overage(_) => continue,
            PastLimit::Degrade(degradation) => {
                without_paused_features(degradation, ask)?;
                degraded_by = degraded_by.or(Some(index));
                continue;
            }
            PastLimit::Block | PastLimit::Allowance(_) => PayingHelps::Yes,
            PastLimit::BlockUntilReset => PayingHelps::OnlyTime,
        };
        let endless = quota.period == QuotaPeriod::Total || window.period == Period::ALWAYS;
        return Err(Denial {
            reason: Reason::QuotaExceeded,
            facts: Facts::Quota(QuotaFacts {
                policy: quota.id.clone(),
                meters: quota.meters,
                limit,
                used: window.committed(),
                required,
                period: quota.period.name(),
                resets_at: (!endless).then_some(window.period.end),
                window: (!endless).then(|| window.period.end.since(window.period.start)),
                paying_helps,
            }),
        });
    }
    Ok((counting, degraded_by))
}

fn without_paused_features(degradation: &Degradation, ask: &Ask<'_>) -> Result<(), Denial> {
    match &ask.route.feature {
        Some(feature) if degradation.without_features.contains(feature) => {
            Err(Denial { reason: Reason::FeatureNotInPlan, facts: Facts::Feature(feature.clone()) })
        }
        _ => Ok(()),
    }
}

// 6. Spend caps.

fn within_caps(standing: &Standing, ask: &Ask<'_>, amount: Nanos) -> Result<(), Denial> {
    if amount.is_zero() {
        return Ok(());
    }
    let counting = standing.caps().iter().filter(|cap| cap.counts(ask.application, ask.key));
    for cap in counting {
        if amount > cap.left() {
            let scope_id = match cap.cap.scope {
                crate::catalogue::CapScope::Customer => standing.customer.to_string(),
                crate::catalogue::CapScope::Application(id) => id.to_string(),
                crate::catalogue::CapScope::Key(id) => id.to_string(),
            };
            return Err(Denial {
                reason: Reason::SpendCapReached,
                facts: Facts::Cap {
                    scope: cap.cap.scope.name(),
                    scope_id: scope_id.into(),
                    limit: cap.cap.amount,
                    spent: cap.cap.amount.saturating_minus(cap.left()),
                    required: amount,
                    period: cap.cap.period,
                    resets_at: cap.window.period.end,
                },
            });
        }
    }
    Ok(())
}

// 7. Money.

/// How much of `amount` goes on account because the wallet does not cover it.
fn covered(
    standing: &Standing,
    ask: &Ask<'_>,
    plan: Option<&Plan>,
    amount: Nanos,
    now: Timestamp,
) -> Result<Nanos, Denial> {
    if standing.wallet.covers(amount, ask.route, now) {
        return Ok(Nanos::ZERO);
    }
    let available = standing.wallet.available(ask.route, now);
    if let Some(PaymentTerms::Postpaid { credit_limit }) = plan.map(|plan| plan.payment) {
        let on_account = amount.saturating_minus(available);
        let owed = standing.owed.saturating_plus(standing.owed_held).saturating_plus(on_account);
        if credit_limit.is_none_or(|limit| owed <= limit) {
            return Ok(on_account);
        }
    }
    if let Charge::PerRequest(_) = ask.route.charge {
        return Err(Denial { reason: Reason::PaymentRequired, facts: Facts::Price { amount } });
    }
    let (_, reserved) = standing.wallet.balance(now);
    Err(Denial {
        reason: Reason::InsufficientBalance,
        facts: Facts::Balance(Shortage { available, reserved, required: amount, affordable_output_tokens: None }),
    })
}

/// A second chance with a lower output bound, if the plan wants it; else the denial with the bound
/// that would have fitted.
fn clamped(
    standing: &Standing,
    ask: &Ask<'_>,
    plan: Option<&Plan>,
    tariff: &Tariff,
    denial: Denial,
    now: Timestamp,
) -> Result<Terms, Denial> {
    let Facts::Balance(shortage) = denial.facts else { return Err(denial) };
    let is_given = ask.model.is_some_and(|model| model.output == OutputBound::Given);
    let output = if is_given { 0 } else { ask.bound.sum(MeterSet::GENERATED_TOKENS) };
    let fits = |tokens: u64| {
        let bound = ask.bound.with(Meter::ReasoningTokens, 0).with(Meter::OutputTokens, tokens);
        cost(standing, ask, tariff, &bound, At::Admission).is_ok_and(|cost| cost.amount <= shortage.available)
    };
    if output == 0 || !fits(1) {
        return Err(denial);
    }
    let affordable = largest(1, output, fits);
    let with_hint = Shortage { affordable_output_tokens: Some(affordable), ..shortage };
    let denial = Denial { reason: denial.reason, facts: Facts::Balance(with_hint) };
    match plan.and_then(|plan| plan.clamp_output_from) {
        Some(useful) if affordable >= useful => {
            let bound = ask.bound.with(Meter::ReasoningTokens, 0).with(Meter::OutputTokens, affordable);
            let terms = judge(standing, &Ask { bound, ..*ask }, now)?;
            Ok(Terms { clamped_output: Some(affordable), ..terms })
        }
        _ => Err(denial),
    }
}

/// The largest number in `low..=high` that fits, given that `low` does and fitting is monotonic.
fn largest(mut low: u64, mut high: u64, fits: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

// 8. Pace.

/// The rate limits that count the request; an error if one of them does not let it pass.
fn slow_enough(
    standing: &Standing,
    plan: &Plan,
    ask: &Ask<'_>,
    degraded_by: Option<usize>,
    now: Timestamp,
) -> Result<LimitSet, Denial> {
    use crate::catalogue::{RateUnit, WhenTooFast};

    let mut counting = LimitSet::default();
    for (index, limit) in plan.rate_limits.iter().enumerate() {
        if !limit.applies_to.matches(ask.route, ask.model_id()) {
            continue;
        }
        let label = label(limit.per, ask);
        counting.insert(index, label);
        let state = standing.rates.get(u8::try_from(index).unwrap_or(u8::MAX), label);
        let (pace, cost, unit, reason) = match &limit.unit {
            RateUnit::Concurrency(most) => {
                if state.running >= *most {
                    let facts = Facts::Concurrency { policy: limit.id.clone(), limit: *most };
                    return Err(Denial { reason: Reason::ConcurrencyLimited, facts });
                }
                continue;
            }
            RateUnit::Requests(pace) => (pace, 1, "requests", Reason::RateLimited),
            RateUnit::Tokens(pace) => (pace, ask.bound.sum(MeterSet::TOKENS), "tokens", Reason::TokenRateLimited),
        };
        let slowed = degraded_by.and_then(|quota| slower(plan, quota)).filter(|_| unit == "requests");
        let pace = slowed.as_ref().unwrap_or(pace);
        if let Err(too_fast) = state.bucket.check(pace, cost, now) {
            let reason = match limit.when_too_fast {
                WhenTooFast::Wait => reason,
                WhenTooFast::Upgrade => Reason::RateLimitUpgrade,
            };
            return Err(Denial {
                reason,
                facts: Facts::Rate(RateFacts {
                    policy: limit.id.clone(),
                    unit,
                    limit: pace.quantity(),
                    window: pace.window(),
                    retry_after: too_fast.retry_after,
                }),
            });
        }
    }
    Ok(counting)
}
