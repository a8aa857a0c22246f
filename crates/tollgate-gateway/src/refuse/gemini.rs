//! The envelope of Gemini's format: a `google.rpc.Status` (<https://google.aip.dev/193>).

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tollgate_meter::translate::gemini_status;

use super::Problem;
use super::respond::whole_seconds;

/// Whose reasons they are.
const DOMAIN: &str = "tollgate";

/// The problem with the `error` object that Google's SDKs read. `status` beside it would hide the one within
/// from the SDK for Python, so it is left out.
pub(super) fn envelope(problem: &Problem) -> Map<String, Value> {
    let mut members = problem.members.clone();
    members.retain(|name, _| name != "status");
    members.insert("error".to_owned(), error(problem));
    members
}

/// The event that ends a stream. It has no name: an SDK passes over events that have one.
pub(super) fn event(problem: &Problem) -> Bytes {
    Bytes::from(format!("data: {}\n\n", json!({ "error": error(problem) })))
}

fn error(problem: &Problem) -> Value {
    json!({
        "code": problem.status,
        "message": problem.sentence(),
        "status": gemini_status(problem.status),
        "details": details(problem),
    })
}

/// What Google's APIs add to an error, as far as there is something to say.
fn details(problem: &Problem) -> Vec<Value> {
    let mut details = vec![info(problem)];
    if let Some(field) = problem.field() {
        let violation = json!({ "field": field, "description": problem.detail });
        details.push(json!({ "@type": kind("BadRequest"), "fieldViolations": [violation] }));
    }
    if let Some(after) = problem.retry_after {
        details.push(json!({ "@type": kind("RetryInfo"), "retryDelay": format!("{}s", whole_seconds(after)) }));
    }
    let links = links(problem);
    if !links.is_empty() {
        details.push(json!({ "@type": kind("Help"), "links": links }));
    }
    details
}

/// The reason in Google's spelling. Metadata are texts.
fn info(problem: &Problem) -> Value {
    let mut metadata = Map::from_iter([("request_id".to_owned(), problem.request_id().into())]);
    if let Some(url) = &problem.resolve_url {
        metadata.insert("resolve_url".to_owned(), url.as_str().into());
    }
    let reason = problem.code.to_ascii_uppercase();
    json!({ "@type": kind("ErrorInfo"), "reason": reason, "domain": DOMAIN, "metadata": metadata })
}

/// The actions that have a page.
fn links(problem: &Problem) -> Vec<Value> {
    let actions = problem.members.get("actions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let link = |action: &Value| Some(json!({ "description": action["title"], "url": action.get("url")? }));
    actions.iter().filter_map(link).collect()
}

fn kind(name: &str) -> String {
    format!("type.googleapis.com/google.rpc.{name}")
}
