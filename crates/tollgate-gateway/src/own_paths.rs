//! The gateway's own paths under `/tollgate/v1/`, for programs with an API key: standing, usage, estimate,
//! and what happened to a request.

mod estimate;
mod explain;
mod standing;

pub(crate) use standing::describe;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use serde_json::Value;
use tollgate_core::decision::Reason;
use tollgate_store::StoreError;
use tracing::warn;

use crate::answer::AnswerBody;
use crate::authenticate::authenticate;
use crate::authorize::authorize_place;
use crate::call::Call;
use crate::core::Core;
use crate::refuse::Refusal;
use crate::snapshot::Snapshot;

const PREFIX: &str = "/tollgate/v1/";

/// Whether `path` is one of the gateway's own.
pub(crate) fn is_own(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers a request to one of the gateway's own paths. They cost nothing and are not limited by plans.
///
/// # Errors
/// 401, 404, 405, or 503 if the store does not answer.
pub(crate) async fn serve(
    core: &Arc<Core>,
    call: &mut Call,
    snapshot: &Arc<Snapshot>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Refusal> {
    let key = authenticate(&core.directory, request.headers(), call.arrived_at).await?;
    call.key = Some(Arc::clone(&key));
    authorize_place(&key, request.headers(), call.peer.address, call.arrived_at)?;
    let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default().to_owned();
    let value = match (request.method().clone(), path.as_str()) {
        (Method::GET, "standing") => standing::standing(&key, core.now()),
        (Method::GET, "usage") => {
            standing::usage(core, &key, request.uri().query()).await.map_err(|error| store_failed(core, &error))?
        }
        (Method::POST, "estimate") => estimate::estimate(core, call, &key, snapshot, request.into_body()).await?,
        (Method::GET, path) if path.starts_with("requests/") => {
            let id = path.trim_start_matches("requests/");
            explain::request(core, &key, snapshot, id).await?
        }
        (_, "standing" | "usage") => return Err(Refusal::method_not_allowed("GET")),
        (_, "estimate") => return Err(Refusal::method_not_allowed("POST")),
        (_, path) if path.starts_with("requests/") => return Err(Refusal::method_not_allowed("GET")),
        _ => return Err(Refusal::not_found()),
    };
    Ok(json(&value))
}

fn json(value: &Value) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(Bytes::from(value.to_string())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a program is told when the store fails, and what the log is.
fn store_failed(core: &Core, error: &StoreError) -> Refusal {
    if let StoreError::NotFound { .. } = error {
        return Refusal::not_found();
    }
    warn!(%error, "The store did not answer one of the gateway's own paths");
    Refusal::reason(Reason::BillingUnavailable, core.now())
}
