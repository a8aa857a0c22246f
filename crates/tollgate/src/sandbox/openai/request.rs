//! A chat request: what of it matters here.

use serde::Deserialize;
use serde_json::Value;

use crate::sandbox::answer::Question;
use crate::sandbox::fault::{Fault, in_range};
use crate::sandbox::knobs::Knobs;
use crate::sandbox::model::Model;
use crate::sandbox::prompt::{Part, Prompt, Speaker};
use crate::sandbox::tool::Tool;

#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
    model: Option<String>,
    messages: Option<Vec<Message>>,
    max_completion_tokens: Option<i64>,
    max_tokens: Option<i64>,
    n: Option<i64>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    stop: Option<OneOrMany>,
    tools: Option<Vec<Offer>>,
    tool_choice: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
    tool_calls: Option<Vec<Call>>,
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
struct Call {
    function: CalledFunction,
}

#[derive(Debug, Deserialize)]
struct CalledFunction {
    name: String,
    arguments: String,
}

#[derive(Debug, Deserialize)]
struct Offer {
    function: Option<Function>,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    parameters: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl ChatRequest {
    /// What the model is asked.
    pub(super) fn question(&self, knobs: Knobs) -> Result<Question, Fault> {
        let name = self.model.as_deref().ok_or(Fault::Missing("model"))?;
        let model = Model::named(name).ok_or_else(|| Fault::UnknownModel(name.to_owned()))?;
        let messages = self.messages.as_deref().filter(|messages| !messages.is_empty());
        let prompt = Prompt::of(messages.ok_or(Fault::Missing("messages"))?.iter().map(Message::said));
        let output_max = match (self.max_completion_tokens, self.max_tokens) {
            (Some(max), _) => in_range("max_completion_tokens", max, i64::MAX)?,
            (None, Some(max)) => in_range("max_tokens", max, i64::MAX)?,
            (None, None) => usize::MAX,
        };
        let stops = match &self.stop {
            None => Vec::new(),
            Some(OneOrMany::One(stop)) => vec![stop.clone()],
            Some(OneOrMany::Many(stops)) => stops.clone(),
        };
        Ok(Question { model, prompt, output_max, stops, tool: self.tool(), knobs })
    }

    pub(super) fn model_name(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }

    /// How many answers are wanted.
    pub(super) fn choices(&self) -> Result<usize, Fault> {
        in_range("n", self.n.unwrap_or(1), 128)
    }

    pub(super) fn stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    pub(super) fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }

    fn tool(&self) -> Option<Tool> {
        if self.tool_choice.as_ref().is_some_and(|choice| choice == "none") {
            return None;
        }
        let function = self.tools.iter().flatten().find_map(|offer| offer.function.as_ref())?;
        Some(Tool { name: function.name.clone(), schema: function.parameters.clone() })
    }
}

impl Message {
    fn said(&self) -> (Speaker, Vec<Part>) {
        let text = |text: String| if self.role == "tool" { Part::Result(text) } else { Part::Text(text) };
        let mut parts = match &self.content {
            None => Vec::new(),
            Some(Content::Text(said)) => vec![text(said.clone())],
            Some(Content::Parts(parts)) => {
                parts.iter().map(|part| part.text.clone().map_or(Part::Picture, text)).collect()
            }
        };
        let calls = self.tool_calls.iter().flatten().map(|call| &call.function);
        parts.extend(calls.map(|function| Part::Call(format!("{} {}", function.name, function.arguments))));
        (if self.role == "user" { Speaker::User } else { Speaker::Other }, parts)
    }
}
