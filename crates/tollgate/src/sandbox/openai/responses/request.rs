//! A request for a response: what of it matters here.

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_core::time::Timestamp;

use crate::sandbox::answer::Question;
use crate::sandbox::fault::{Fault, in_range};
use crate::sandbox::knobs::Knobs;
use crate::sandbox::model::Model;
use crate::sandbox::prompt::{Part, Prompt, Speaker};
use crate::sandbox::tool::Tool;

#[derive(Debug, Deserialize)]
pub(super) struct ResponsesRequest {
    model: Option<String>,
    instructions: Option<String>,
    input: Option<Input>,
    max_output_tokens: Option<i64>,
    stream: Option<bool>,
    #[serde(default)]
    tools: Vec<Offer>,
    tool_choice: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Item>),
}

/// A message, a call, or what became of one; which of them says the type.
#[derive(Debug, Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    content: Option<Content>,
    name: Option<String>,
    arguments: Option<String>,
    output: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<TextPart>),
}

#[derive(Debug, Deserialize)]
struct TextPart {
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Offer {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    parameters: Option<Value>,
}

impl ResponsesRequest {
    /// What the model is asked.
    pub(super) fn question(&self, knobs: Knobs) -> Result<Question, Fault> {
        let name = self.model.as_deref().ok_or(Fault::Missing("model"))?;
        let model = Model::named(name).ok_or_else(|| Fault::UnknownModel(name.to_owned()))?;
        let instructions = self.instructions.iter().map(|text| (Speaker::Other, vec![Part::Text(text.clone())]));
        let input = match self.input.as_ref().ok_or(Fault::Missing("input"))? {
            Input::Text(text) => vec![(Speaker::User, vec![Part::Text(text.clone())])],
            Input::Items(items) => items.iter().map(Item::said).collect(),
        };
        let prompt = Prompt::of(instructions.chain(input));
        let output_max = match self.max_output_tokens {
            Some(max) => in_range("max_output_tokens", max, i64::MAX)?,
            None => usize::MAX,
        };
        Ok(Question { model, prompt, output_max, stops: Vec::new(), tool: self.tool(), knobs })
    }

    pub(super) fn stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// The response before anything is generated.
    pub(super) fn frame(&self, question: &Question, now: Timestamp) -> Value {
        json!({
            "id": format!("resp_{:016x}", question.seed()), "object": "response", "created_at": now.unix_seconds(),
            "status": "in_progress", "error": null, "incomplete_details": null, "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens, "model": self.model, "output": [],
            "parallel_tool_calls": true, "previous_response_id": null,
            "reasoning": { "effort": null, "summary": null }, "store": false, "temperature": 1.0,
            "text": { "format": { "type": "text" } }, "tool_choice": "auto", "tools": [], "top_p": 1.0,
            "truncation": "disabled", "usage": null, "user": null, "metadata": {},
        })
    }

    fn tool(&self) -> Option<Tool> {
        if self.tool_choice.as_ref().is_some_and(|choice| choice == "none") {
            return None;
        }
        let offer = self.tools.iter().find(|offer| offer.kind == "function")?;
        Some(Tool { name: offer.name.clone()?, schema: offer.parameters.clone() })
    }
}

impl Item {
    fn said(&self) -> (Speaker, Vec<Part>) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        match self.kind.as_deref().unwrap_or("message") {
            "message" => {
                let speaker = if self.role.as_deref() == Some("user") { Speaker::User } else { Speaker::Other };
                (speaker, parts(self.content.as_ref(), Part::Text))
            }
            "function_call" => {
                (Speaker::Other, vec![Part::Call(format!("{} {}", text(&self.name), text(&self.arguments)))])
            }
            "function_call_output" => (Speaker::Other, parts(self.output.as_ref(), Part::Result)),
            // Reasoning that comes back, and items that stand for something elsewhere.
            _ => (Speaker::Other, Vec::new()),
        }
    }
}

fn parts(content: Option<&Content>, text: fn(String) -> Part) -> Vec<Part> {
    match content {
        None => Vec::new(),
        Some(Content::Text(said)) => vec![text(said.clone())],
        Some(Content::Parts(parts)) => parts.iter().map(|part| part.text.clone().map_or(Part::Picture, text)).collect(),
    }
}
