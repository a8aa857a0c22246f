//! `GET standing` and `GET usage`.

use serde_json::{Value, json};
use tollgate_core::catalogue::{PaymentTerms, RatePer, RateUnit};
use tollgate_core::standing::{Standing, Subscription};
use tollgate_core::time::Timestamp;
use tollgate_store::StoreError;

use crate::core::Core;
use crate::directory::Key;

/// Everything about the key's customer that its programs may want to know.
pub(super) fn standing(key: &Key, now: Timestamp) -> Value {
    let mut standing = key.customer.standing();
    standing.advance(now);
    describe(&standing, now)
}

/// A standing as programs and consoles read it.
pub(crate) fn describe(standing: &Standing, now: Timestamp) -> Value {
    let currency = standing.currency.to_string();
    let (total, reserved) = standing.wallet.balance(now);
    let available = total.saturating_minus(reserved);
    let rare = standing.rare.as_deref();
    json!({
        "customer": standing.customer.to_string(),
        "status": match standing.status {
            tollgate_core::standing::CustomerStatus::Active => "active",
            tollgate_core::standing::CustomerStatus::Closed => "closed",
        },
        "under_review": rare.is_some_and(|rare| rare.frozen.is_some()),
        "balance": {
            "available": available.to_string(), "reserved": reserved.to_string(), "total": total.to_string(),
            "on_account": standing.owed.to_string(), "currency": currency,
        },
        "subscription": standing.subscription.as_ref().map(subscribed),
        "quotas": standing.subscription.as_ref().map_or_else(Vec::new, |s| quotas(standing, s)),
        "rate_limits": standing.subscription.as_ref().map_or_else(Vec::new, |s| rate_limits(standing, s, now)),
        "spend_caps": standing.caps().iter().map(|cap| json!({
            "scope": cap.cap.scope.name(), "period": cap.cap.period.name(), "limit": cap.cap.amount.to_string(),
            "spent": cap.spent().to_string(), "currency": currency,
        })).collect::<Vec<_>>(),
    })
}

fn subscribed(subscription: &Subscription) -> Value {
    let plan = &subscription.plan;
    json!({
        "id": subscription.id.to_string(),
        "plan": plan.key, "plan_version": plan.version, "plan_name": plan.name,
        "status": subscription.state.name(),
        "payment": match plan.payment { PaymentTerms::Prepaid => "prepaid", PaymentTerms::Postpaid { .. } => "postpaid" },
        "add_ons": subscription.add_ons.iter().map(|add_on| add_on.key.to_string()).collect::<Vec<_>>(),
        "period": { "start": subscription.period.start.to_string(), "end": subscription.period.end.to_string() },
    })
}

fn quotas(standing: &Standing, subscription: &Subscription) -> Vec<Value> {
    let quotas = subscription.plan.quotas.iter().enumerate().zip(&standing.quotas);
    quotas
        .map(|((index, quota), window)| {
            let limit = subscription.quota_limit(index);
            json!({
                "id": quota.id, "meter": quota.meters.to_string(), "limit": limit, "used": window.used,
                "held": window.held, "left": window.left(limit), "period": quota.period.name(),
                "resets_at": (window.period.end != Timestamp::MAX).then(|| window.period.end.to_string()),
            })
        })
        .collect()
}

fn rate_limits(standing: &Standing, subscription: &Subscription, now: Timestamp) -> Vec<Value> {
    let limits = subscription.plan.rate_limits.iter().enumerate();
    limits
        .map(|(index, limit)| {
            // Each key, route or model has its own: there is no one figure.
            let is_shared = limit.per == RatePer::Customer;
            let state = standing.rates.get(u8::try_from(index).unwrap_or(u8::MAX), 0);
            match &limit.unit {
                RateUnit::Concurrency(most) => json!({
                    "id": limit.id, "unit": "concurrent-requests", "limit": most, "per": limit.per.name(),
                    "running": is_shared.then_some(state.running),
                }),
                RateUnit::Requests(pace) | RateUnit::Tokens(pace) => json!({
                    "id": limit.id,
                    "unit": if matches!(limit.unit, RateUnit::Tokens(_)) { "tokens" } else { "requests" },
                    "limit": pace.quantity(), "window_seconds": pace.window().as_secs(),
                    "per": limit.per.name(),
                    "remaining": is_shared.then(|| state.bucket.remaining(pace, now)),
                }),
            }
        })
        .collect()
}

/// What the key's customer used, by hour; `?from=` and `?to=` are RFC 3339.
pub(super) async fn usage(core: &Core, key: &Key, query: Option<&str>) -> Result<Value, StoreError> {
    let given = |name: &str| {
        let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.into_iter().find(|(n, _)| *n == name)?;
        found.1.replace("%3A", ":").replace("%3a", ":").parse::<Timestamp>().ok()
    };
    let to = given("to").unwrap_or(Timestamp::MAX);
    let month = std::time::Duration::from_secs(31 * 86_400);
    let from = given("from").unwrap_or(core.now() - month);
    let rows = core.store.usage(key.customer.id, from, to, 1_000).await?;
    Ok(json!({ "usage": rows }))
}
