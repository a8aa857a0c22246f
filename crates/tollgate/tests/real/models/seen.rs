//! What a caller sees of an answer, whole or streamed, in every format.

use serde_json::{Value, json};

use super::talk::{Caller, Delivery, ToolCall};
use crate::harness::Answer;

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
