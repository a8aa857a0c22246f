//! Phase: what can this request use at most.
//!
//! For a REST route the bounds follow from the head and the route. For a model the body is read and
//! measured: one token a byte at most, so nothing is tokenized unless the answer depends on it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tollgate_core::catalogue::{Component, Plan, Price, PriceModel};
use tollgate_core::decision::{ModelAsk, Precision};
use tollgate_core::meter::{Meter, MeterSet, Usage};
use tollgate_core::time::Timestamp;
use tollgate_meter::openai::Endpoint;
use tollgate_meter::openai::request::{LlmRequest, image_tokens_max};
use tollgate_meter::tokens::{self, Tokenizer};

use crate::authorize::authorize_model;
use crate::directory::Key;
use crate::head_check::is_json;
use crate::headers::content_length;
use crate::limits::COUNT_INLINE_BYTES;
use crate::refuse::Refusal;
use crate::route::Route;
use crate::snapshot::Snapshot;
use crate::upstream::UpstreamBody;

/// What a request can use at most, and its body.
pub(crate) struct Estimate {
    pub(crate) bound: Usage,
    pub(crate) precision: Precision,
    pub(crate) model: Option<ModelEstimate>,
    pub(crate) body: PendingBody,
}

/// What is known of a model request before it runs.
pub(crate) struct ModelEstimate {
    pub(crate) request: Arc<LlmRequest>,
    /// The model that will serve: the one asked for, or a cheaper one past a soft limit.
    pub(crate) id: Box<str>,
    pub(crate) price: Option<Arc<Price>>,
    pub(crate) prompt_tokens: u64,
    /// The most tokens of each answer.
    pub(crate) output_bound: Option<u64>,
    pub(crate) window: Option<u64>,
}

/// The body on its way to the upstream.
pub(crate) enum PendingBody {
    /// Passed on as it arrives.
    Passing(Incoming),
    /// The body of the model request.
    OfModel,
}

/// Estimates a request to a REST route.
///
/// # Errors
/// 413 if it says that it is larger than the route takes.
pub(crate) fn of_rest(route: &Route, headers: &HeaderMap, body: Incoming) -> Result<Estimate, Refusal> {
    let declared = content_length(headers);
    if declared.is_some_and(|length| length > route.request_bytes_max) {
        return Err(Refusal::body_too_large(route.request_bytes_max));
    }
    let has_body = !http_body::Body::is_end_stream(&body);
    let bytes_in = declared.unwrap_or(if has_body { route.request_bytes_max } else { 0 });
    let bound = bound_of_rest(route, bytes_in);
    Ok(Estimate { bound, precision: Precision::Counted, model: None, body: PendingBody::Passing(body) })
}

/// What a request to a REST route with a body of `bytes_in` can use at most.
pub(crate) fn bound_of_rest(route: &Route, bytes_in: u64) -> Usage {
    let time_max_ms = u64::try_from(route.terms.time_max.as_millis()).unwrap_or(u64::MAX);
    Usage::ONE_CALL
        .with(Meter::BytesIn, bytes_in)
        .with(Meter::BytesOut, route.response_bytes_max)
        .with(Meter::ComputeMs, time_max_ms)
        .with(Meter::ToolCalls, route.tool_calls)
}

/// Reads and estimates a request to a model.
///
/// # Errors
/// 400 naming the field, 413, 403 if the key may not name the model.
pub(crate) async fn of_model(
    endpoint: Endpoint,
    route: &Route,
    key: &Key,
    snapshot: &Snapshot,
    headers: &HeaderMap,
    body: Incoming,
    now: Timestamp,
) -> Result<Estimate, Refusal> {
    if !is_json(headers) {
        return Err(Refusal::bad_request("content-type", "application/json"));
    }
    let bytes = read_whole(body, route.request_bytes_max).await?;
    let request = LlmRequest::parse(endpoint, bytes)?;
    if let Some(tool) = request.hosted_tool() {
        return Err(Refusal::bad_request(tool, "nothing: tools that the provider hosts cannot be metered here"));
    }
    let model = measured(request, route, key, snapshot, now)?;
    Ok(Estimate { bound: model.bound(), precision: Precision::Bytes, model: Some(model), body: PendingBody::OfModel })
}

/// Measures a request for the model that it names.
///
/// # Errors
/// 403 if the key may not name the model, 400 naming the field.
pub(crate) fn measured(
    request: LlmRequest,
    route: &Route,
    key: &Key,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<ModelEstimate, Refusal> {
    authorize_model(key, request.model(), now)?;
    let plan = {
        let standing = key.customer.standing();
        standing.subscription.as_ref().map(|subscription| Arc::clone(&subscription.plan))
    };
    measure(Arc::new(request), None, route, snapshot, plan.as_deref())
}

/// Measures `request` for the model that serves it: `instead`, or the one it names.
fn measure(
    request: Arc<LlmRequest>,
    instead: Option<&str>,
    route: &Route,
    snapshot: &Snapshot,
    plan: Option<&Plan>,
) -> Result<ModelEstimate, Refusal> {
    let id: Box<str> = instead.unwrap_or(request.model()).into();
    let row = snapshot.model(&route.provider, &id);
    let window = row.and_then(|row| row.context_window);
    let bytes = request.prompt().tokens_max(image_tokens_max(&id));
    // A prompt that is longer than the window fails before it is billed.
    let prompt_tokens = window.map_or(bytes, |window| bytes.min(window));
    let output_bound = match request.generations() {
        0 => None,
        _ => {
            let by_plan = plan.and_then(|plan| plan.output_tokens_default);
            let by_model = row.and_then(|row| row.output_max).or(window);
            let asked = request.output_bound();
            let bound = asked
                .or(by_plan)
                .or(by_model)
                .ok_or_else(|| Refusal::bad_request("max_tokens", "a bound: neither the plan nor the model has one"))?;
            // More than the model can is not more than it can.
            Some(row.and_then(|row| row.output_max).map_or(bound, |most| bound.min(most).max(1)))
        }
    };
    let price = snapshot.model_price(&route.provider, &id).cloned();
    Ok(ModelEstimate { request, id, price, prompt_tokens, output_bound, window })
}

impl ModelEstimate {
    /// What is asked about it.
    pub(crate) fn ask(&self) -> ModelAsk<'_> {
        ModelAsk {
            id: &self.id,
            price: self.price.as_ref(),
            prompt_tokens: self.prompt_tokens,
            prompt_meters: self.prompt_meters(),
            answer_meters: self.answer_meters(),
        }
    }

    /// What it can use at most.
    pub(crate) fn bound(&self) -> Usage {
        let output = self.output_bound.unwrap_or(0).saturating_mul(self.request.generations());
        Usage::ONE_CALL.with(Meter::InputTokens, self.prompt_tokens).with(Meter::OutputTokens, output)
    }

    /// What a token of the prompt may turn out to be, as far as the price knows it.
    pub(crate) fn prompt_meters(&self) -> MeterSet {
        self.priced(self.request.prompt_meters())
    }

    /// What a generated token may turn out to be, as far as the price knows it.
    pub(crate) fn answer_meters(&self) -> MeterSet {
        self.priced(self.request.answer_meters())
    }

    fn priced(&self, meters: MeterSet) -> MeterSet {
        let Some(price) = &self.price else { return meters };
        let is_priced = |component: &Component, meter: Meter| {
            component.meters.contains(meter) && matches!(component.model, PriceModel::PerUnit(_))
        };
        meters.iter().filter(|&meter| price.components.iter().any(|c| is_priced(c, meter))).collect()
    }

    /// Counts the prompt's tokens, on a thread of its own if it is large.
    ///
    /// # Errors
    /// 400 if the prompt is larger than the model takes.
    pub(crate) async fn count(&mut self, permits: &tokio::sync::Semaphore) -> Result<(), Refusal> {
        let (request, id) = (Arc::clone(&self.request), self.id.clone());
        let bytes = request.prompt().tokens_max(0);
        let encoding = Tokenizer::of_model(&id).encoding;
        let counted = if bytes <= COUNT_INLINE_BYTES && tokens::is_loaded(encoding) {
            request.count_prompt_tokens(&id)
        } else {
            // Bounded, so that large prompts cannot take all cores.
            let _permit = permits.acquire().await;
            let counting = tokio::task::spawn_blocking(move || request.count_prompt_tokens(&id));
            // If the count failed the bound by bytes stands.
            counting.await.unwrap_or(bytes)
        };
        if let Some(window) = self.window.filter(|window| counted > *window) {
            return Err(Refusal::context_length(&self.id, counted, window));
        }
        self.prompt_tokens = counted.min(self.prompt_tokens);
        Ok(())
    }

    /// The same request, served by a cheaper model.
    ///
    /// # Errors
    /// As for the model that was asked for.
    pub(crate) fn served_by(
        &self,
        model: &str,
        route: &Route,
        snapshot: &Snapshot,
        plan: Option<&Plan>,
    ) -> Result<Self, Refusal> {
        measure(Arc::clone(&self.request), Some(model), route, snapshot, plan)
    }
}

/// Reads a body whole.
///
/// # Errors
/// 413 beyond `most` bytes, 499 if the caller stops sending.
pub(crate) async fn read_whole(body: Incoming, most: u64) -> Result<Bytes, Refusal> {
    let limit = usize::try_from(most).unwrap_or(usize::MAX);
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::body_too_large(most)),
        Err(_) => Err(Refusal::caller_left()),
    }
}

/// The body for the upstream, with what has passed of it.
pub(crate) fn passing(incoming: Incoming, most: u64) -> (UpstreamBody, Arc<AtomicU64>) {
    let passed = Arc::new(AtomicU64::new(0));
    if http_body::Body::is_end_stream(&incoming) {
        return (UpstreamBody::Empty, passed);
    }
    (UpstreamBody::Passing { incoming, passed: Arc::clone(&passed), most }, passed)
}
