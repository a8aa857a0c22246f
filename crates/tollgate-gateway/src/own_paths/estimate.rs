//! `POST estimate`: what a request would cost at most, and whether it would be admitted now.
//!
//! The body is what would be sent to a model, or `{"route": "api.route"}`. It is measured as a real
//! request is, with its tokens counted. Nothing is held and nothing is forwarded.

use std::sync::Arc;

use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use tollgate_core::catalogue::Charge;
use tollgate_core::decision::{Ask, Decision, Precision, Reason, decide, quote};
use tollgate_core::meter::Usage;
use tollgate_meter::endpoint::Endpoint;
use tollgate_meter::request::LlmRequest;

use crate::call::Call;
use crate::core::Core;
use crate::directory::Key;
use crate::estimate::{ModelEstimate, bound_of_rest, measured, read_whole};
use crate::refuse::Refusal;
use crate::route::{Llm, Route};
use crate::snapshot::Snapshot;

const BODY_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// What a request would cost.
///
/// # Errors
/// 400 naming the field, 403 if the key may not name the model.
pub(super) async fn estimate(
    core: &Core,
    call: &Call,
    key: &Arc<Key>,
    snapshot: &Snapshot,
    body: Incoming,
) -> Result<Value, Refusal> {
    let bytes = read_whole(body, BODY_BYTES_MAX).await?;
    let expected = "a JSON object: the body of a model request, or {\"route\": \"api.route\"}";
    let fields: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|_| Refusal::bad_request("body", expected))?;
    let Some(name) = fields.get("route") else {
        let request = LlmRequest::parse(Endpoint::ChatCompletions, "application/json", bytes)?;
        return of_model(core, call, key, snapshot, request).await;
    };
    let route = snapshot.routes.list.iter().find(|route| name.as_str() == Some(&*route.terms.key));
    let route = route.ok_or_else(|| Refusal::bad_request("route", "the name of a route, such as `rest.search`"))?;
    Ok(judged(core, key, route, None, bound_of_rest(route, 0)))
}

async fn of_model(
    core: &Core,
    call: &Call,
    key: &Arc<Key>,
    snapshot: &Snapshot,
    request: LlmRequest,
) -> Result<Value, Refusal> {
    let serves = |route: &&Arc<Route>| {
        let is_asked = route.llm == Some(Llm::Endpoint(Endpoint::ChatCompletions));
        is_asked && route.models.as_ref().is_some_and(|models| models.price(request.model(), snapshot).is_some())
    };
    let priced = snapshot.routes.list.iter().find(serves);
    let route = priced.ok_or_else(|| Refusal::reason(Reason::ModelNotPriced, core.now()))?;
    let mut model = measured(request, route, key, snapshot, call)?;
    model.count(&core.counting).await?;
    let bound = model.bound();
    Ok(judged(core, key, route, Some(&model), bound))
}

/// The cost of `bound` on `route`, and whether it would be admitted now.
fn judged(core: &Core, key: &Arc<Key>, route: &Route, model: Option<&ModelEstimate>, bound: Usage) -> Value {
    let ask = Ask {
        route: &route.terms,
        model: model.map(ModelEstimate::ask),
        key: key.id,
        application: key.application,
        bound,
        precision: Precision::Counted,
    };
    let now = core.now();
    let mut standing = key.customer.standing();
    standing.advance(now);
    let plan = standing.subscription.as_ref().map(|subscription| &*subscription.plan);
    let cost = quote(&ask, plan, &standing).ok();
    let refused = match decide(&standing, &ask, now) {
        Decision::Admit(_) => None,
        Decision::Deny(denial) => Some(denial.reason),
    };
    let quantities = bound.iter().map(|(meter, quantity)| (meter.name().to_owned(), Value::from(quantity)));
    json!({
        "route": route.terms.key,
        "model": model.map(|model| &*model.name),
        "usage_at_most": quantities.collect::<Map<_, _>>(),
        "cost_at_most": cost.map(|cost| json!({ "amount": cost.to_string(), "currency": standing.currency.to_string() })),
        "free": matches!(route.terms.charge, Charge::Free),
        "admitted": refused.is_none(),
        "reason": refused.map(Reason::code),
    })
}
