//! The path of a request, top to bottom.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use tollgate_core::decision::Reason;
use tollgate_core::id::mint;
use tollgate_meter::translate::StreamTranslator;
use tollgate_store::settlement::Flags;

use crate::admit::{Admission, Round, admit};
use crate::answer::AnswerBody;
use crate::authenticate::authenticate;
use crate::authorize::authorize;
use crate::call::{Call, Peer};
use crate::caller::Presence;
use crate::core::Core;
use crate::estimate::{self, ModelEstimate};
use crate::forward::{Forwarded, NotForwarded, forward};
use crate::head_check::head_check;
use crate::headers::{clean_response, content_length, is_websocket};
use crate::limits::WHOLE_ANSWER_BYTES;
use crate::mcp::Guest;
use crate::metering::{AnswerMeter, ModelFacts};
use crate::models::{self, Translation};
use crate::refuse::{Problem, Refusal, respond};
use crate::relay::{Exchange, Relay, Stage};
use crate::route::{Llm, Route, route};
use crate::settle::record_refusal;
use crate::snapshot::Snapshot;
use crate::upstream::Answer;
use crate::whole::Whole;
use crate::{mcp, own_paths, respond_headers, websocket};

/// Answers a request: what [`carry`] makes of it, or the refusal in the caller's dialect.
pub(crate) async fn answer(
    core: Arc<Core>,
    peer: Peer,
    request: Request<Incoming>,
    presence: Arc<Presence>,
) -> Response<AnswerBody> {
    let now = core.now();
    let mut call = Call::new(mint(&*core.ids, now), now, peer, &request);
    let snapshot = core.snapshot();
    let cors = respond_headers::Cors::of(&request, &snapshot.setup);
    if let Some(preflight) = cors.preflight(&request) {
        return preflight;
    }
    let id = call.id_field.clone();
    let mut response = match carry(&core, &mut call, &snapshot, request, &presence).await {
        Ok(Carried::Answer(response)) => response,
        // The call goes with the relay; what is left to do here needs its id only.
        Ok(Carried::Relayed(relay)) => relay.into_response(call),
        Err(refusal) => refuse(&core, &call, &snapshot, &refusal),
    };
    // An upstream's version is about its own connection (RFC 9110 2.5).
    *response.version_mut() = Version::default();
    respond_headers::identify(response.headers_mut(), id);
    cors.allow(response.headers_mut());
    response
}

/// What became of a request that was not refused.
pub(crate) enum Carried {
    /// The whole answer.
    Answer(Response<AnswerBody>),
    /// An answer that is passed on while it arrives.
    Relayed(Box<RelayWithoutCall>),
}

/// The path: each line is a phase, each phase a file of that name.
///
/// What few requests need is boxed: the state of this future is moved for each of them.
async fn carry(
    core: &Arc<Core>,
    call: &mut Call,
    snapshot: &Arc<Snapshot>,
    request: Request<Incoming>,
    presence: &Presence,
) -> Result<Carried, Refusal> {
    head_check(&request)?;
    if own_paths::is_own(request.uri().path()) {
        return Box::pin(own_paths::serve(core, call, snapshot, request)).await.map(Carried::Answer);
    }
    let route = Arc::clone(route(&snapshot.routes, &request)?);
    call.on_route(&route);
    let key = authenticate(&core.directory, request.headers(), call.arrived_at).await?;
    call.key = Some(Arc::clone(&key));
    authorize(&key, &route, request.headers(), call.peer.address, call.arrived_at)?;
    if route.websocket && is_websocket(request.headers()) {
        let carried = Box::pin(websocket::carry(core, call, snapshot, &key, &route, request));
        return carried.await.map(Carried::Answer);
    }

    let guest = Guest { core, call, snapshot, key: &key, presence };
    if let Some(mcp) = &route.mcp {
        return Box::pin(mcp::carry(guest, mcp, request)).await;
    }
    let (parts, body) = request.into_parts();
    match (&route.models, route.llm) {
        (Some(models), Some(Llm::List)) => models::list(guest, models, &parts).map(Carried::Answer),
        (Some(_), Some(_)) => Box::pin(models::serve(guest, &route, parts, body)).await,
        _ => rest(guest, &route, parts, body).await,
    }
}

/// A request to a REST route: estimated, admitted, forwarded, delivered.
async fn rest(guest: Guest<'_>, route: &Arc<Route>, parts: Parts, body: Incoming) -> Result<Carried, Refusal> {
    let Guest { core, call, snapshot, key, presence } = guest;
    let mut estimate = estimate::of_rest(route, &parts.headers, &body)?;
    let admission = admit(core, call, key, route, snapshot, &mut estimate, Round::First).await?;
    call.admitted = Some(Instant::now());
    let (body, sent) = estimate::passing(body, route.request_bytes_max);
    let forwarded = Instant::now();
    let Forwarded { admission, response } = match forward(core, call, route, admission, parts, body, presence).await {
        Ok(forwarded) => forwarded,
        Err(NotForwarded::Failed(refusal)) => return Err(refusal),
        Err(NotForwarded::CallerLeft(admission)) => {
            admission.release();
            return Err(Refusal::caller_left());
        }
    };
    let delivered = Delivered { model: None, translation: None, left_out: Vec::new(), clamped: None, sent, forwarded };
    deliver(core, call, route, admission, delivered, response, presence).await
}

/// What is known of a request whose answer has begun.
pub(crate) struct Delivered {
    pub(crate) model: Option<ModelEstimate>,
    /// How the answer is to be said.
    pub(crate) translation: Option<Translation>,
    /// Members of the request that were left out on its way to an upstream with another format.
    pub(crate) left_out: Vec<String>,
    /// The output bound that the balance allowed.
    pub(crate) clamped: Option<u64>,
    /// What has passed of the request's body.
    pub(crate) sent: Arc<AtomicU64>,
    /// When the request was sent.
    pub(crate) forwarded: Instant,
}

/// From the head of the answer to settlement.
pub(crate) async fn deliver(
    core: &Arc<Core>,
    call: &mut Call,
    route: &Arc<Route>,
    admission: Admission,
    delivered: Delivered,
    response: Response<Answer>,
    presence: &Presence,
) -> Result<Carried, Refusal> {
    let Delivered { model, translation, left_out, clamped, sent, forwarded } = delivered;
    call.bytes_in = call.bytes_in.max(sent.load(Ordering::Relaxed));

    let (mut head, answer) = response.into_parts();
    let meter = meter_for(model.as_ref(), &admission, &head);
    if meter.changes_length() || translation.is_some() {
        head.headers.remove(CONTENT_LENGTH);
    }
    let length = content_length(&head.headers);
    clean_response(&mut head.headers);
    respond_headers::terms(&mut head.headers, &admission, clamped, model.as_ref());
    respond_headers::left_out(&mut head.headers, &left_out);
    let status = head.status.as_u16();
    let is_short = length.is_some_and(|length| length <= WHOLE_ANSWER_BYTES);
    let is_free = is_free_of_charge(status, route);
    if is_free || is_short || meter.needs_whole() {
        let bytes_max = route.response_bytes_max;
        let whole = Whole { core, call, presence, head, answer, admission, sent, forwarded, bytes_max, translation };
        let answered = if is_free { Box::pin(whole.pass_free()).await } else { whole.settle(meter).await };
        return answered.map(Carried::Answer);
    }
    let core = Arc::clone(core);
    let translator = translation.map(|translation| {
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(translation.stream_type()));
        Box::new(translation.stream())
    });
    let relay = RelayWithoutCall { core, head, answer, meter, translator, admission, sent, forwarded, length };
    Ok(Carried::Relayed(Box::new(relay)))
}

fn meter_for(model: Option<&ModelEstimate>, admission: &Admission, head: &http::response::Parts) -> AnswerMeter {
    let Some(model) = model else { return AnswerMeter::Rest };
    let facts = ModelFacts {
        request: Arc::clone(&model.request),
        model: model.id.clone(),
        prompt_tokens: model.prompt_tokens,
        bound: admission.bound(),
        priced: model.priced,
        counted: None,
        endpoint: model.endpoint,
    };
    AnswerMeter::of_model(&model.request, facts, &head.headers)
}

/// Failures are not billed: the upstream's own never, the caller's only where the route says so.
pub(crate) fn is_free_of_charge(status: u16, route: &Route) -> bool {
    status >= 500 || (status >= 400 && !route.charge_client_errors)
}

/// Renders and writes down a refusal.
pub(crate) fn refuse(core: &Core, call: &Call, snapshot: &Snapshot, refusal: &Refusal) -> Response<AnswerBody> {
    if refusal.code() == Reason::ModelNotPriced.code() {
        let route = call.route.as_ref().map_or("", |route| &*route.terms.key);
        tracing::warn!(request = %call.id, route, model = &*call.model, "No price is set, so it is not served");
    }
    let problem = Problem::new(refusal, &call.context(), &snapshot.setup, &snapshot.texts);
    let members = serde_json::Value::Object(problem.members.clone()).to_string();
    record_refusal(core, call, refusal.status(), refusal.code(), &members);
    respond(refusal, &problem, call.dialect)
}

/// A relay that lacks only its call, which is still needed until the head is complete.
pub(crate) struct RelayWithoutCall {
    pub(crate) core: Arc<Core>,
    pub(crate) head: http::response::Parts,
    pub(crate) answer: Answer,
    pub(crate) meter: AnswerMeter,
    /// Says the answer in the caller's format, if the upstream speaks another.
    pub(crate) translator: Option<Box<StreamTranslator>>,
    pub(crate) admission: Admission,
    pub(crate) sent: Arc<AtomicU64>,
    pub(crate) forwarded: Instant,
    pub(crate) length: Option<u64>,
}

impl RelayWithoutCall {
    fn into_response(self, mut call: Call) -> Response<AnswerBody> {
        call.flags = call.flags.with(Flags::STREAMED);
        let relay = Relay::new(Exchange {
            core: self.core,
            call,
            status: self.head.status.as_u16(),
            answer: self.answer,
            meter: self.meter,
            translator: self.translator,
            admission: Some(self.admission),
            sent: self.sent,
            forwarded: self.forwarded,
            length: self.length,
            stage: Stage::Passing,
            idle: None,
        });
        Response::from_parts(self.head, AnswerBody::Relayed(relay))
    }
}
