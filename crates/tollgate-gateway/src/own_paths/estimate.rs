//! `POST estimate`: what a request would cost, and whether it would be admitted now.
//!
//! The body is what would be sent to a model, or `{"route": "api.route"}`. Nothing is held and nothing is
//! forwarded.

use std::sync::Arc;

use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_core::catalogue::Charge;
use tollgate_core::decision::{Ask, Decision, ModelAsk, Precision, decide, quote};
use tollgate_core::meter::{Meter, Usage};
use tollgate_meter::openai::Endpoint;
use tollgate_meter::openai::request::{LlmRequest, image_tokens_max};

use crate::cores::Core;
use crate::directory::Key;
use crate::estimate::read_whole;
use crate::limits::COUNT_INLINE_BYTES;
use crate::refuse::Refusal;
use crate::route::Route;
use crate::snapshot::Snapshot;

const BODY_BYTES_MAX: u64 = 10 * 1024 * 1024;

#[derive(Deserialize)]
struct ForRoute {
    route: Option<String>,
}

/// What a request would cost.
///
/// # Errors
/// 400 naming the field.
pub(super) async fn estimate(
    core: &Core,
    key: &Arc<Key>,
    snapshot: &Snapshot,
    body: Incoming,
) -> Result<Value, Refusal> {
    let bytes = read_whole(body, BODY_BYTES_MAX).await?;
    let named: ForRoute = serde_json::from_slice(&bytes).map_err(|_| Refusal::bad_request("body", "a JSON object"))?;
    match named.route {
        Some(name) => {
            let route = snapshot.routes.iter().find(|route| *route.terms.key == *name);
            let route =
                route.ok_or_else(|| Refusal::bad_request("route", "the name of a route, such as `rest.search`"))?;
            Ok(judged(core, key, route, None, Usage::ONE_CALL))
        }
        None => {
            let request = LlmRequest::parse(Endpoint::ChatCompletions, bytes)?;
            of_model(core, key, snapshot, request).await
        }
    }
}

async fn of_model(core: &Core, key: &Arc<Key>, snapshot: &Snapshot, request: LlmRequest) -> Result<Value, Refusal> {
    let route = snapshot
        .routes
        .iter()
        .filter(|route| route.llm == Some(Endpoint::ChatCompletions))
        .find(|route| snapshot.model(&route.provider, request.model()).is_some());
    let route = route.ok_or_else(|| Refusal::bad_request("model", "a model that a route serves at a price"))?;
    let row = snapshot.model(&route.provider, request.model());
    let prompt_tokens = match request.prompt().tokens_max(0) {
        0..=COUNT_INLINE_BYTES => request.count_prompt_tokens(request.model()),
        bytes => {
            let _permit = core.counting.acquire().await;
            let counted = request.clone();
            let counting = tokio::task::spawn_blocking(move || counted.count_prompt_tokens(counted.model()));
            counting.await.unwrap_or(bytes)
        }
    };
    let images = request.prompt().images.saturating_mul(image_tokens_max(request.model()));
    let output = request.output_bound().or_else(|| row.and_then(|row| row.output_max)).unwrap_or(0);
    let usage = Usage::ONE_CALL
        .with(Meter::InputTokens, prompt_tokens.saturating_add(images))
        .with(Meter::OutputTokens, output.saturating_mul(request.generations()));
    Ok(judged(core, key, route, Some(&request), usage))
}

/// The cost of `usage` on `route`, and whether it would be admitted now.
fn judged(core: &Core, key: &Arc<Key>, route: &Route, request: Option<&LlmRequest>, usage: Usage) -> Value {
    let snapshot = core.snapshot();
    let model = request.map(|request| ModelAsk {
        id: request.model(),
        price: snapshot.model_price(&route.provider, request.model()),
        prompt_tokens: usage.get(Meter::InputTokens),
        prompt_meters: tollgate_core::meter::MeterSet::EMPTY,
        answer_meters: tollgate_core::meter::MeterSet::EMPTY,
    });
    let ask = Ask {
        route: &route.terms,
        model,
        key: key.id,
        application: key.application,
        bound: usage,
        precision: Precision::Counted,
    };
    let now = core.now();
    let mut standing = key.customer.standing();
    standing.advance(now);
    let plan = standing.subscription.as_ref().map(|subscription| &*subscription.plan);
    let cost = quote(&ask, plan, &standing).ok();
    let decision = decide(&standing, &ask, now);
    json!({
        "route": route.terms.key,
        "model": request.map(LlmRequest::model),
        "usage": usage.iter().map(|(meter, quantity)| (meter.name().to_owned(), Value::from(quantity))).collect::<serde_json::Map<_, _>>(),
        "cost_at_most": cost.map(|cost| json!({ "amount": cost.to_string(), "currency": standing.currency.to_string() })),
        "free": matches!(route.terms.charge, Charge::Free),
        "admitted": matches!(decision, Decision::Admit(_)),
        "reason": match &decision { Decision::Admit(_) => None, Decision::Deny(denial) => Some(denial.reason.code()) },
    })
}
