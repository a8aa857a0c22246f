//! Every format: how a question is asked, and where its answer is.

use serde_json::{Value, json};

use super::client::{Answer, post_with};
use crate::sandbox::Sandbox;

const QUESTION: &str = "What is the weather in Bergen?";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Chat,
    Responses,
    Messages,
    Gemini,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Streamed,
}

/// Where a conversation with a tool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Asked,
    /// The tool was called, and the result is there.
    Answered,
}

pub(super) const ALL: [(Format, Delivery); 8] = [
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

    pub(super) fn body(self, model: &str, delivery: Delivery) -> Value {
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

    /// The body with a tool on offer.
    pub(super) fn with_tool(self, model: &str, delivery: Delivery, stage: Stage) -> Value {
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
        if stage == Stage::Answered {
            if self == Self::Responses {
                body["input"] = json!([{ "role": "user", "content": QUESTION }]);
            }
            body[place].as_array_mut().unwrap().extend(turns.as_array().cloned().unwrap());
        }
        body
    }

    pub(super) async fn ask(
        self,
        sandbox: &Sandbox,
        delivery: Delivery,
        headers: &[(&'static str, &'static str)],
    ) -> Answer {
        self.send(sandbox, "sandbox-small", delivery, &self.body("sandbox-small", delivery), headers).await
    }

    pub(super) async fn send(
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
    pub(super) fn said(answer: &Answer, delivery: Delivery, names: &[&str]) -> String {
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
