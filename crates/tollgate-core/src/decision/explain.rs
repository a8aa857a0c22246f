//! The sentence that says what happened, and whether repeating helps.
//!
//! One sentence or two, with the figures, in words that no agent takes for a passing fault
//! (payment-required reference, 1.6 and 2.3).

use std::time::Duration;

use crate::money::{Currency, Money, Nanos};
use crate::standing::Standing;
use crate::time::Timestamp;

use super::{Denial, Facts, Offers, Reason, RetryClass};

/// Whether and when to repeat a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// In which case it helps.
    pub when: RetryClass,
    /// When waiting helps: from when on.
    pub at: Option<Timestamp>,
    /// How long that is from now.
    pub wait: Option<Duration>,
}

/// Waits longer than this are not for a program to sit out; clients that obey `Retry-After` hang.
const SOON: Duration = Duration::from_secs(3_600);

impl Retry {
    /// When waiting alone helps, and soon: how long. Becomes `Retry-After`.
    #[must_use]
    pub fn after(&self) -> Option<Duration> {
        self.wait.filter(|&wait| self.when == RetryClass::AfterTime && wait <= SOON)
    }
}

/// Whether and when to repeat a request that was denied at `now`.
#[must_use]
pub fn retry(denial: &Denial, now: Timestamp) -> Retry {
    let action = Retry { when: denial.reason.retry_class(), at: None, wait: None };
    let wait = |wait: Duration| Retry { when: RetryClass::AfterTime, at: Some(now + wait), wait: Some(wait) };
    let or_at = |at: Timestamp| Retry { at: Some(at), wait: Some(at.since(now)), ..action };
    match &denial.facts {
        Facts::Rate(rate) => wait(rate.retry_after),
        Facts::Concurrency { .. } => wait(Duration::from_secs(1)),
        Facts::Balance(shortage) if shortage.is_only_reserved() => wait(Duration::from_secs(5)),
        Facts::Quota(quota) if denial.status() == 429 => quota.resets_at.map_or(action, |at| wait(at.since(now))),
        Facts::Quota(quota) => quota.resets_at.map_or(action, or_at),
        Facts::Cap { resets_at: Timestamp::MAX, .. } => action,
        Facts::Cap { resets_at, .. } => or_at(*resets_at),
        _ => match denial.reason {
            Reason::BillingUnavailable => wait(Duration::from_secs(2)),
            Reason::UpstreamUnavailable => wait(Duration::from_secs(5)),
            _ => action,
        },
    }
}

/// What happened, in one sentence or two.
#[must_use]
pub fn explain(denial: &Denial, standing: Option<&Standing>, offers: &Offers) -> String {
    let currency = standing.map_or(Currency::USD, |standing| standing.currency);
    let money = |amount: Nanos| Money::new(amount, currency);
    // What must be paid is never shown rounded down.
    let at_least = |amount: Nanos| Money::new(amount.ceil_to_minor(currency), currency);
    let plan = standing.and_then(|s| s.subscription.as_ref()).map(|s| &*s.plan);
    let plan_name = plan.map_or("your plan", |plan| &plan.name);
    let next = offers.plans.first().map(|offer| &*offer.item.name);

    match &denial.facts {
        Facts::Balance(short) if short.is_only_reserved() => format!(
            "{} of the balance is held by running requests, {} is free; this one needs up to {}. Retry in a few seconds.",
            money(short.reserved),
            money(short.available),
            money(short.required)
        ),
        Facts::Balance(short) => {
            let hint = short
                .affordable_output_tokens
                .map_or_else(String::new, |tokens| format!(" An output of at most {tokens} tokens would fit."));
            format!(
                "Balance {} does not cover the estimated {} of this request; {} is missing.{hint}",
                money(short.available),
                money(short.required),
                at_least(short.missing())
            )
        }
        Facts::Quota(quota) => {
            let until = quota.resets_at.map_or_else(String::new, |at| format!(" in the period ending {}", day(at)));
            let remedy = next.map_or_else(String::new, |name| format!(" Plan {name} includes more."));
            format!("{} of {} {} used{until} on plan {plan_name}.{remedy}", quota.used, quota.limit, quota.meters)
        }
        Facts::Rate(rate) => {
            let faster = offers.plans.first().and_then(|offer| Some((offer.item.name.clone(), offer.limit?)));
            let remedy = faster.map_or_else(String::new, |(name, limit)| format!(" Plan {name} allows {limit}."));
            let unit = if rate.limit == 1 { rate.unit.trim_end_matches('s') } else { rate.unit };
            format!("Plan {plan_name} allows {} {unit} in {}.{remedy}", rate.limit, duration(rate.window))
        }
        Facts::Concurrency { limit: 1, .. } => {
            format!("Plan {plan_name} allows one request at a time, and one is running.")
        }
        Facts::Concurrency { limit, .. } => {
            format!("Plan {plan_name} allows {limit} requests at the same time, and as many are running.")
        }
        Facts::Cap { scope, limit, spent, required, period, .. } => {
            let per = match period.name() {
                "total" => "in total".to_owned(),
                name => format!("a {name}"),
            };
            format!(
                "The cap of {} {per} on this {scope} leaves {}; this request may cost {}.",
                money(*limit),
                money(limit.saturating_minus(*spent).at_least_zero()),
                money(*required)
            )
        }
        Facts::Feature(feature) => format!("{feature} is not part of plan {plan_name}.{}", comes_with(offers)),
        Facts::Model(model) => format!("Model {model} is not part of plan {plan_name}.{}", comes_with(offers)),
        Facts::Context { model, prompt_tokens, plan_limit } => {
            let remedy = next.map_or_else(String::new, |name| format!(" Plan {name} allows more."));
            format!(
                "The prompt has {prompt_tokens} tokens; plan {plan_name} allows {plan_limit} on model {model}.{remedy}"
            )
        }
        Facts::Ended { at } => ended(denial.reason, *at, plan_name),
        Facts::Open(bill) => match denial.reason {
            Reason::SubscriptionSuspended if &*bill.why == "operator" => {
                format!("Access is suspended since {} by the provider. Please contact support.", day(bill.since))
            }
            Reason::SubscriptionSuspended if &*bill.why == "customer" => {
                format!("The subscription is paused since {}. Resume it to continue.", day(bill.since))
            }
            Reason::SubscriptionSuspended => format!(
                "Access is suspended since {} because {} is unpaid. It returns as soon as the amount is paid.",
                day(bill.since),
                at_least(bill.amount)
            ),
            Reason::InvoiceOverdue => format!(
                "{} has been due since {} and is unpaid ({}).",
                at_least(bill.amount),
                day(bill.since),
                bill.invoices.join(", ")
            ),
            _ => format!(
                "The payment of {} was declined {} times; the grace period ended on {}.",
                at_least(bill.amount),
                bill.attempts,
                bill.grace_until.map_or_else(String::new, day)
            ),
        },
        Facts::Method { brand, last4, expired: (year, month) } => {
            format!("The {brand} ending {last4} expired {month:02}/{year}; charges to it are not attempted.")
        }
        Facts::Commitment { minimum, paid, due_at } => format!(
            "The minimum of {} for this period was due on {}; {} is still open.",
            at_least(*minimum),
            day(*due_at),
            at_least(minimum.saturating_minus(*paid))
        ),
        Facts::Review { .. } => "Unusual activity was noticed and the account is being checked. No money was charged \
                                 for this request."
            .to_owned(),
        Facts::Price { amount } => match denial.reason {
            Reason::PaymentVerificationFailed => {
                format!("The payment provider declined an authorization of {} for this request.", at_least(*amount))
            }
            _ => format!("This request costs {}, to be paid before it runs.", at_least(*amount)),
        },
        Facts::None => plain(denial.reason).to_owned(),
    }
}

fn comes_with(offers: &Offers) -> String {
    let plan = offers.plans.first().map(|offer| format!("plan {}", offer.item.name));
    let add_on = offers.add_ons.first().map(|offer| format!("add-on {}", offer.item.name));
    match (plan, add_on) {
        (Some(plan), Some(add_on)) => format!(" It comes with {plan} or as {add_on}."),
        (Some(one), None) | (None, Some(one)) => format!(" It comes with {one}."),
        (None, None) => String::new(),
    }
}

fn ended(reason: Reason, at: Option<Timestamp>, plan_name: &str) -> String {
    match (reason, at) {
        (Reason::TrialEnded, Some(at)) => {
            format!("The trial of {plan_name} ended on {}. Choose a plan to go on.", day(at))
        }
        (Reason::SubscriptionExpired, Some(at)) => {
            format!("The subscription to {plan_name} ended on {} and was not renewed.", day(at))
        }
        (_, Some(at)) => format!("The subscription to {plan_name} was canceled on {}.", day(at)),
        (_, None) => "This API needs a subscription, and there is none.".to_owned(),
    }
}

fn plain(reason: Reason) -> &'static str {
    match reason {
        Reason::ApiKeyMissing => {
            "No API key was sent. Send one as `Authorization: Bearer <key>`, `x-api-key` or `x-goog-api-key`."
        }
        Reason::ApiKeyInvalid => {
            "The API key is not valid here. Check that all of it was copied, and for which gateway."
        }
        Reason::ApiKeyRevoked => "The API key was revoked. Create a new one.",
        Reason::ApiKeyExpired => "The API key has expired. Create a new one.",
        Reason::ApiAccessNotApproved => "This API needs an approval that the application does not have.",
        Reason::ScopeMissing => "The API key may not call this API, route or model.",
        Reason::OriginNotAllowed => "The API key may not be used from this origin or network address.",
        Reason::AccountClosed => "The account was closed.",
        Reason::PaymentMethodRequired => "The plan needs a payment method on file, and there is none.",
        Reason::BillingUnavailable => "The balance could not be checked just now. Nothing was charged; please retry.",
        Reason::ModelNotPriced => {
            "No price is set for this model or route, so it is not served. The operator was told."
        }
        Reason::UpstreamUnavailable => "The service behind this API cannot be reached just now. Nothing was charged.",
        other => other.title(),
    }
}

/// The day of an instant, in UTC.
fn day(at: Timestamp) -> String {
    at.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

#[expect(clippy::integer_division, reason = "only whole units are written this way")]
fn duration(window: Duration) -> String {
    match window.as_secs() {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        3_600 => "an hour".to_owned(),
        86_400 => "a day".to_owned(),
        seconds if seconds % 3_600 == 0 => format!("{} hours", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}
