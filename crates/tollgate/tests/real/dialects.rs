//! Model routes answer in the format in which they were asked: refusals, and streams that break.

use serde_json::{Value, json};

use super::harness::{Admin, Answer, Buyer, Call, Node, Raw, Site, until};

/// The sandbox's models under the paths of three formats, each at a provider that speaks it.
const APIS: &str = r#"
[[api]]
key = "anthropic"
upstream = { url = "{sandbox}", provider = "sandbox", format = "anthropic" }

[[api.route]]
key = "messages"
methods = ["POST"]
path = "/v1/messages"
llm = "anthropic-messages"

[[api]]
key = "gemini"
upstream = { url = "{sandbox}", provider = "sandbox", format = "gemini" }

[[api.route]]
key = "generate"
methods = ["POST"]
path = "/v1beta/models/{call}"
llm = "gemini"

# Where Google's SDK asks since it calls its API stable.
[[api.route]]
key = "generate-stable"
methods = ["POST"]
path = "/v1/models/{call}"
llm = "gemini"

[[api]]
key = "responses"
upstream = { url = "{sandbox}", provider = "sandbox", format = "openai-responses" }

[[api.route]]
key = "responses"
methods = ["POST"]
path = "/v1/responses"
llm = "openai-responses"

[[api.route]]
key = "models"
methods = ["GET"]
path = "/v1/models"
llm = "openai-models"
"#;

/// A place that sells the sandbox's models in every format.
pub(super) fn site() -> Site {
    let site = Site::new();
    site.add(&APIS.replace("{sandbox}", &format!("http://{}", site.sandbox.addr())));
    site
}

/// The formats beside chat completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Messages,
    Gemini,
    Responses,
}

impl Spoken {
    pub(super) const ALL: [Self; 3] = [Self::Messages, Self::Gemini, Self::Responses];

    /// A request to stream, with the key where the format has it.
    fn request(self, key: Option<&str>) -> Call {
        let said = json!([{ "role": "user", "content": "Who keeps the light?" }]);
        let (path, header, body) = match self {
            Self::Messages => (
                "/v1/messages",
                "x-api-key",
                json!({ "model": "sandbox-small", "max_tokens": 100, "messages": said, "stream": true }),
            ),
            Self::Gemini => (
                "/v1beta/models/sandbox-small:streamGenerateContent?alt=sse",
                "x-goog-api-key",
                json!({ "contents": [{ "role": "user", "parts": [{ "text": "Who keeps the light?" }] }] }),
            ),
            Self::Responses => (
                "/v1/responses",
                "authorization",
                json!({ "model": "sandbox-small", "max_output_tokens": 100, "input": said, "stream": true }),
            ),
        };
        let call = Call::post(path, &body);
        match (self, key) {
            (_, None) => call,
            (Self::Responses, Some(key)) => call.key(key),
            (Self::Messages | Self::Gemini, Some(key)) => call.header(header, key),
        }
    }

    /// How a stream of this format begins that says "Hello".
    pub(super) fn beginning(self) -> String {
        let named = |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
        match self {
            Self::Messages => {
                let message = json!({
                    "id": "msg_1", "type": "message", "role": "assistant", "model": "sandbox-small", "content": [],
                    "stop_reason": null, "usage": { "input_tokens": 9, "output_tokens": 1 },
                });
                let block = json!({ "type": "text", "text": "" });
                let delta = json!({ "type": "text_delta", "text": "Hello" });
                [
                    named(json!({ "type": "message_start", "message": message })),
                    named(json!({ "type": "content_block_start", "index": 0, "content_block": block })),
                    named(json!({ "type": "content_block_delta", "index": 0, "delta": delta })),
                ]
                .concat()
            }
            Self::Gemini => {
                let content = json!({ "role": "model", "parts": [{ "text": "Hello" }] });
                format!("data: {}\n\n", json!({ "candidates": [{ "index": 0, "content": content }] }))
            }
            Self::Responses => {
                let response = json!({
                    "id": "resp_1", "object": "response", "created_at": 7, "status": "in_progress",
                    "model": "sandbox-small", "output": [],
                });
                let delta = json!({
                    "type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1",
                    "output_index": 0, "content_index": 0, "delta": "Hello",
                });
                let created = json!({ "type": "response.created", "sequence_number": 0, "response": response });
                [named(created), named(delta)].concat()
            }
        }
    }
}

/// Begins to answer the next request that reaches `upstream`, and breaks off.
pub(super) async fn breaks_off(upstream: &tokio::net::TcpListener, said: &str) {
    let mut raw = Raw::accept(upstream).await;
    raw.until("\r\n\r\n").await;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    raw.send(format!("{head}{:x}\r\n{said}\r\n", said.len())).await;
}

/// What every refusal says, whatever its format, and what this format says besides.
fn is_refused(spoken: Spoken, answer: &Answer, status: u16, reason: &str) {
    assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{spoken:?} {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("request-id"), answer.id());
    let body = answer.json();
    assert_eq!((&body["reason"], &body["request_id"]), (&json!(reason), &json!(answer.id())), "{body}");
    let error = &body["error"];
    let message = error["message"].as_str().unwrap_or_else(|| panic!("{body}"));
    assert!(message.ends_with(&format!("(request {})", answer.id())), "{message}");
    assert!(message.contains(" http"), "the link is in the message: {message}");
    match spoken {
        Spoken::Messages => {
            let kind = if status == 402 { "billing_error" } else { "authentication_error" };
            assert_eq!((&body["type"], &error["type"]), (&json!("error"), &json!(kind)), "{body}");
            assert_eq!(error["details"]["error_code"], reason, "{body}");
        }
        Spoken::Gemini => {
            let kind = if status == 402 { "RESOURCE_EXHAUSTED" } else { "UNAUTHENTICATED" };
            assert_eq!((&error["code"], &error["status"]), (&json!(status), &json!(kind)), "{body}");
            assert_eq!(error["details"][0]["reason"], reason.to_uppercase(), "{body}");
            assert!(body.get("status").is_none() && body.get("code").is_none(), "{body}");
        }
        Spoken::Responses => assert_eq!(error["code"], reason, "{body}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_missing_wrong_or_empty_is_refused_in_the_format_of_the_request() {
    let site = site();
    let (node, admin) = site.start().await;
    let broke = admin.buyer("generated", "0").await;
    for spoken in Spoken::ALL {
        let nobody = spoken.request(None).send(node.gateway).await;
        is_refused(spoken, &nobody, 401, "api_key_missing");
        let stranger = spoken.request(Some("tg_live_0000000000000000_unknown")).send(node.gateway).await;
        is_refused(spoken, &stranger, 401, "api_key_invalid");
        let broke = spoken.request(Some(&broke.key)).send(node.gateway).await;
        is_refused(spoken, &broke, 402, "insufficient_balance");
        assert_eq!(broke.header("x-should-retry"), "false");
    }
    assert_eq!(site.sandbox.journal().connections(), 0, "the upstream was never asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_models_is_refused_in_the_format_of_whoever_names_a_version() {
    let site = site();
    let (node, _admin) = site.start().await;
    let list = Call::get("/v1/models");
    let refused = list.clone().header("anthropic-version", "2023-06-01").send(node.gateway).await;
    is_refused(Spoken::Messages, &refused, 401, "api_key_missing");
    is_refused(Spoken::Responses, &list.send(node.gateway).await, 401, "api_key_missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_ends_with_the_error_of_its_format() {
    let site = site();
    let upstream = site.played_upstream().await;
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    for spoken in Spoken::ALL {
        let said = spoken.beginning();
        let call = spoken.request(Some(&buyer.key));
        let (answer, ()) = tokio::join!(call.send(node.gateway), breaks_off(&upstream, &said));
        assert_eq!((answer.status, answer.is_whole), (200, true), "{}", answer.text());
        let text = answer.text();
        let end = text.strip_prefix(&said).unwrap_or_else(|| panic!("what came passes as it is: {text}"));
        let events: Vec<(&str, Value)> = end.split_terminator("\n\n").map(event).collect();
        ends_with_an_error(spoken, &events, &answer.id());
        is_owed_for_what_came(&node, &admin, &buyer, &answer).await;
    }
}

fn ends_with_an_error(spoken: Spoken, events: &[(&str, Value)], id: &str) {
    match (spoken, events) {
        (Spoken::Messages, [("error", error)]) => {
            assert_eq!((&error["type"], &error["error"]["type"]), (&json!("error"), &json!("api_error")), "{error}");
            assert_eq!(error["request_id"], id);
        }
        (Spoken::Gemini, [("", error)]) => {
            assert_eq!(error.as_object().map(serde_json::Map::len), Some(1), "{error}");
            let error = &error["error"];
            assert_eq!((&error["code"], &error["status"]), (&json!(502), &json!("UNAVAILABLE")), "{error}");
        }
        (Spoken::Responses, [("error", error), ("response.failed", failed)]) => {
            assert_eq!((&error["error"]["code"], &error["sequence_number"]), (&json!("upstream_failed"), &json!(2)));
            let response = &failed["response"];
            assert_eq!((&failed["type"], &failed["sequence_number"]), (&json!("response.failed"), &json!(3)));
            assert_eq!((&response["id"], &response["status"]), (&json!("resp_1"), &json!("failed")), "{failed}");
            assert_eq!(response["error"]["code"], "upstream_failed", "{failed}");
        }
        _ => panic!("{spoken:?} ends with {events:?}"),
    }
}

/// The name of an event, if it has one, and its data.
fn event(text: &str) -> (&str, Value) {
    let (name, data) = match text.strip_prefix("event: ") {
        Some(named) => named.split_once('\n').unwrap(),
        None => ("", text),
    };
    (name, serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap())
}

async fn is_owed_for_what_came(node: &Node, admin: &Admin, buyer: &Buyer, answer: &Answer) {
    let logged = admin.call(&answer.id()).await;
    assert_eq!((&logged["upstream_failed"], &logged["streamed"]), (&json!(true), &json!(true)), "{logged}");
    assert_ne!(logged["cost"], "0.00", "{logged}");
    admin.at_rest(buyer).await;
    let standing = Call::get("/tollgate/v1/standing").key(&buyer.key).send(node.gateway).await;
    assert_eq!(standing.status, 200);
    until("the books agree", || async { (admin.booked(buyer).await == admin.balance(buyer).await).then_some(()) })
        .await;
}
