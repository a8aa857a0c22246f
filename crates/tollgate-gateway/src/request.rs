//! The path of a request, top to bottom.

use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use tollgate_core::decision::Reason;
use tollgate_core::id::mint;

use crate::admit::{Round, admit};
use crate::answer::AnswerBody;
use crate::authenticate::authenticate;
use crate::authorize::authorize;
use crate::call::{Call, Peer};
use crate::caller::Presence;
use crate::core::Core;
use crate::deliver::{Carried, Delivered, deliver};
use crate::estimate;
use crate::forward::{Forwarded, NotForwarded, forward};
use crate::guest::Guest;
use crate::head_check::head_check;
use crate::headers::is_websocket;
use crate::refuse::{Problem, Refusal, respond};
use crate::route::{Llm, Route, route};
use crate::settle::record_refusal;
use crate::snapshot::Snapshot;
use crate::{mcp, models, own_paths, respond_headers, websocket};

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
    call.on_route(&route, request.headers());
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
