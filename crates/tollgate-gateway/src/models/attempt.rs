//! One candidate after the other, until one serves.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use tollgate_core::decision::Reason;
use tollgate_meter::endpoint::{Endpoint, Format, Target};
use tollgate_meter::request::{AskForUsage, Delivery, Edits};
use tollgate_store::settlement::Flags;

use crate::admit::{Admission, Round, admit};
use crate::answer::AnswerBody;
use crate::call::Call;
use crate::caller::Presence;
use crate::core::Core;
use crate::deliver::{Carried, Delivered, deliver};
use crate::estimate::{self, Estimate, ModelEstimate};
use crate::forward::{Forwarded, Lost, addressed, exchange, failed, target};
use crate::guest::Guest;
use crate::refuse::Refusal;
use crate::route::Route;
use crate::settle::record_unserved;
use crate::translation::Translation;
use crate::upstream::UpstreamBody;
use crate::whole;

use super::Turn;
use super::provider::{NoTicket, Ticket};
use super::trouble::{Trouble, drop_operators, error_for};

/// What only the operator may say to its providers: on whose account, and which members of the answer.
const OF_THE_OPERATOR: [&str; 6] = [
    "openai-organization",
    "openai-project",
    "api-key",
    "x-goog-user-project",
    "x-goog-fieldmask",
    "x-goog-field-mask",
];

/// The version of Anthropic's API that requests are written for, where its callers do not say.
const ANTHROPIC_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

/// The most bytes of an error that are read.
const ERROR_BYTES_MAX: u64 = 64 * 1024;

/// An attempt that was answered with something to deliver.
struct Served {
    forwarded: Forwarded,
    translation: Option<Translation>,
    turn: Option<Turn>,
    left_out: Vec<String>,
    sent: Instant,
    clamped: Option<u64>,
}

/// An attempt that was not.
enum Missed {
    /// Another candidate may serve; this is said if none does.
    Elsewhere(Sorry, Box<Admission>),
    /// The upstream refuses the request itself, as every other one would.
    Mistake(Box<Response<Bytes>>, Box<Admission>),
    /// No other would serve it.
    Refused(Refusal),
}

/// What is said if nobody serves.
enum Sorry {
    Refusal(Refusal),
    /// The last upstream's own words.
    Answer(Box<Response<Bytes>>),
}

/// Serves a request for a model: estimates, admits and forwards it, to one candidate after the other.
///
/// # Errors
/// What the estimate, the decision or the last candidate refuses.
pub(crate) async fn serve(
    guest: Guest<'_>,
    route: &Arc<Route>,
    parts: Parts,
    body: Incoming,
) -> Result<Carried, Refusal> {
    let Guest { core, call, snapshot, key, presence } = guest;
    let asked = route.llm.and_then(|llm| llm.target(parts.uri.path())).ok_or_else(Refusal::not_found)?;
    let mut estimate = estimate::of_model(asked, route, key, snapshot, &parts.headers, body, call).await?;
    if let Some(model) = &estimate.model {
        call.model = model.request.model().into();
        call.bytes_in = len(model.request.body());
    }
    let mut round = Round::First;
    let mut sorry: Option<Sorry> = None;
    loop {
        let admission = match admit(core, call, key, route, snapshot, &mut estimate, round).await {
            Ok(admission) => admission,
            // What the next candidate would cost is not paid for: the first failure stands.
            Err(refusal) => return regret(core, call, sorry.unwrap_or(Sorry::Refusal(refusal))),
        };
        call.admitted.get_or_insert_with(Instant::now);
        let Some(model) = estimate.model.take() else { return Err(Refusal::upstream_failed()) };
        let guest = Guest { core, call, snapshot, key, presence };
        let (what, admission) = match attempt(guest, route, &model, admission, &parts).await {
            Ok(served) => return delivered(core, call, route, presence, model, served).await,
            Err(Missed::Refused(refusal)) => return Err(refusal),
            Err(Missed::Mistake(answer, admission)) => {
                admission.release();
                return regret(core, call, Sorry::Answer(answer));
            }
            Err(Missed::Elsewhere(what, admission)) => (what, admission),
        };
        let plan = admission.plan().cloned();
        // Nothing is held while the next one is judged.
        admission.release();
        let sorry = sorry.get_or_insert(what);
        let next = if presence.has_left() { None } else { model.elsewhere(snapshot, plan.as_deref()) };
        let Some(next) = next else {
            return regret(core, call, std::mem::replace(sorry, Sorry::Refusal(Refusal::upstream_failed())));
        };
        tracing::info!(request = %call.id, model = &*next.id, "Trying the next model");
        estimate = Estimate::of(next);
        // One that was degraded is not degraded again: who could serve it is known.
        round = if call.flags.has(Flags::DEGRADED) { Round::Degraded } else { Round::Elsewhere };
    }
}

/// Says what is to be said when nobody serves.
fn regret(core: &Core, call: &mut Call, sorry: Sorry) -> Result<Carried, Refusal> {
    match sorry {
        Sorry::Refusal(refusal) => Err(refusal),
        Sorry::Answer(answer) => {
            call.bytes_out = len(answer.body());
            let _ticket = record_unserved(core, call, answer.status().as_u16());
            Ok(Carried::Answer(answer.map(AnswerBody::whole)))
        }
    }
}

async fn delivered(
    core: &Arc<Core>,
    call: &mut Call,
    route: &Arc<Route>,
    presence: &Presence,
    model: ModelEstimate,
    served: Served,
) -> Result<Carried, Refusal> {
    let Served { forwarded, translation, turn, left_out, sent, clamped } = served;
    let Forwarded { admission, mut response } = forwarded;
    drop_operators(response.headers_mut());
    let response = response.map(|answer| answer.with_turn(turn));
    let sent_bytes = Arc::default();
    let delivered = Delivered { model: Some(model), translation, left_out, clamped, sent: sent_bytes, forwarded: sent };
    deliver(core, call, route, admission, delivered, response, presence).await
}

/// Asks the candidate of `model`.
async fn attempt(
    guest: Guest<'_>,
    route: &Arc<Route>,
    model: &ModelEstimate,
    admission: Admission,
    parts: &Parts,
) -> Result<Served, Missed> {
    let Guest { core, call, presence, .. } = guest;
    let provider = &model.provider;
    let clamped = admission.clamped_output().map(|tokens| model.per_answer(tokens));
    let bound = clamped.or(model.output_bound);
    let translation = Translation::needed(call, model, bound);
    let (body, left_out) = match &translation {
        None => (edited(model, bound), Vec::new()),
        Some(translation) => {
            match translation.request(model.request.body()) {
                Ok(translated) => (translated.body, translated.left_out),
                // The next one may speak the caller's format.
                Err(refusal) => return Err(Missed::Elsewhere(Sorry::Refusal(refusal), Box::new(admission))),
            }
        }
    };
    let priority = admission.plan().map_or(0, |plan| plan.priority);
    let Ticket { key, turn } = match provider.ticket(priority, core.now()).await {
        Ok(ticket) => ticket,
        Err(why) => {
            let reason = match why {
                NoTicket::Saturated => Reason::ConcurrencyLimited,
                NoTicket::NoKey => Reason::UpstreamUnavailable,
            };
            let sorry = Sorry::Refusal(Refusal::reason(reason, core.now()));
            return Err(Missed::Elsewhere(sorry, Box::new(admission)));
        }
    };
    let mut request = request_to(call, route, model, parts, body).map_err(Missed::Refused)?;
    if let Some((name, value)) = provider.key_header(key.as_ref()) {
        request.headers_mut().insert(name, value);
    }
    let sent = Instant::now();
    let exchanged = exchange(core, call, &provider.upstream, request, route.terms.time_max, admission, presence).await;
    let Forwarded { admission, response } = match exchanged {
        Ok(forwarded) => forwarded,
        Err(Lost::CallerLeft(admission)) => {
            admission.release();
            return Err(Missed::Refused(Refusal::caller_left()));
        }
        Err(Lost::NoAnswer(error, admission)) => {
            provider.had(Trouble::Failed, key.as_ref(), core.now());
            let refusal = failed(core, call, route, &provider.upstream, &error);
            return Err(Missed::Elsewhere(Sorry::Refusal(refusal), admission));
        }
    };
    if response.status().as_u16() < 400 {
        provider.served();
        return Ok(Served { forwarded: Forwarded { admission, response }, translation, turn, left_out, sent, clamped });
    }
    // An error: small, and read whole, because it says whose fault it is.
    let (head, answer) = response.into_parts();
    let body = whole::read(answer, ERROR_BYTES_MAX, &admission, presence).await.unwrap_or_default();
    let trouble = Trouble::of(head.status, &head.headers, &body);
    if let Some(trouble) = trouble {
        provider.had(trouble, key.as_ref(), core.now());
    }
    let answer = |head| Box::new(error_for(translation.as_ref(), head, body));
    Err(match trouble {
        None => Missed::Mistake(answer(head), Box::new(admission)),
        // The operator's matter, and nothing that the caller could end.
        Some(Trouble::KeyRefused | Trouble::OutOfFunds) => {
            let refusal = Refusal::reason(Reason::UpstreamUnavailable, core.now());
            Missed::Elsewhere(Sorry::Refusal(refusal), Box::new(admission))
        }
        Some(Trouble::Failed | Trouble::NotAllowed | Trouble::TooFast(_)) => {
            Missed::Elsewhere(Sorry::Answer(answer(head)), Box::new(admission))
        }
    })
}

/// The body of a request in its own format, with what Tollgate must change in it.
fn edited(model: &ModelEstimate, bound: Option<u64>) -> Bytes {
    let request = &model.request;
    // A bound that the caller did not name is named, or the upstream would know none.
    let must_say = bound.filter(|&bound| request.output_bound() != Some(bound));
    request.rewritten(&Edits {
        model: (*model.id != *request.model()).then_some(&*model.id),
        output_bound: must_say,
        usage: match request.delivery() {
            Delivery::Streamed => AskForUsage::Always,
            Delivery::Whole => AskForUsage::AsSent,
        },
        output_field: model.provider.output_field(),
    })
}

/// The request as the provider of `model` gets it.
fn request_to(
    call: &Call,
    route: &Route,
    model: &ModelEstimate,
    parts: &Parts,
    body: Bytes,
) -> Result<Request<UpstreamBody>, Refusal> {
    let upstream = &model.provider.upstream;
    let unaskable = |_| Refusal::bad_request("path", "a path that the upstream can be asked for");
    let uri = match model.endpoint == model.request.endpoint() {
        true => {
            let asked = Target::of_path(parts.uri.path()).filter(|asked| asked.model.is_some());
            match asked.map(|asked| asked.path_for(parts.uri.path(), &model.id).into_owned()) {
                // Other parameters choose what the answer has, and its usage could be missing.
                Some(path) => upstream.target(&path, is_sse(&parts.uri).then_some("alt=sse")),
                None => target(route, upstream, &parts.uri),
            }
        }
        false => {
            let query = (model.endpoint == Endpoint::StreamGenerateContent).then_some("alt=sse");
            upstream.target(&model.endpoint.path().replace("{model}", &model.id), query)
        }
    };
    let uri: Uri = uri.map_err(unaskable)?;
    let mut parts = parts.clone();
    for name in OF_THE_OPERATOR {
        parts.headers.remove(name);
    }
    let mut request = addressed(call, route, upstream, uri, parts, UpstreamBody::Whole(body));
    let headers = request.headers_mut();
    // What is to be metered must be readable; the body may have been edited.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.remove(CONTENT_LENGTH);
    if model.endpoint.format() == Format::Anthropic {
        let (name, version) = ANTHROPIC_VERSION;
        match model.request.endpoint().format() {
            Format::Anthropic => _ = headers.entry(name).or_insert(version),
            Format::OpenAi | Format::Gemini => _ = headers.insert(name, version),
        }
    }
    Ok(request)
}

/// Whether a stream is asked for as events.
fn is_sse(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"))
}

fn len(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
