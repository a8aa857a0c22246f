//! A customer with everything in order, and words for what is asked and answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::catalogue::*;
use crate::decision::*;
use crate::id::{ApplicationId, CustomerId, GrantId, KeyId, SubscriptionId};
use crate::meter::{Meter, MeterSet, Usage};
use crate::money::{Currency, Factor, Nanos};
use crate::period::{Cadence, Period};
use crate::standing::*;
use crate::time::Timestamp;

/// Saturday, 21 November 2026, 09:30 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_253_400);
pub(super) const KEY: KeyId = KeyId::from_bits(11);
pub(super) const APPLICATION: ApplicationId = ApplicationId::from_bits(12);

pub(super) fn amount(text: &str) -> Nanos {
    text.parse().unwrap()
}

pub(super) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

/// Plan Starter: prepaid, nothing included, no limits.
pub(super) fn plan() -> Plan {
    Plan {
        key: "starter".into(),
        version: 1,
        name: "Starter".into(),
        currency: Currency::USD,
        base_price: Nanos::ZERO,
        cadence: Cadence::MONTHLY,
        trial_days: 0,
        payment: PaymentTerms::Prepaid,
        payment_method: Requirement::Optional,
        minimum_commitment: Nanos::ZERO,
        grace_days: 7,
        features: Box::default(),
        models: ModelAccess::All,
        context_tokens_max: None,
        output_tokens_default: None,
        priority: 0,
        clamp_output_from: None,
        quotas: Box::default(),
        rate_limits: Box::default(),
        prices: HashMap::new(),
        model_prices: HashMap::new(),
        model_markup: Factor::ONE,
        caller_left: CallerLeft::Received,
        disclosure: Disclosure::Full,
        fraud: None,
    }
}

pub(super) fn quota(limit: u64, past: PastLimit) -> Quota {
    Quota {
        id: "calls-month".into(),
        meters: MeterSet::of(Meter::Calls),
        limit,
        period: QuotaPeriod::Month,
        applies_to: Selector::All,
        coverage: Coverage::Included,
        stages: Box::new([80, 95, 100]),
        past,
    }
}

pub(super) fn limit(unit: RateUnit) -> RateLimit {
    RateLimit {
        id: "rpm".into(),
        unit,
        per: RatePer::Customer,
        applies_to: Selector::All,
        when_too_fast: WhenTooFast::Wait,
    }
}

/// A customer on `plan` with `balance` in one paid grant.
pub(super) fn customer(plan: Plan, balance: &str) -> Standing {
    let mut standing = Standing::new(CustomerId::from_bits(1), Currency::USD, TimeZone::UTC);
    standing.subscription = Some(Subscription {
        id: SubscriptionId::from_bits(2),
        plan: Arc::new(plan),
        add_ons: Box::default(),
        state: SubscriptionState::Active,
        anchor: NOW - days(10),
        period: Period { start: NOW - days(10), end: NOW + days(20) },
    });
    standing.wallet.insert(grant(3, balance));
    standing.advance(NOW);
    standing
}

pub(super) fn grant(id: u128, balance: &str) -> Grant {
    Grant {
        id: GrantId::from_bits(id),
        provenance: Provenance::Paid,
        priority: 0,
        scope: None,
        effective_at: Timestamp::MIN,
        expires_at: Timestamp::MAX,
        remaining: amount(balance),
        held: Nanos::ZERO,
    }
}

/// A route that costs `price` a call.
pub(super) fn route(price: &str) -> RouteTerms {
    RouteTerms {
        key: "rest.search".into(),
        api: "rest".into(),
        feature: None,
        charge: Charge::Price(Arc::new(Price::flat("search", amount(price)))),
        verify_from: None,
        time_max: Duration::from_secs(30),
    }
}

pub(super) fn ask(route: &RouteTerms) -> Ask<'_> {
    Ask {
        route,
        model: None,
        key: KEY,
        application: APPLICATION,
        bound: Usage::ONE_CALL,
        precision: Precision::Counted,
    }
}

/// The decision as a caller would read it.
pub(super) fn decided(standing: &Standing, ask: &Ask<'_>) -> String {
    match decide(standing, ask, NOW) {
        Decision::Admit(terms) => {
            let grace = terms.grace_until.map_or_else(String::new, |at| format!(", grace until {at}"));
            let clamp = terms.clamped_output.map_or_else(String::new, |to| format!(", output at most {to}"));
            let degraded = terms.degraded_by.map_or_else(String::new, |quota| format!(", degraded by quota {quota}"));
            let verify = if terms.verify { ", verify" } else { "" };
            format!("admit, hold {}{grace}{clamp}{degraded}{verify}", terms.amount)
        }
        Decision::Deny(denial) => {
            let catalogue = Catalogue::default();
            let offers = offers(&denial, standing, &catalogue);
            let text = explain(&denial, Some(standing), &offers);
            let retry = retry(&denial, NOW);
            let at = retry.at.map_or_else(String::new, |at| format!(" at {at}"));
            format!("{} {}: {text} [{}{at}]", denial.status(), denial.reason, retry.when.name())
        }
    }
}

/// The code of the reason, or `admit`.
pub(super) fn reason(standing: &Standing, ask: &Ask<'_>) -> &'static str {
    match decide(standing, ask, NOW) {
        Decision::Admit(_) => "admit",
        Decision::Deny(denial) => denial.reason.code(),
    }
}

/// Decides and places; panics if it is denied.
pub(super) fn admitted(standing: &mut Standing, ask: &Ask<'_>) -> Hold {
    match decide(standing, ask, NOW) {
        Decision::Admit(terms) => place(standing, ask, terms, NOW),
        Decision::Deny(denial) => panic!("denied: {denial:?}"),
    }
}
