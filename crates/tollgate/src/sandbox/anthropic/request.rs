//! A request for a message: what of it matters here.

use serde::Deserialize;
use serde_json::Value;

use crate::sandbox::answer::Question;
use crate::sandbox::fault::{Fault, in_range};
use crate::sandbox::knobs::Knobs;
use crate::sandbox::model::Model;
use crate::sandbox::prompt::{Part, Prompt, Speaker};
use crate::sandbox::tool::Tool;

#[derive(Debug, Deserialize)]
pub(super) struct MessagesRequest {
    model: Option<String>,
    system: Option<Content>,
    messages: Option<Vec<Message>>,
    max_tokens: Option<i64>,
    #[serde(default)]
    stop_sequences: Vec<String>,
    stream: Option<bool>,
    #[serde(default)]
    tools: Vec<Offer>,
    tool_choice: Option<Choice>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

/// A block; which members it has says its type.
#[derive(Debug, Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    name: Option<String>,
    input: Option<Value>,
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
struct Offer {
    name: String,
    input_schema: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(rename = "type")]
    kind: String,
}

impl MessagesRequest {
    /// What the model is asked.
    pub(super) fn question(&self, knobs: Knobs) -> Result<Question, Fault> {
        let prompt = self.prompt()?;
        let output_max = in_range("max_tokens", self.max_tokens.ok_or(Fault::Missing("max_tokens"))?, i64::MAX)?;
        let calls_none = self.tool_choice.as_ref().is_some_and(|choice| choice.kind == "none");
        let tool = self.tools.first().filter(|_| !calls_none);
        let tool = tool.map(|offer| Tool { name: offer.name.clone(), schema: offer.input_schema.clone() });
        Ok(Question { model: self.model()?, prompt, output_max, stops: self.stop_sequences.clone(), tool, knobs })
    }

    /// What the model is told; also asked for where it is only counted.
    pub(super) fn prompt(&self) -> Result<Prompt, Fault> {
        self.model()?;
        let messages = self.messages.as_deref().filter(|messages| !messages.is_empty());
        let messages = messages.ok_or(Fault::Missing("messages"))?;
        let system = self.system.iter().map(|system| (Speaker::Other, system.parts()));
        Ok(Prompt::of(system.chain(messages.iter().map(Message::said))))
    }

    fn model(&self) -> Result<Model, Fault> {
        let name = self.model.as_deref().ok_or(Fault::Missing("model"))?;
        Model::named(name).ok_or_else(|| Fault::UnknownModel(name.to_owned()))
    }

    pub(super) fn model_name(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }

    pub(super) fn stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }
}

impl Message {
    fn said(&self) -> (Speaker, Vec<Part>) {
        (if self.role == "user" { Speaker::User } else { Speaker::Other }, self.content.parts())
    }
}

impl Content {
    fn parts(&self) -> Vec<Part> {
        match self {
            Self::Text(text) => vec![Part::Text(text.clone())],
            Self::Blocks(blocks) => blocks.iter().map(Block::part).collect(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Blocks(blocks) => blocks.iter().filter_map(|block| block.text.as_deref()).collect(),
        }
    }
}

impl Block {
    fn part(&self) -> Part {
        match self.kind.as_str() {
            "text" => Part::Text(self.text.clone().unwrap_or_default()),
            "tool_use" => {
                let input = self.input.as_ref().map(Value::to_string).unwrap_or_default();
                Part::Call(format!("{} {input}", self.name.as_deref().unwrap_or_default()))
            }
            "tool_result" => Part::Result(self.content.as_ref().map(Content::text).unwrap_or_default()),
            // Reasoning that comes back is not told again.
            "thinking" | "redacted_thinking" => Part::Text(String::new()),
            _ => Part::Picture,
        }
    }
}
