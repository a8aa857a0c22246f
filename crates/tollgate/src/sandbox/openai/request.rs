//! A chat request: what of it matters here, and what it costs.

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;

use super::error::ApiError;
use crate::sandbox::model::Model;
use crate::sandbox::text;

/// Tokens that a message costs beside its text, and those that open the answer.
const FRAME_TOKENS: usize = 3;

/// Tokens of a part that is not text, such as an image.
const PART_TOKENS: usize = 85;

/// The most tokens that `x-sandbox-chunks` can ask for.
const CHUNKS_MAX: usize = 1_000_000;

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
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    text: Option<String>,
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

/// What request headers ask of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) chunks: Option<usize>,
    pub(super) gap: Option<Duration>,
}

impl Shape {
    /// The shape in these headers; a number that cannot be read is ignored.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let number = |name| headers.get(name)?.to_str().ok()?.parse::<u32>().ok();
        let chunks = number("x-sandbox-chunks").and_then(|chunks| usize::try_from(chunks).ok());
        let gap = number("x-sandbox-chunk-gap-ms").map(|millis| Duration::from_millis(millis.into()));
        Self { chunks: chunks.map(|chunks| chunks.min(CHUNKS_MAX)), gap }
    }
}

impl ChatRequest {
    pub(super) fn model(&self) -> Result<Model, ApiError> {
        let name = self.model.as_deref().ok_or_else(|| ApiError::missing("model"))?;
        Model::named(name).ok_or_else(|| ApiError::model_not_found(name))
    }

    pub(super) fn model_name(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }

    /// The texts of all messages, in order.
    pub(super) fn prompt(&self) -> Result<String, ApiError> {
        let messages = self.messages.as_deref().filter(|messages| !messages.is_empty());
        let messages = messages.ok_or_else(|| ApiError::missing("messages"))?;
        Ok(messages.iter().map(Message::text).collect())
    }

    /// What the prompt costs.
    pub(super) fn prompt_tokens(&self) -> usize {
        let messages = self.messages.iter().flatten().map(Message::tokens);
        messages.sum::<usize>() + FRAME_TOKENS
    }

    /// What the user said last.
    pub(super) fn last_user_message(&self) -> String {
        let said = self.messages.iter().flatten().rev().find(|message| message.role == "user");
        said.map(Message::text).unwrap_or_default()
    }

    /// The bound of the output, if the request has one.
    pub(super) fn output_max(&self) -> Result<Option<usize>, ApiError> {
        match (self.max_completion_tokens, self.max_tokens) {
            (Some(max), _) => in_range("max_completion_tokens", max, i64::MAX).map(Some),
            (None, Some(max)) => in_range("max_tokens", max, i64::MAX).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// How many answers are wanted.
    pub(super) fn choices(&self) -> Result<usize, ApiError> {
        in_range("n", self.n.unwrap_or(1), 128)
    }

    pub(super) fn stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    pub(super) fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }

    /// The texts before which the answer ends.
    pub(super) fn stops(&self) -> &[String] {
        match &self.stop {
            None => &[],
            Some(OneOrMany::One(stop)) => std::slice::from_ref(stop),
            Some(OneOrMany::Many(stops)) => stops,
        }
    }
}

impl Message {
    fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts.iter().filter_map(|part| part.text.as_deref()).collect(),
        }
    }

    fn tokens(&self) -> usize {
        let content = match &self.content {
            None => 0,
            Some(Content::Text(text)) => text::token_count(text),
            Some(Content::Parts(parts)) => {
                parts.iter().map(|part| part.text.as_deref().map_or(PART_TOKENS, text::token_count)).sum()
            }
        };
        content + FRAME_TOKENS
    }
}

fn in_range(param: &'static str, value: i64, max: i64) -> Result<usize, ApiError> {
    let allowed = usize::try_from(value).ok().filter(|_| (1..=max).contains(&value));
    allowed.ok_or_else(|| ApiError::out_of_range(param, value, 1, max))
}
