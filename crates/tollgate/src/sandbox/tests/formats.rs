//! What holds in every format: the text, the calls of tools, and what request headers change.

use serde_json::{Value, json};

use super::client::{Answer, post_with, started};
use crate::sandbox::{Sandbox, text};

const QUESTION: &str = "What is the weather in Bergen?";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Chat,
    Responses,
    Messages,
    Gemini,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Whole,
    Streamed,
}

const ALL: [(Format, Delivery); 8] = [
    (Format::Chat, Delivery::Whole),
    (Format::Chat, Delivery::Streamed),
    (Format::Responses, Delivery::Whole),
    (Format::Responses, Delivery::Streamed),
    (Format::Messages, Delivery::Whole),
    (Format::Messages, Delivery::Streamed),
    (Format::Gemini, Delivery::Whole),
    (Format::Gemini, Delivery::Streamed),
];

fn schema() -> Value {
    json!({ "type": "object", "properties": { "place": { "type": "string" } }, "required": ["place"] })
}

impl Format {
    fn path(self, model: &str, delivery: Delivery) -> String {
        match (self, delivery) {
            (Self::Chat, _) => "/v1/chat/completions".to_owned(),
            (Self::Responses, _) => "/v1/responses".to_owned(),
            (Self::Messages, _) => "/v1/messages".to_owned(),
            (Self::Gemini, Delivery::Whole) => format!("/v1beta/models/{model}:generateContent"),
            (Self::Gemini, Delivery::Streamed) => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
        }
    }

    fn body(self, model: &str, delivery: Delivery) -> Value {
        let messages = json!([{ "role": "user", "content": QUESTION }]);
        let mut body = match self {
            Self::Chat => json!({ "model": model, "messages": messages }),
            Self::Responses => json!({ "model": model, "input": QUESTION }),
            Self::Messages => json!({ "model": model, "messages": messages, "max_tokens": 500 }),
            Self::Gemini => json!({ "contents": [{ "parts": [{ "text": QUESTION }] }] }),
        };
        if self != Self::Gemini {
            body["stream"] = json!(delivery == Delivery::Streamed);
        }
        if self == Self::Chat {
            body["stream_options"] = json!({ "include_usage": true });
        }
        body
    }

    /// The body with a tool on offer; `answered` adds a call and what became of it.
    fn with_tool(self, model: &str, delivery: Delivery, answered: bool) -> Value {
        let mut body = self.body(model, delivery);
        let (offer, place, turns) = match self {
            Self::Chat => (
                json!([{ "type": "function", "function": { "name": "weather", "parameters": schema() } }]),
                "messages",
                json!([
                    { "role": "assistant", "content": null, "tool_calls": [
                        { "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{}" } },
                    ] },
                    { "role": "tool", "tool_call_id": "call_1", "content": "Rain." },
                ]),
            ),
            Self::Responses => (
                json!([{ "type": "function", "name": "weather", "parameters": schema() }]),
                "input",
                json!([
                    { "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}" },
                    { "type": "function_call_output", "call_id": "call_1", "output": "Rain." },
                ]),
            ),
            Self::Messages => (
                json!([{ "name": "weather", "input_schema": schema() }]),
                "messages",
                json!([
                    { "role": "assistant", "content": [
                        { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": {} },
                    ] },
                    { "role": "user", "content": [
                        { "type": "tool_result", "tool_use_id": "toolu_1", "content": "Rain." },
                    ] },
                ]),
            ),
            Self::Gemini => (
                json!([{ "functionDeclarations": [{ "name": "weather", "parameters": schema() }] }]),
                "contents",
                json!([
                    { "role": "model", "parts": [{ "functionCall": { "name": "weather", "args": {} } }] },
                    { "role": "user", "parts": [
                        { "functionResponse": { "name": "weather", "response": { "result": "Rain." } } },
                    ] },
                ]),
            ),
        };
        body["tools"] = offer;
        if answered {
            if self == Self::Responses {
                body["input"] = json!([{ "role": "user", "content": QUESTION }]);
            }
            body[place].as_array_mut().unwrap().extend(turns.as_array().cloned().unwrap());
        }
        body
    }

    async fn ask(self, sandbox: &Sandbox, delivery: Delivery, headers: &[(&'static str, &'static str)]) -> Answer {
        self.send(sandbox, "sandbox-small", delivery, &self.body("sandbox-small", delivery), headers).await
    }

    async fn send(
        self,
        sandbox: &Sandbox,
        model: &str,
        delivery: Delivery,
        body: &Value,
        headers: &[(&'static str, &'static str)],
    ) -> Answer {
        let headers = [headers, &[("anthropic-version", "2023-06-01")]].concat();
        post_with(sandbox, &self.path(model, delivery), body, &headers).await
    }

    /// Everything that an answer has under `names`, in order: its text or the arguments of its call.
    fn said(answer: &Answer, delivery: Delivery, names: &[&str]) -> String {
        match delivery {
            Delivery::Whole => found(&answer.json(), names),
            // What ends a stream of responses says all of it again.
            Delivery::Streamed => {
                let once = |event: &&Value| event["type"].as_str().is_none_or(|kind| kind.ends_with("delta"));
                answer.events().iter().filter(once).map(|event| found(event, names)).collect()
            }
        }
    }
}

/// The texts under `names` anywhere in `value`.
fn found(value: &Value, names: &[&str]) -> String {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if names.contains(&name.as_str()) => text.clone(),
                Value::Object(_) if names.contains(&name.as_str()) && ["args", "input"].contains(&name.as_str()) => {
                    value.to_string()
                }
                _ => found(value, names),
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| found(item, names)).collect(),
        _ => String::new(),
    }
}

fn reports_usage(answer: &Answer) -> bool {
    let body = String::from_utf8_lossy(&answer.body);
    ["\"usage\":{", "\"usageMetadata\":{"].iter().any(|member| body.contains(member))
}

#[tokio::test]
async fn the_same_question_gets_the_same_text() {
    let sandbox = started();
    let mut texts = Vec::new();
    for (format, delivery) in ALL {
        let answer = format.ask(&sandbox, delivery, &[]).await;
        texts.push(Format::said(&answer, delivery, &["content", "text", "delta"]));
    }
    assert!(text::token_count(&texts[0]) >= 16, "{}", texts[0]);
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
}

#[tokio::test]
async fn the_first_tool_is_called_and_its_result_answered_with_text() {
    let sandbox = started();
    for (format, delivery) in ALL {
        let body = format.with_tool("sandbox-small", delivery, false);
        let called = format.send(&sandbox, "sandbox-small", delivery, &body, &[]).await;
        let names = ["arguments", "partial_json", "delta", "args"].as_slice();
        let names = if format == Format::Messages && delivery == Delivery::Whole { &["input"] } else { names };
        let arguments: Value = Format::said(&called, delivery, names).parse().unwrap();
        assert!(arguments["place"].is_string(), "{format:?} {delivery:?}: {arguments}");

        let body = format.with_tool("sandbox-small", delivery, true);
        let answered = format.send(&sandbox, "sandbox-small", delivery, &body, &[]).await;
        let said = Format::said(&answered, delivery, &["content", "text", "delta"]);
        assert!(text::token_count(&said) >= 16, "{format:?} {delivery:?}: {said}");
    }
}

#[tokio::test]
async fn a_call_that_does_not_fit_is_not_made() {
    let sandbox = started();
    let mut body = Format::Messages.with_tool("sandbox-small", Delivery::Whole, false);
    body["max_tokens"] = json!(3);
    let answer = Format::Messages.send(&sandbox, "sandbox-small", Delivery::Whole, &body, &[]).await.json();
    assert_eq!((&answer["stop_reason"], &answer["usage"]["output_tokens"]), (&json!("max_tokens"), &json!(3)));
}

#[tokio::test]
async fn headers_shape_every_answer() {
    let sandbox = started();
    for (format, delivery) in ALL {
        let answer = format.ask(&sandbox, delivery, &[("x-sandbox-chunks", "7")]).await;
        let said = Format::said(&answer, delivery, &["content", "text", "delta"]);
        assert_eq!(text::token_count(&said), 7, "{format:?} {delivery:?}: {said}");

        let cut = format.ask(&sandbox, delivery, &[("x-sandbox-chunks", "9"), ("x-sandbox-cut", "4")]).await;
        assert!(cut.status == 200 && cut.broken && !cut.body.is_empty(), "{format:?} {delivery:?}");
        if delivery == Delivery::Streamed {
            let said = Format::said(&cut, delivery, &["content", "text", "delta"]);
            assert_eq!(text::token_count(&said), 4, "{format:?}: {said}");
        }

        let headers = [("x-sandbox-status", "429"), ("x-sandbox-error", "insufficient_quota")];
        let refused = format.ask(&sandbox, delivery, &headers).await;
        assert_eq!(refused.status, 429);
        assert!(refused.json()["error"].to_string().contains("insufficient_quota"), "{format:?}");

        let silent = format.ask(&sandbox, delivery, &[("x-sandbox-usage", "missing")]).await;
        assert!(!reports_usage(&silent), "{format:?} {delivery:?}");
    }
}

#[tokio::test]
async fn every_format_can_fail_in_every_way() {
    let sandbox = started();
    for (format, delivery) in ALL {
        let ask = |model: &'static str| {
            let (body, sandbox) = (format.body(model, delivery), &sandbox);
            async move { format.send(sandbox, model, delivery, &body, &[]).await }
        };
        assert_eq!(ask("sandbox-error-500").await.status, 500);
        let cut = ask("sandbox-cut").await;
        assert!(cut.broken && !cut.body.is_empty(), "{format:?} {delivery:?}");
        let late = ask("sandbox-error-after-200").await;
        let last = if delivery == Delivery::Streamed { late.events().pop().unwrap() } else { late.json() };
        assert!(late.status == 200 && !late.broken, "{format:?} {delivery:?}");
        assert!(last.get("error").is_some() || last["type"] == "error", "{format:?} {delivery:?}: {last}");
        let hidden = ask("sandbox-no-usage").await;
        assert!(!reports_usage(&hidden), "{format:?} {delivery:?}");
        assert!(String::from_utf8_lossy(&ask("sandbox-wrong-usage").await.body).contains("-7"));
    }
}
