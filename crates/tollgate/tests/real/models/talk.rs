//! A conversation in every format: how it is asked.

use serde_json::{Value, json};

use crate::harness::Call;

/// The tokens of this prompt: two and four words, and three for each message and the opening.
pub(super) const PROMPT_TOKENS: u64 = 15;
const SYSTEM: &str = "Be brief";
const QUESTION: &str = "Who keeps the light";
pub(super) const RESULT: &str = "Nobody since 1932";

/// The format in which a caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
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

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask<'a> {
    /// A question, with a system prompt.
    Question,
    /// The same, with a tool on offer.
    Tool,
    /// The same, after this call was made and answered.
    Result(&'a ToolCall),
}

/// The call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Value,
    /// The part as Gemini said it: what it has sealed must come back.
    pub(super) part: Value,
}

impl Caller {
    pub(super) const ALL: [Self; 4] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini];

    /// The request, as its format and its SDK send it.
    pub(super) fn call(self, key: &str, model: &str, delivery: Delivery, ask: Ask<'_>) -> Call {
        let body = self.body(model, delivery, ask);
        let (path, header) = match (self, delivery) {
            (Self::Chat, _) => ("/v1/chat/completions".to_owned(), "authorization"),
            (Self::Responses, _) => ("/v1/responses".to_owned(), "authorization"),
            (Self::Messages, _) => ("/v1/messages".to_owned(), "x-api-key"),
            (Self::Gemini, Delivery::Whole) => (format!("/v1beta/models/{model}:generateContent"), "x-goog-api-key"),
            (Self::Gemini, Delivery::Streamed) => {
                (format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"), "x-goog-api-key")
            }
        };
        let value = if header == "authorization" { format!("Bearer {key}") } else { key.to_owned() };
        Call::post(&path, &body).header(header, &value)
    }

    fn body(self, model: &str, delivery: Delivery, ask: Ask<'_>) -> Value {
        let schema = json!({
            "type": "object", "properties": { "place": { "type": "string" } }, "required": ["place"],
        });
        let (mut body, tools, place) = match self {
            Self::Chat => (
                json!({ "model": model, "messages": [
                    { "role": "system", "content": SYSTEM }, { "role": "user", "content": QUESTION },
                ] }),
                json!([{ "type": "function", "function": { "name": "look_up", "parameters": schema } }]),
                "messages",
            ),
            Self::Responses => (
                json!({ "model": model, "instructions": SYSTEM, "input": [{ "role": "user", "content": QUESTION }] }),
                json!([{ "type": "function", "name": "look_up", "parameters": schema, "strict": false }]),
                "input",
            ),
            Self::Messages => (
                json!({ "model": model, "system": SYSTEM, "max_tokens": 800,
                    "messages": [{ "role": "user", "content": QUESTION }] }),
                json!([{ "name": "look_up", "input_schema": schema }]),
                "messages",
            ),
            Self::Gemini => (
                json!({ "systemInstruction": { "parts": [{ "text": SYSTEM }] },
                    "contents": [{ "role": "user", "parts": [{ "text": QUESTION }] }] }),
                json!([{ "functionDeclarations": [{ "name": "look_up", "parametersJsonSchema": schema }] }]),
                "contents",
            ),
        };
        if !matches!(ask, Ask::Question) {
            body["tools"] = tools;
        }
        if let Ask::Result(call) = ask {
            body[place].as_array_mut().unwrap().extend(self.answered(call));
        }
        match (self, delivery) {
            (Self::Gemini, _) | (_, Delivery::Whole) => (),
            (Self::Chat, Delivery::Streamed) => {
                body["stream"] = json!(true);
                body["stream_options"] = json!({ "include_usage": true });
            }
            (Self::Responses | Self::Messages, Delivery::Streamed) => body["stream"] = json!(true),
        }
        body
    }

    /// The call and what became of it, as they stand in the conversation.
    fn answered(self, call: &ToolCall) -> [Value; 2] {
        let ToolCall { id, name, arguments, part } = call;
        let text = arguments.to_string();
        match self {
            Self::Chat => [
                json!({ "role": "assistant", "content": null, "tool_calls": [
                    { "id": id, "type": "function", "function": { "name": name, "arguments": text } },
                ] }),
                json!({ "role": "tool", "tool_call_id": id, "content": RESULT }),
            ],
            Self::Responses => [
                json!({ "type": "function_call", "call_id": id, "name": name, "arguments": text }),
                json!({ "type": "function_call_output", "call_id": id, "output": RESULT }),
            ],
            Self::Messages => [
                json!({ "role": "assistant", "content": [
                    { "type": "tool_use", "id": id, "name": name, "input": arguments },
                ] }),
                json!({ "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": id, "content": RESULT },
                ] }),
            ],
            Self::Gemini => [
                json!({ "role": "model", "parts": [part] }),
                json!({ "role": "user", "parts": [
                    { "functionResponse": { "id": id, "name": name, "response": { "result": RESULT } } },
                ] }),
            ],
        }
    }
}
