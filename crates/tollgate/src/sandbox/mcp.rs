//! An MCP server (Streamable HTTP, revisions 2025-06-18 and 2025-11-25).
//!
//! `POST` a message, `GET` the stream on which the server speaks by itself, `DELETE` the session. A session
//! id begins with `sandbox-` and is checked for nothing else: a restart ends no session.
//!
//! | tool | behaviour |
//! |---|---|
//! | `echo` | the argument `text`, word for word |
//! | `forecast` | the weather at `place`, worth a price |
//! | `chart` | a drawing in text, for those with a plan that has it |
//! | `export` | `bytes` bytes of text |
//! | `count` | two events of progress, then the answer, as events |
//! | `fail` | an answer that says that the tool failed |
//! | `cut` | closes the connection in the middle of the answer |
//! | `stranger` | the answer to a question that nobody asked |
//! | `garbage` | text instead of a message |
//! | `hang` | no answer, ever |
//! | `unpriced` | for routes that price their tools one by one |

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::body::{Body, Step};
use super::json;

/// The largest message that is read.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// Sessions that were begun. Every one has an id of its own, or the gateway would take two for the same.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// The revisions that it speaks, the newest first.
const VERSIONS: [&str; 2] = ["2025-11-25", "2025-06-18"];

/// Tools and what they are for.
const TOOLS: [(&str, &str); 11] = [
    ("echo", "Says what it is told"),
    ("forecast", "The weather tomorrow"),
    ("chart", "The weather tomorrow as a chart"),
    ("export", "As many bytes as asked for"),
    ("count", "Counts to three"),
    ("fail", "Fails"),
    ("cut", "Breaks off"),
    ("stranger", "Answers somebody else"),
    ("garbage", "Answers with something that is no message"),
    ("hang", "Never answers"),
    ("unpriced", "Nobody has set a price for it"),
];

/// The endpoint.
pub(super) async fn serve(request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let session = head.headers.get(SESSION_ID);
    if session.is_some_and(|id| !id.as_bytes().starts_with(b"sandbox-")) {
        return failure(StatusCode::NOT_FOUND, &Value::Null, -32_001, "Session not found");
    }
    match head.method {
        Method::POST => (),
        Method::GET => return speaking(),
        Method::DELETE => return json::text(StatusCode::OK, "text/plain", ""),
        _ => {
            let mut response = json::error(StatusCode::METHOD_NOT_ALLOWED, "expected GET, POST or DELETE");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
            return response;
        }
    }
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return failure(StatusCode::BAD_REQUEST, &Value::Null, -32_700, "The body could not be read");
    };
    match serde_json::from_slice::<Value>(&body.to_bytes()) {
        Ok(message) => answer(&message).await,
        Err(error) => failure(StatusCode::BAD_REQUEST, &Value::Null, -32_700, &error.to_string()),
    }
}

async fn answer(message: &Value) -> Response<Body> {
    let id = &message["id"];
    let (Some(method), false) = (message["method"].as_str(), id.is_null()) else {
        return json::text(StatusCode::ACCEPTED, "text/plain", "");
    };
    let params = &message["params"];
    match method {
        "initialize" => initialized(id, params),
        "ping" => result(id, &json!({})),
        "tools/list" => result(id, &json!({ "tools": TOOLS.map(described) })),
        "prompts/list" => {
            let prompt = json!({ "name": "packing", "description": "What to take along", "arguments": [] });
            result(id, &json!({ "prompts": [prompt] }))
        }
        "prompts/get" if params["name"] == "packing" => {
            let content = json!({ "type": "text", "text": "What should I take along, given the forecast?" });
            result(id, &json!({ "messages": [{ "role": "user", "content": content }] }))
        }
        "resources/list" => {
            let resource = json!({ "uri": "sandbox://report", "name": "report", "mimeType": "application/json" });
            result(id, &json!({ "resources": [resource] }))
        }
        "resources/read" if params["uri"] == "sandbox://report" => {
            let content = json!({ "uri": "sandbox://report", "mimeType": "application/json", "text": "{}" });
            result(id, &json!({ "contents": [content] }))
        }
        "resources/read" => failure(StatusCode::OK, id, -32_002, "There is no such resource"),
        "tools/call" => called(id, params).await,
        _ => failure(StatusCode::OK, id, -32_601, "There is no such method"),
    }
}

fn initialized(id: &Value, params: &Value) -> Response<Body> {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let version = VERSIONS.into_iter().find(|version| *version == asked).unwrap_or(VERSIONS[0]);
    let mut response = result(
        id,
        &json!({
            "protocolVersion": version,
            "capabilities": { "tools": { "listChanged": true }, "prompts": {}, "resources": {} },
            "serverInfo": { "name": "sandbox", "version": "1.0.0" },
            "instructions": "Ask for the forecast before you plan a day.",
        }),
    );
    let session = format!("sandbox-{}", BEGUN.fetch_add(1, Ordering::Relaxed));
    if let Ok(session) = HeaderValue::try_from(session) {
        response.headers_mut().insert(SESSION_ID, session);
    }
    response
}

fn described((name, description): (&str, &str)) -> Value {
    json!({ "name": name, "description": description, "inputSchema": { "type": "object" } })
}

async fn called(id: &Value, params: &Value) -> Response<Body> {
    let said = |name: &str, fallback: &str| params["arguments"][name].as_str().unwrap_or(fallback).to_owned();
    match params["name"].as_str().unwrap_or_default() {
        "echo" => text(id, &said("text", "")),
        "forecast" => text(id, &format!("Tomorrow in {}: fair, light wind from the west.", said("place", "port"))),
        "chart" => text(id, "18 21 23 24 22 19"),
        "export" => {
            let bytes = params["arguments"]["bytes"].as_u64().unwrap_or(1_000).min(10_000_000);
            text(id, &"x".repeat(usize::try_from(bytes).unwrap_or(0)))
        }
        "count" => events(id, params, Step::Send(event(&done(id, "three")))),
        "fail" => {
            let content = json!([{ "type": "text", "text": "The instrument is broken." }]);
            result(id, &json!({ "content": content, "isError": true }))
        }
        "cut" => events(id, params, Step::Cut),
        "stranger" => result(&json!("stranger"), &json!({ "content": [] })),
        "garbage" => json::text(StatusCode::OK, "application/json", "{\"jsonrpc\": oops"),
        "hang" => std::future::pending().await,
        "unpriced" => text(id, "This was free by mistake."),
        _ => failure(StatusCode::OK, id, -32_602, "There is no such tool"),
    }
}

/// Progress, and then `ending`, as events.
fn events(id: &Value, params: &Value, ending: Step) -> Response<Body> {
    let token = match &params["_meta"]["progressToken"] {
        Value::Null => id.clone(),
        token => token.clone(),
    };
    let progress = (1..3).map(move |number| {
        let params = json!({ "progressToken": token, "progress": number, "total": 3 });
        Step::Send(event(&json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })))
    });
    stream(Body::scripted(progress.chain(std::iter::once(ending))))
}

/// The stream on which the server speaks by itself: that its tools have changed, and then nothing for long.
fn speaking() -> Response<Body> {
    let changed = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
    let silence = || [Step::Wait(Duration::from_secs(15)), Step::Send(Bytes::from_static(b": still here\n\n"))];
    let steps = std::iter::once(Step::Send(event(&changed))).chain(std::iter::repeat_with(silence).flatten());
    stream(Body::scripted(steps))
}

fn stream(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn event(message: &Value) -> Bytes {
    Bytes::from(format!("event: message\ndata: {message}\n\n"))
}

fn done(id: &Value, text: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "content": [{ "type": "text", "text": text }] } })
}

fn text(id: &Value, text: &str) -> Response<Body> {
    json::answer(StatusCode::OK, &done(id, text))
}

fn result(id: &Value, result: &Value) -> Response<Body> {
    json::answer(StatusCode::OK, &json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn failure(status: StatusCode, id: &Value, code: i32, message: &str) -> Response<Body> {
    let error = json!({ "code": code, "message": message });
    json::answer(status, &json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}
