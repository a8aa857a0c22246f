//! One candidate after the other, until one serves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use tollgate_core::decision::Reason;
use tollgate_meter::endpoint::{Endpoint, Target};
use tollgate_meter::request::{AskForUsage, Delivery, Edits};

use crate::admit::{Admission, Round, admit};
use crate::answer::AnswerBody;
use crate::call::Call;
use crate::caller::Presence;
use crate::core::Core;
use crate::estimate::{self, Estimate, ModelEstimate};
use crate::forward::{Forwarded, Lost, addressed, exchange, failed, target};
use crate::headers::clean_response;
use crate::mcp::Guest;
use crate::refuse::Refusal;
use crate::request::{Carried, Delivered, deliver};
use crate::route::Route;
use crate::settle::record_unserved;
use crate::upstream::UpstreamBody;
use crate::whole;

use super::provider::{NoTicket, Ticket, Trouble};
use super::{Translation, Turn};

/// Members of a request that were left out on its way to an upstream with another format.
const LEFT_OUT: HeaderName = HeaderName::from_static("tollgate-left-out");
/// The version of Anthropic's API that translated requests are written for.
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
    let mut sorry = None;
    loop {
        let admission = match (admit(core, call, key, route, snapshot, &mut estimate, round).await, sorry.take()) {
            (Ok(admission), _) => admission,
            // What the next candidate would cost is not paid for: the failure of the last one stands.
            (Err(_), Some(Sorry::Refusal(refusal))) => return Err(refusal),
            (Err(_), Some(Sorry::Answer(answer))) => return Ok(unserved(core, call, *answer)),
            (Err(refusal), None) => return Err(refusal),
        };
        call.admitted.get_or_insert_with(Instant::now);
        let Some(model) = estimate.model.take() else { return Err(Refusal::upstream_failed()) };
        let guest = Guest { core, call, snapshot, key, presence };
        match attempt(guest, route, &model, admission, &parts).await {
            Ok(served) => return delivered(core, call, route, presence, model, served).await,
            Err(Missed::Refused(refusal)) => return Err(refusal),
            Err(Missed::Mistake(answer, admission)) => {
                admission.release();
                return Ok(unserved(core, call, *answer));
            }
            Err(Missed::Elsewhere(what, admission)) => {
                let plan = admission.plan().cloned();
                // Nothing is held while the next one is judged.
                admission.release();
                match (model.elsewhere(snapshot, plan.as_deref()), what) {
                    (Some(next), what) => {
                        tracing::info!(request = %call.id, model = &*next.id, "Trying the next model");
                        estimate = Estimate::of(next);
                        sorry = Some(what);
                        round = Round::Elsewhere;
                    }
                    (None, Sorry::Refusal(refusal)) => return Err(refusal),
                    (None, Sorry::Answer(answer)) => return Ok(unserved(core, call, *answer)),
                }
            }
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
    if !left_out.is_empty()
        && let Ok(value) = HeaderValue::from_str(&left_out.join(", "))
    {
        response.headers_mut().insert(LEFT_OUT, value);
    }
    let response = response.map(|answer| answer.with_turn(turn));
    let delivered = Delivered { model: Some(model), translation, clamped, sent: Arc::default(), forwarded: sent };
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
            let translated = translation.request(model.request.body()).map_err(Missed::Refused)?;
            (translated.body, translated.left_out)
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
    let request = request_to(call, route, model, parts, body).map_err(Missed::Refused)?;
    let request = with_headers(request, provider.own_headers(key.as_ref()));
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
            let refusal = failed(core, call, route, &error);
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
    let trouble = trouble_of(head.status, &head.headers, &body);
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
        Some(Trouble::Failed | Trouble::TooFast(_)) => {
            Missed::Elsewhere(Sorry::Answer(answer(head)), Box::new(admission))
        }
    })
}

/// Writes down a request that nobody has served, and says what the upstream said.
fn unserved(core: &Core, call: &mut Call, answer: Response<Bytes>) -> Carried {
    call.bytes_out = len(answer.body());
    let _ticket = record_unserved(core, call, answer.status().as_u16());
    Carried::Answer(answer.map(AnswerBody::whole))
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
                Some(path) => upstream.target(&path, parts.uri.query()),
                None => target(route, upstream, &parts.uri),
            }
        }
        false => {
            let query = (model.endpoint == Endpoint::StreamGenerateContent).then_some("alt=sse");
            upstream.target(&model.endpoint.path().replace("{model}", &model.id), query)
        }
    };
    let uri: Uri = uri.map_err(unaskable)?;
    let mut request = addressed(call, route, upstream, uri, parts.clone(), UpstreamBody::Whole(body));
    let headers = request.headers_mut();
    // What is to be metered must be readable; the body may have been edited.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.remove(CONTENT_LENGTH);
    if model.endpoint == Endpoint::Messages {
        let (name, version) = ANTHROPIC_VERSION;
        headers.entry(name).or_insert(version);
    }
    Ok(request)
}

fn with_headers(mut request: Request<UpstreamBody>, headers: Vec<(HeaderName, HeaderValue)>) -> Request<UpstreamBody> {
    request.headers_mut().extend(headers);
    request
}

/// What an error of an upstream says about the upstream; `None` if it is about the request.
fn trouble_of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Trouble> {
    // OpenAI says 429 with this code when the operator's balance there is used up, others 402.
    let is_out_of_funds = [&b"insufficient_quota"[..], b"billing_not_active", b"credit balance is too low"]
        .iter()
        .any(|words| memchr::memmem::find(body, words).is_some());
    match status {
        StatusCode::PAYMENT_REQUIRED => Some(Trouble::OutOfFunds),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST if is_out_of_funds => {
            Some(Trouble::OutOfFunds)
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(Trouble::KeyRefused),
        StatusCode::TOO_MANY_REQUESTS => {
            let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Some(Trouble::TooFast(seconds.map(Duration::from_secs)))
        }
        _ if status.is_server_error() => Some(Trouble::Failed),
        _ => None,
    }
}

/// An upstream's error as the caller gets it.
fn error_for(translation: Option<&Translation>, mut head: http::response::Parts, body: Bytes) -> Response<Bytes> {
    clean_response(&mut head.headers);
    let body = match translation {
        None => body,
        Some(translation) => {
            head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            translation.error(head.status.as_u16(), &body)
        }
    };
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(len(&body)));
    Response::from_parts(head, body)
}

fn len(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_fault_an_error_is() {
        let trouble = |status: u16, body: &str| {
            trouble_of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
        };
        assert_eq!(trouble(500, ""), Some(Trouble::Failed));
        assert_eq!(trouble(529, ""), Some(Trouble::Failed));
        assert_eq!(trouble(401, ""), Some(Trouble::KeyRefused));
        assert_eq!(trouble(402, ""), Some(Trouble::OutOfFunds));
        assert_eq!(trouble(429, r#"{"error":{"code":"insufficient_quota"}}"#), Some(Trouble::OutOfFunds));
        assert_eq!(trouble(429, "{}"), Some(Trouble::TooFast(None)));
        assert_eq!(trouble(400, "Your credit balance is too low to access the API"), Some(Trouble::OutOfFunds));
        for status in [400, 404, 413, 422] {
            assert_eq!(trouble(status, "{}"), None, "{status}");
        }
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
        let told = trouble_of(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
        assert_eq!(told, Some(Trouble::TooFast(Some(Duration::from_secs(7)))));
    }
}
