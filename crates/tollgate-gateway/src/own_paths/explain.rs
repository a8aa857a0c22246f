//! `GET requests/{id}`: what happened to a request, and how things are now.

use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_core::decision::Reason;
use tollgate_core::id::RequestId;

use crate::core::Core;
use crate::directory::Key;
use crate::refuse::Refusal;
use crate::snapshot::Snapshot;

use super::standing::describe;
use super::store_failed;

/// What happened to one of the customer's own requests.
///
/// # Errors
/// 400 for a text that is no id, 404 for a request of somebody else or one that is not in the log.
pub(super) async fn request(core: &Core, key: &Arc<Key>, snapshot: &Snapshot, id: &str) -> Result<Value, Refusal> {
    let id: RequestId =
        id.parse().map_err(|_| Refusal::bad_request("id", "the id of a request, such as req_01k9..."))?;
    // A request that has just ended is in the log with the next group.
    core.store.fold_customer(key.customer.id).await.map_err(|error| store_failed(core, &error))?;
    let call = core.store.call(id).await.map_err(|error| store_failed(core, &error))?;
    if call.customer.map(|customer| customer.0) != Some(key.customer.id) {
        return Err(Refusal::not_found());
    }
    let reason = call.reason.as_deref().and_then(|code| code.parse::<Reason>().ok());
    let now = core.now();
    let mut standing = key.customer.standing();
    standing.advance(now);
    Ok(json!({
        "request": call,
        "explanation": reason.map(|reason| json!({
            "title": reason.title(),
            // As the caller was told then, with the operator's own words and links.
            "actions": call.problem.as_ref().and_then(|problem| problem.get("actions")),
            "page": format!("{}/r/{id}", snapshot.setup.portal_url),
            "docs": format!("{}/{}", snapshot.setup.docs_url, reason.code()),
        })),
        "now": describe(&standing, now),
    }))
}
