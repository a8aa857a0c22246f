//! The envelope of OpenAI's format.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tollgate_meter::stream::ResponseHead;

use super::Problem;

/// The problem with the `error` object that OpenAI's SDKs read.
pub(super) fn envelope(problem: &Problem) -> Map<String, Value> {
    let mut members = problem.members.clone();
    members.insert("error".to_owned(), error(problem));
    members
}

/// The error inside a stream of chunks.
pub(super) fn chunk(problem: &Problem) -> Bytes {
    Bytes::from(format!("data: {}\n\n", json!({ "error": error(problem) })))
}

/// The events that end a Responses stream; none if it has said itself that it failed.
///
/// OpenAI's SDKs raise what stands in `error` of any event, and no SDK raises at `response.failed`. Agents and
/// gateways wait for that one, and take a stream without it for one that is to be tried again.
pub(super) fn response_events(problem: &Problem, head: &ResponseHead) -> Bytes {
    if head.has_failed {
        return Bytes::new();
    }
    let message = problem.sentence();
    let first = head.next_sequence;
    let raised = json!({
        "type": "error", "sequence_number": first, "code": problem.code, "message": message, "param": null,
        "error": error(problem),
    });
    // Before it has said which response it is there is none that could fail.
    let failed = (!head.id.is_empty()).then(|| {
        json!({
            "type": "response.failed",
            "sequence_number": first.saturating_add(1),
            "response": {
                "id": head.id, "object": "response", "created_at": head.created_at_s, "status": "failed",
                "error": { "code": problem.code, "message": message },
                "incomplete_details": null, "model": head.model, "output": [], "usage": null,
            },
        })
    });
    let failed = failed.map_or_else(String::new, |failed| format!("event: response.failed\ndata: {failed}\n\n"));
    Bytes::from(format!("event: error\ndata: {raised}\n\n{failed}"))
}

fn error(problem: &Problem) -> Value {
    let kind = match problem.status {
        401 => "invalid_request_error",
        402 if is_about_money(problem.code) => "insufficient_quota",
        402 => "billing_error",
        403 => "permission_error",
        429 => "rate_limit_exceeded",
        status if status >= 500 => "server_error",
        _ => "invalid_request_error",
    };
    let mut error = json!({
        "message": problem.sentence(),
        "type": kind,
        "param": problem.field(),
        "code": problem.code,
        "reason": problem.code,
        "request_id": problem.request_id(),
    });
    for (name, value) in problem.within() {
        error[name] = value.clone();
    }
    error
}

/// OpenAI's umbrella for "no more money": balance, quota and cap.
fn is_about_money(code: &str) -> bool {
    matches!(code, "insufficient_balance" | "quota_exceeded" | "spend_cap_reached")
}
