//! Phase: send it to the upstream and wait for the head of the answer.

use std::time::{Duration, Instant};

use http::header::HOST;
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
use crate::upstream::{Answer, BodyError, SendError, Upstream, UpstreamBody};

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
    match exchange(core, call, &route.upstream, request, route.terms.time_max, admission, presence).await {
        Ok(forwarded) => Ok(forwarded),
        Err(Lost::CallerLeft(admission)) => Err(NotForwarded::CallerLeft(admission)),
        Err(Lost::NoAnswer(error, _)) => Err(NotForwarded::Failed(failed(core, call, route, &route.upstream, &error))),
    }
}

/// How an exchange ended without the head of an answer.
pub(crate) enum Lost {
    /// The upstream gave none.
    NoAnswer(SendError, Box<Admission>),
    /// The caller left before it came and owes nothing for that.
    CallerLeft(Box<Admission>),
}

/// Sends `request` and waits for the head of its answer.
pub(crate) async fn exchange(
    core: &Core,
    call: &mut Call,
    upstream: &Upstream,
    request: Request<UpstreamBody>,
    time_max: Duration,
    admission: Admission,
    presence: &Presence,
) -> Result<Forwarded, Lost> {
    let sent = Instant::now();
    let answered = upstream.send(core.index, request, time_max);
    let answered = match leaving_matters(&admission) {
        false => answered.await,
        true => tokio::select! {
            answered = answered => answered,
            () = presence.left() => return Err(Lost::CallerLeft(Box::new(admission))),
        },
    };
    call.upstream_us = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
    match answered {
        Ok(response) => Ok(Forwarded { admission, response }),
        Err(error) => Err(Lost::NoAnswer(error, Box::new(admission))),
    }
}

/// Whether nothing is owed for an answer that nobody waits for.
pub(crate) fn leaving_matters(admission: &Admission) -> bool {
    let plan = admission.plan().map(|plan| &**plan);
    matches!(tollgate_core::decision::Terms::caller_left(plan), tollgate_core::catalogue::CallerLeft::Received)
}

/// What the caller is told when the upstream gave no answer.
pub(crate) fn failed(core: &Core, call: &Call, route: &Route, upstream: &Upstream, error: &SendError) -> Refusal {
    if let SendError::Answer(error) = error
        && error.is_user()
    {
        let body = std::error::Error::source(error).and_then(|source| source.downcast_ref::<BodyError>());
        return match body {
            Some(BodyError::TooLarge) => Refusal::body_too_large(route.request_bytes_max),
            Some(BodyError::Caller(_)) | None => Refusal::caller_left(),
        };
    }
    warn!(request = %call.id, upstream = upstream.name(), %error, "The upstream gave no answer");
    match error {
        SendError::Connect(_) => Refusal::reason(Reason::UpstreamUnavailable, core.now()),
        SendError::Answer(_) => Refusal::upstream_failed(),
        SendError::TooSlow => Refusal::upstream_timeout(),
    }
}

/// The request as the upstream of its route gets it.
pub(crate) fn upstream_request(
    call: &Call,
    route: &Route,
    parts: Parts,
    body: UpstreamBody,
) -> Result<Request<UpstreamBody>, http::Error> {
    let uri = target(route, &route.upstream, &parts.uri)?;
    Ok(addressed(call, route, &route.upstream, uri, parts, body))
}

/// The request as `upstream` gets it, at `uri`.
pub(crate) fn addressed(
    call: &Call,
    route: &Route,
    upstream: &Upstream,
    uri: Uri,
    mut parts: Parts,
    body: UpstreamBody,
) -> Request<UpstreamBody> {
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
    for (name, value) in upstream.headers() {
        headers.insert(name.clone(), value.clone());
    }
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = parts.headers;
    request
}

/// The target at an upstream of the route: the path as it came, or with the route's own beginning.
pub(crate) fn target(route: &Route, upstream: &Upstream, uri: &Uri) -> Result<Uri, http::Error> {
    match &route.upstream_path {
        None if upstream.keeps_paths() => match uri.path_and_query() {
            Some(target) => Ok(Uri::from(target.clone())),
            None => Ok(Uri::from_static("/")),
        },
        None => upstream.target(uri.path(), uri.query()),
        Some(own) => {
            let rest = uri.path().strip_prefix(&*route.path_prefix).unwrap_or_default();
            let own = own.split('{').next().unwrap_or_default();
            upstream.target(&format!("{own}{rest}"), uri.query())
        }
    }
}
