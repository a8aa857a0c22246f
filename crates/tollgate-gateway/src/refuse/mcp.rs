//! Refusals for clients of the Model Context Protocol.
//!
//! What they do with an answer differs, and was measured: a bare HTTP error loses its body in the Python
//! SDK, a JSON-RPC error is typed everywhere, a failed tool's result is what the model reads. So the form is
//! the one that the client declared it understands (payment-required reference, section 2.2).

use serde_json::{Map, Value, json};

use super::{McpForm, Problem, Refusal};

/// Where the problem stands in a tool's result. Only the JSON-RPC error has a place of its own for it.
const PROBLEM: &str = "tollgate/problem";

/// The protocol once had it for "send the person to a URL", the payment extension for "payment required".
const PAYMENT_OR_URL: i64 = -32_042;

/// The form in which `refusal` can be told: only what the payer's standing or pace is about is for the
/// protocol; who calls and how is for HTTP.
pub(super) fn form_for(refusal: &Refusal, problem: &Problem, wanted: McpForm) -> McpForm {
    let is_of_the_payer = matches!(refusal, Refusal::Denied(_)) && matches!(problem.status, 402 | 429 | 503);
    match wanted {
        _ if !is_of_the_payer => McpForm::Http,
        // There is nothing to pay or to look at.
        McpForm::UrlElicitation | McpForm::Payment if problem.status != 402 => McpForm::Error,
        McpForm::UrlElicitation if problem.resolve_url.is_none() => McpForm::Error,
        form => form,
    }
}

/// The HTTP status of the answer.
pub(super) const fn status(problem: &Problem, form: McpForm) -> u16 {
    match form {
        McpForm::Http => problem.status,
        McpForm::Error | McpForm::UrlElicitation | McpForm::Payment | McpForm::ToolResult => 200,
    }
}

/// The JSON-RPC message.
pub(super) fn message(problem: &Problem, form: McpForm) -> String {
    let (member, value) = match form {
        McpForm::ToolResult => ("result", result(problem)),
        McpForm::Http | McpForm::Error => ("error", error(problem, Value::Object(problem.members.clone()))),
        McpForm::UrlElicitation => ("error", error(problem, with_elicitation(problem))),
        McpForm::Payment => {
            let data = json!({ "httpStatus": problem.status, "challenges": [], "problem": problem.members });
            ("error", error(problem, data))
        }
    };
    // The id is JSON that was read from the request, or written by Tollgate.
    let id = problem.rpc_id.as_deref().unwrap_or("null");
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"{member}\":{value}}}")
}

impl Problem {
    /// The problem as the event that ends a stream which has begun.
    pub(crate) fn mcp_frame(&self) -> bytes::Bytes {
        bytes::Bytes::from(format!("event: message\ndata: {}\n\n", message(self, McpForm::Error)))
    }
}

fn error(problem: &Problem, data: Value) -> Value {
    json!({ "code": code(problem), "message": problem.sentence(), "data": data })
}

/// The problem and the URL to which the client sends the person. TypeScript's SDK keeps nothing else of it.
fn with_elicitation(problem: &Problem) -> Value {
    let mut data: Map<String, Value> = problem.members.clone();
    let id = data.get("request_id").cloned().unwrap_or_default();
    let elicitation = json!({
        "mode": "url", "elicitationId": id, "url": problem.resolve_url, "message": problem.detail,
    });
    data.insert("elicitations".to_owned(), json!([elicitation]));
    Value::Object(data)
}

/// What a tool says that failed. `resultType` is demanded since the revision of 2026 and ignored before.
/// The problem is not in `structuredContent`: a client checks that against the tool's own schema.
fn result(problem: &Problem) -> Value {
    json!({
        "resultType": "complete",
        "isError": true,
        "content": [{ "type": "text", "text": problem.sentence() }],
        "_meta": { PROBLEM: problem.members },
    })
}

/// Codes of JSON-RPC where it has one, else of the part that is left to implementations.
fn code(problem: &Problem) -> i64 {
    match (problem.status, problem.field().unwrap_or_default()) {
        (402, _) => PAYMENT_OR_URL,
        (404, _) => -32_001,
        (400, "body") => -32_700,
        // HeaderMismatch, of the revision of 2026.
        (400, field) if field.starts_with("Mcp-") => -32_020,
        (400 | 405 | 413, _) => -32_600,
        (502 | 504, _) => -32_603,
        _ => -32_000,
    }
}
