//! The envelope of Anthropic's format.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tollgate_meter::translate::anthropic_type;

use super::Problem;

/// The problem with the `error` object that Anthropic's SDKs read. `type` must be `error` there, so the
/// problem's own is left to the `Link` header.
pub(super) fn envelope(problem: &Problem) -> Map<String, Value> {
    let mut members = problem.members.clone();
    members.insert("type".to_owned(), "error".into());
    members.insert("error".to_owned(), error(problem));
    members
}

/// The event that ends a stream. Without its name the SDK for Python passes over it.
pub(super) fn event(problem: &Problem) -> Bytes {
    let data = json!({ "type": "error", "error": error(problem), "request_id": problem.request_id() });
    Bytes::from(format!("event: error\ndata: {data}\n\n"))
}

fn error(problem: &Problem) -> Value {
    // The SDKs give `details`, and `error_code` in it, names of their own.
    let mut details = json!({ "error_code": problem.code });
    if let Some(field) = problem.field() {
        details["field"] = field.into();
    }
    for (name, value) in problem.within() {
        details[name] = value.clone();
    }
    json!({ "type": anthropic_type(problem.status), "message": problem.sentence(), "details": details })
}
