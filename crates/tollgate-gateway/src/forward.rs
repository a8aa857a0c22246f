//! Phase: send it to the upstream and wait for the head of the answer.

use std::time::Instant;

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST, HeaderValue};
use http::request::Parts;
use http::{HeaderName, Request, Response, Uri};
use tollgate_core::decision::Reason;
use tracing::warn;

use crate::admit::Admission;
use crate::call::Call;
use crate::caller::Presence;
use crate::core::Core;
use crate::headers::clean_request;
use crate::refuse::Refusal;
use crate::route::Route;
use crate::upstream::{Answer, BodyError, SendError, UpstreamBody};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// An answer that has begun. Only an [`Admission`] brings one about.
pub(crate) struct Forwarded {
    pub(crate) admission: Admission,
    pub(crate) response: Response<Answer>,
}

/// How forwarding ended without an answer.
pub(crate) enum NotForwarded {
    /// The upstream gave none. The hold was let go.
    Failed(Refusal),
    /// The caller left before it came and owes nothing for that.
    CallerLeft(Box<Admission>),
}

/// Sends an admitted request.
///
/// A caller who leaves meanwhile is waited for no longer than its plan says: `received` owes nothing for an
/// answer that has not begun, `generated` owes what the upstream makes of it.
pub(crate) async fn forward(
    core: &Core,
    call: &mut Call,
    route: &Route,
    admission: Admission,
    parts: Parts,
    body: UpstreamBody,
    presence: &Presence,
) -> Result<Forwarded, NotForwarded> {
    let request = match upstream_request(call, route, parts, body) {
        Ok(request) => request,
        Err(error) => {
            warn!(request = %call.id, %error, "A request could not be written for the upstream");
            return Err(NotForwarded::Failed(Refusal::bad_request(
                "path",
                "a path that the upstream can be asked for",
            )));
        }
    };
    let sent = Instant::now();
    let answered = route.upstream.send(core.index, request, route.terms.time_max);
    let answered = match leaving_matters(&admission) {
        false => answered.await,
        true => tokio::select! {
            answered = answered => answered,
            () = presence.left() => return Err(NotForwarded::CallerLeft(Box::new(admission))),
        },
    };
    call.upstream_us = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
    match answered {
        Ok(response) => Ok(Forwarded { admission, response }),
        Err(error) => Err(NotForwarded::Failed(failed(core, call, route, &error))),
    }
}

/// Whether nothing is owed for an answer that nobody waits for.
pub(crate) fn leaving_matters(admission: &Admission) -> bool {
    let plan = admission.plan().map(|plan| &**plan);
    matches!(tollgate_core::decision::Terms::caller_left(plan), tollgate_core::catalogue::CallerLeft::Received)
}

/// What the caller is told when the upstream gave no answer.
pub(crate) fn failed(core: &Core, call: &Call, route: &Route, error: &SendError) -> Refusal {
    if let SendError::Answer(error) = error
        && error.is_user()
    {
        let body = std::error::Error::source(error).and_then(|source| source.downcast_ref::<BodyError>());
        return match body {
            Some(BodyError::TooLarge) => Refusal::body_too_large(route.request_bytes_max),
            Some(BodyError::Caller(_)) | None => Refusal::caller_left(),
        };
    }
    warn!(request = %call.id, upstream = route.upstream.name(), %error, "The upstream gave no answer");
    match error {
        SendError::Connect(_) => Refusal::reason(Reason::UpstreamUnavailable, core.now()),
        SendError::Answer(_) => Refusal::upstream_failed(),
        SendError::TooSlow => Refusal::upstream_timeout(),
    }
}

/// The request as the upstream gets it.
pub(crate) fn upstream_request(
    call: &Call,
    route: &Route,
    mut parts: Parts,
    body: UpstreamBody,
) -> Result<Request<UpstreamBody>, http::Error> {
    let upstream = &route.upstream;
    let host = parts.headers.get(HOST).cloned();
    clean_request(&mut parts.headers);
    let headers = &mut parts.headers;
    headers.insert(HOST, upstream.host().clone());
    headers.insert(REQUEST_ID, call.id_field.clone());
    headers.insert(FORWARDED_FOR, call.peer.field.clone());
    headers.insert(FORWARDED_PROTO, route.scheme.clone());
    if let Some(host) = host {
        headers.insert(FORWARDED_HOST, host);
    }
    if route.llm.is_some() {
        // What is to be metered must be readable; the body may have been edited.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.remove(CONTENT_LENGTH);
    }
    for (name, value) in upstream.headers() {
        headers.insert(name.clone(), value.clone());
    }
    let uri = target(route, &parts.uri)?;
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = parts.headers;
    Ok(request)
}

/// The target at the upstream: the path as it came, or with the route's own beginning.
fn target(route: &Route, uri: &Uri) -> Result<Uri, http::Error> {
    match &route.upstream_path {
        None if route.upstream.keeps_paths() => match uri.path_and_query() {
            Some(target) => Ok(Uri::from(target.clone())),
            None => Ok(Uri::from_static("/")),
        },
        None => route.upstream.target(uri.path(), uri.query()),
        Some(own) => {
            let rest = uri.path().strip_prefix(&*route.path_prefix).unwrap_or_default();
            let own = own.split('{').next().unwrap_or_default();
            route.upstream.target(&format!("{own}{rest}"), uri.query())
        }
    }
}
