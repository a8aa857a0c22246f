//! Phase: what can this request use at most.
//!
//! For a REST route the bounds follow from the head and the route. For a model the body is read and
//! measured: one token a byte at most, so nothing is tokenized unless the answer depends on it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tollgate_core::catalogue::{Plan, Price};
use tollgate_core::decision::{ModelAsk, OutputBound, Precision};
use tollgate_core::meter::{Meter, MeterSet, Usage};
use tollgate_core::time::Timestamp;
use tollgate_meter::endpoint::{BodyKind, Endpoint, Target};
use tollgate_meter::request::{Delivery, LlmRequest, image_tokens_max};
use tollgate_meter::tokens::{self, Tokenizer};
use tollgate_meter::usage::charged;

use crate::authorize::authorize_model;
use crate::call::Call;
use crate::directory::Key;
use crate::head_check::is_json;
use crate::headers::content_length;
use crate::limits::COUNT_INLINE_BYTES;
use crate::models::{Candidate, Provider};
use crate::refuse::Refusal;
use crate::route::Route;
use crate::snapshot::Snapshot;
use crate::upstream::UpstreamBody;

/// What a request can use at most.
pub(crate) struct Estimate {
    pub(crate) bound: Usage,
    pub(crate) precision: Precision,
    pub(crate) model: Option<ModelEstimate>,
}

impl Estimate {
    /// The estimate of a request to a model, as long as nothing was counted.
    pub(crate) fn of(model: ModelEstimate) -> Self {
        Self { bound: model.bound(), precision: Precision::Bytes, model: Some(model) }
    }
}

/// What is known of a model request before it runs.
pub(crate) struct ModelEstimate {
    pub(crate) request: Arc<LlmRequest>,
    /// The model that is sold: the one asked for, or a cheaper one past a soft limit.
    pub(crate) name: Box<str>,
    /// Who serves it, and what the model is called there.
    pub(crate) provider: Arc<Provider>,
    pub(crate) id: Box<str>,
    /// The endpoint that is asked there; its format may be another one than the caller's.
    pub(crate) endpoint: Endpoint,
    /// Who else could, in order.
    others: Vec<Candidate>,
    /// What decides between equals.
    chance: u64,
    pub(crate) price: Option<Arc<Price>>,
    pub(crate) prompt_tokens: u64,
    /// The most tokens of each answer.
    pub(crate) output_bound: Option<u64>,
    /// What the price that applies has rates for.
    pub(crate) priced: MeterSet,
    pub(crate) window: Option<u64>,
}

/// Estimates a request to a REST route.
///
/// # Errors
/// 413 if it says that it is larger than the route takes.
pub(crate) fn of_rest(route: &Route, headers: &HeaderMap, body: &Incoming) -> Result<Estimate, Refusal> {
    let declared = content_length(headers);
    if declared.is_some_and(|length| length > route.request_bytes_max) {
        return Err(Refusal::body_too_large(route.request_bytes_max));
    }
    let has_body = !http_body::Body::is_end_stream(body);
    let bytes_in = declared.unwrap_or(if has_body { route.request_bytes_max } else { 0 });
    let bound = bound_of_rest(route, bytes_in);
    Ok(Estimate { bound, precision: Precision::Counted, model: None })
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
    target: Target<'_>,
    route: &Route,
    key: &Key,
    snapshot: &Snapshot,
    headers: &HeaderMap,
    body: Incoming,
    call: &Call,
) -> Result<Estimate, Refusal> {
    if target.endpoint.body_kind() == BodyKind::Json && !is_json(headers) {
        return Err(Refusal::bad_request("content-type", "application/json"));
    }
    let bytes = read_whole(body, route.request_bytes_max).await?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let request = LlmRequest::parse(target, content_type, bytes)?;
    measured(request, route, key, snapshot, call).map(Estimate::of)
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
    call: &Call,
) -> Result<ModelEstimate, Refusal> {
    let models = route.models.as_ref().ok_or_else(Refusal::not_found)?;
    authorize_model(key, models.sold_name(request.model()), call.arrived_at)?;
    let plan = {
        let standing = key.customer.standing();
        standing.subscription.as_ref().map(|subscription| Arc::clone(&subscription.plan))
    };
    // As good as any: the low end of an id is random.
    let chance = u64::from_le_bytes(call.id.to_bytes()[8..].try_into().unwrap_or_default());
    let name: Box<str> = request.model().into();
    named(Arc::new(request), name, chance, route, snapshot, plan.as_deref(), call.arrived_at)
}

/// Measures `request` for whoever serves the model `name`.
fn named(
    request: Arc<LlmRequest>,
    name: Box<str>,
    chance: u64,
    route: &Route,
    snapshot: &Snapshot,
    plan: Option<&Plan>,
    now: Timestamp,
) -> Result<ModelEstimate, Refusal> {
    let models = route.models.as_ref().ok_or_else(Refusal::not_found)?;
    // Whoever serves it is part of what was asked, and not of what is sold.
    let sold: Box<str> = models.sold_name(&name).into();
    let is_streamed = request.delivery() == Delivery::Streamed;
    let asked = request.endpoint();
    let serves = |candidate: &Candidate| candidate.provider.endpoint_for(asked, is_streamed).is_some();
    let mut candidates = models.candidates(&name, snapshot, chance, now);
    candidates.retain(serves);
    let others = candidates.split_off(1.min(candidates.len()));
    let candidate = candidates.pop().ok_or_else(|| {
        Refusal::bad_request("model", "a model that has this endpoint, or one that its requests can be translated for")
    })?;
    measure(request, sold, candidate, others, chance, snapshot, plan)
}

/// Measures `request` for `candidate`.
fn measure(
    request: Arc<LlmRequest>,
    name: Box<str>,
    candidate: Candidate,
    others: Vec<Candidate>,
    chance: u64,
    snapshot: &Snapshot,
    plan: Option<&Plan>,
) -> Result<ModelEstimate, Refusal> {
    let Candidate { provider, model: id } = candidate;
    let is_streamed = request.delivery() == Delivery::Streamed;
    let endpoint = provider.endpoint_for(request.endpoint(), is_streamed).ok_or_else(Refusal::not_found)?;
    let priced_as = priced_as(&request, &id, &provider.prices, snapshot);
    let row = snapshot.model(&provider.prices, &priced_as);
    let window = row.and_then(|row| row.context_window);
    let bytes = request.prompt().tokens_max(image_tokens_max(&id));
    let prompt_tokens = match window {
        _ if request.endpoint().is_free() => 0,
        // A prompt that is longer than the window fails before it is billed.
        Some(window) => bytes.min(window),
        None => bytes,
    };
    let output_bound = match request.generations() {
        0 => None,
        _ if !request.endpoint().takes_output_bound() => request.output_most(),
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
    let price = snapshot.model_price(&provider.prices, &priced_as).cloned();
    let own = plan.and_then(|plan| plan.model_prices.get(&*name));
    let priced = own.or(price.as_ref()).map(|price| priced_meters(price)).unwrap_or_default();
    Ok(ModelEstimate {
        request,
        name,
        provider,
        id,
        endpoint,
        others,
        chance,
        price,
        prompt_tokens,
        output_bound,
        priced,
        window,
    })
}

/// The name under which the price book knows what is asked of the model `id`: with the size and quality
/// of a picture where a row has them. A row of the model alone holds for any picture only if it prices
/// tokens; else the answer is a name that has no price.
fn priced_as(request: &LlmRequest, id: &str, provider: &str, snapshot: &Snapshot) -> Box<str> {
    let variants = request.variant_names(id);
    let price = |name: &str| snapshot.model_price(provider, name);
    if let Some(known) = variants.iter().find(|name| price(name).is_some()) {
        return known.as_str().into();
    }
    let is_by_the_piece = price(id).is_some_and(|price| priced_meters(price).contains(Meter::Images));
    match variants.into_iter().next() {
        Some(variant) if is_by_the_piece => variant.into(),
        _ => id.into(),
    }
}

/// Every meter that `price` has a rate for, at any length of the prompt.
fn priced_meters(price: &Price) -> MeterSet {
    let levels = price.levels.iter().flat_map(|level| &level.components);
    price.components.iter().chain(levels).flat_map(|component| component.meters.iter()).collect()
}

impl ModelEstimate {
    /// What is asked about it.
    pub(crate) fn ask(&self) -> ModelAsk<'_> {
        ModelAsk {
            id: &self.name,
            price: self.price.as_ref(),
            prompt_tokens: self.prompt_tokens,
            prompt_meters: self.prompt_meters(),
            answer_meters: self.answer_meters(),
            output: self.output(),
        }
    }

    /// Whether the upstream can be told to generate less.
    pub(crate) fn output(&self) -> OutputBound {
        match self.request.endpoint().takes_output_bound() {
            true => OutputBound::Adjustable,
            false => OutputBound::Given,
        }
    }

    /// The bound of each answer where all of them together may have `tokens`.
    pub(crate) fn per_answer(&self, tokens: u64) -> u64 {
        let generated = tokens.saturating_sub(self.request.output_beside());
        generated.div_euclid(self.request.generations().max(1)).max(1)
    }

    /// What it can use at most.
    pub(crate) fn bound(&self) -> Usage {
        let generated = self.output_bound.unwrap_or(0).saturating_mul(self.request.generations());
        let output = generated.saturating_add(self.request.output_beside());
        let tokens = Usage::ONE_CALL.with(Meter::InputTokens, self.prompt_tokens).with(Meter::OutputTokens, output);
        let bound = tokens.max(&self.request.beside_tokens());
        charged(self.request.endpoint(), bound, self.priced).unwrap_or(bound)
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
        if self.priced.is_empty() { meters } else { meters.iter().filter(|&m| self.priced.contains(m)).collect() }
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
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        named(Arc::clone(&self.request), model.into(), self.chance, route, snapshot, plan, now)
    }

    /// The same request for the next one who serves the same model; `None` if nobody is left.
    pub(crate) fn elsewhere(mut self, snapshot: &Snapshot, plan: Option<&Plan>) -> Option<Self> {
        while !self.others.is_empty() {
            let candidate = self.others.remove(0);
            let (request, name, others) = (Arc::clone(&self.request), self.name.clone(), self.others.clone());
            if let Ok(next) = measure(request, name, candidate, others, self.chance, snapshot, plan) {
                return Some(next);
            }
        }
        None
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
