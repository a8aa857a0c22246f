//! A conversation in every format: how it is asked, and what is seen of the answer.

use serde_json::{Value, json};

use crate::harness::{Answer, Call};

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
    part: Value,
}

/// What a caller sees of an answer.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) text: String,
    pub(super) call: Option<ToolCall>,
    /// Tokens of the prompt, and generated.
    pub(super) usage: Option<(u64, u64)>,
    /// Whether a stream ended as the format says that it does.
    pub(super) ended: bool,
    pub(super) error: Option<String>,
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
            (Self::Gemini, Delivery::Whole) => {
                (format!("/v1beta/models/{model}:generateContent"), "x-goog-api-key")
            }
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

    /// What is seen of an answer.
    pub(super) fn seen(self, answer: &Answer, delivery: Delivery) -> Seen {
        let events = match delivery {
            Delivery::Whole => vec![answer.json()],
            Delivery::Streamed => events(&answer.text()),
        };
        let mut seen = Seen { ended: delivery == Delivery::Whole, ..Seen::default() };
        let mut arguments = String::new();
        for event in &events {
            match self {
                Self::Chat => seen.chat(event, &mut arguments),
                Self::Responses => seen.response(event),
                Self::Messages => seen.message(event, &mut arguments),
                Self::Gemini => seen.content(event),
            }
        }
        if let Some(call) = seen.call.as_mut().filter(|_| !arguments.is_empty()) {
            call.arguments = arguments.parse().unwrap_or_else(|error| panic!("{error}: {arguments}"));
        }
        seen
    }
}

/// The data of the events of a stream.
fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
}

impl Seen {
    /// A completion, or a chunk of one.
    fn chat(&mut self, event: &Value, arguments: &mut String) {
        self.ended |= event == "[DONE]";
        self.failed(event.get("error"));
        self.counted(event.get("usage"), ["prompt_tokens", "completion_tokens"]);
        let choice = &event["choices"][0];
        let said = choice.get("message").unwrap_or(&choice["delta"]);
        self.text.push_str(said["content"].as_str().unwrap_or_default());
        let call = &said["tool_calls"][0];
        self.called(&call["id"], &call["function"]["name"], &Value::Null);
        arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
    }

    /// A response, or an event of one.
    fn response(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "response.output_text.delta" {
            self.text.push_str(event["delta"].as_str().unwrap());
        }
        if matches!(kind, "error" | "response.failed") {
            self.failed(Some(event));
        }
        let whole = match kind {
            "response.completed" | "response.incomplete" => &event["response"],
            "" => event,
            _ => return,
        };
        self.ended = true;
        self.failed(whole.get("error"));
        self.counted(whole.get("usage"), ["input_tokens", "output_tokens"]);
        for item in whole["output"].as_array().into_iter().flatten() {
            if item["type"] == "function_call" {
                let arguments = item["arguments"].as_str().unwrap().parse().unwrap();
                self.called(&item["call_id"], &item["name"], &arguments);
            }
            let text = item["content"][0]["text"].as_str().unwrap_or_default();
            match kind {
                "" => self.text.push_str(text),
                _ => assert!(item["type"] != "message" || self.text == text, "the end repeats the text: {event}"),
            }
        }
    }

    /// A message, or an event of one.
    fn message(&mut self, event: &Value, arguments: &mut String) {
        let kind = event["type"].as_str().unwrap_or_default();
        self.ended |= kind == "message_stop";
        self.failed(event.get("error"));
        if matches!(kind, "message" | "message_delta") {
            self.counted(event.get("usage"), ["input_tokens", "output_tokens"]);
        }
        let blocks = event["content"].as_array().into_iter().flatten();
        for block in blocks.chain(event.get("content_block")) {
            self.text.push_str(block["text"].as_str().unwrap_or_default());
            self.called(&block["id"], &block["name"], &block["input"]);
        }
        self.text.push_str(event["delta"]["text"].as_str().unwrap_or_default());
        arguments.push_str(event["delta"]["partial_json"].as_str().unwrap_or_default());
    }

    /// Content, whole or a piece of it.
    fn content(&mut self, event: &Value) {
        self.failed(event.get("error"));
        self.counted(event.get("usageMetadata"), ["promptTokenCount", "candidatesTokenCount"]);
        let candidate = &event["candidates"][0];
        self.ended |= candidate["finishReason"].is_string();
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            self.text.push_str(part["text"].as_str().unwrap_or_default());
            let call = &part["functionCall"];
            if call.is_object() {
                let id = call.get("id").cloned().unwrap_or_else(|| json!(""));
                self.called(&id, &call["name"], &call["args"]);
                self.call.as_mut().unwrap().part = part.clone();
            }
        }
    }

    fn called(&mut self, id: &Value, name: &Value, arguments: &Value) {
        if let (Some(id), Some(name)) = (id.as_str(), name.as_str()) {
            assert!(self.call.is_none(), "one call is made");
            let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.clone());
            self.call = Some(ToolCall { id, name, arguments, part: Value::Null });
        }
    }

    fn counted(&mut self, usage: Option<&Value>, [input, output]: [&str; 2]) {
        if let Some(usage) = usage.filter(|usage| usage.is_object()) {
            let count = |name: &str| usage[name].as_u64().unwrap_or(0);
            self.usage = Some((count(input), count(output)));
        }
    }

    fn failed(&mut self, error: Option<&Value>) {
        if let Some(error) = error.filter(|error| !error.is_null()) {
            self.error = Some(error.to_string());
        }
    }
}
