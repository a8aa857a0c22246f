//! What a model writes, and what it costs.

use serde::Serialize;
use tollgate_core::time::Timestamp;

use super::error::ApiError;
use super::request::{ChatRequest, Shape};
use super::usage::{Reported, Usage};
use crate::sandbox::model::Model;
use crate::sandbox::text::{self, Chance};

/// A finished completion, not yet sent.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) model: Model,
    pub(super) id: String,
    pub(super) created: i64,
    /// The model as the request called it.
    pub(super) model_name: String,
    pub(super) choices: Vec<Choice>,
    /// The `usage` member, if the model reports one.
    pub(super) usage: Option<Reported>,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) text: String,
    pub(super) finish_reason: &'static str,
    tokens: usize,
    reasoning_tokens: usize,
}

impl Completion {
    /// Answers `request` as `model` would.
    pub(super) fn write(model: Model, request: &ChatRequest, shape: Shape, now: Timestamp) -> Result<Self, ApiError> {
        let prompt = request.prompt()?;
        let output_max = request.output_max()?.unwrap_or(usize::MAX);
        let seed = text::seed(prompt.as_bytes());
        let choices: Vec<_> = (0..request.choices()?)
            .map(|index| {
                let mut chance = Chance(seed.wrapping_add(index as u64));
                let reasoning = if model == Model::Reasoning { 32 + chance.below(96) } else { 0 };
                let said = say(model, request, shape, &mut chance);
                Choice::bounded(said, reasoning.min(output_max), output_max, request.stops())
            })
            .collect();
        let usage = Usage {
            prompt: request.prompt_tokens(),
            visible: choices.iter().map(|choice| choice.tokens).sum(),
            reasoning: choices.iter().map(|choice| choice.reasoning_tokens).sum(),
        };
        Ok(Self {
            model,
            id: format!("chatcmpl-{seed:016x}"),
            created: now.unix_seconds(),
            model_name: request.model_name().to_owned(),
            choices,
            usage: usage.reported_by(model),
        })
    }

    /// Tokens of all choices that a reader sees.
    pub(super) fn visible_tokens(&self) -> u32 {
        u32::try_from(self.choices.iter().map(|choice| choice.tokens).sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// The answer to a request that does not stream.
    pub(super) fn to_wire(&self) -> wire::Completion<'_> {
        wire::Completion {
            id: &self.id,
            object: "chat.completion",
            created: self.created,
            model: &self.model_name,
            choices: self.choices.iter().enumerate().map(|(index, choice)| choice.to_wire(index)).collect(),
            usage: self.usage,
            service_tier: "default",
            system_fingerprint: "fp_sandbox",
        }
    }
}

/// What the model would write if nothing bounded it.
fn say(model: Model, request: &ChatRequest, shape: Shape, chance: &mut Chance) -> String {
    if model == Model::Echo {
        return request.last_user_message();
    }
    let (least, most) = model.answer_tokens();
    let length = shape.chunks.unwrap_or_else(|| least + chance.below(most - least));
    text::compose(chance, length)
}

impl Choice {
    /// `said` up to the first stop text, and within what reasoning leaves of the output bound.
    fn bounded(mut said: String, reasoning_tokens: usize, output_max: usize, stops: &[String]) -> Self {
        let stop = stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| said.find(stop.as_str())).min();
        said.truncate(stop.unwrap_or(said.len()));

        let visible_max = output_max - reasoning_tokens;
        let (mut kept_bytes, mut tokens) = (0, 0);
        for token in text::tokens(&said).take(visible_max) {
            kept_bytes += token.len();
            tokens += 1;
        }
        let finish_reason = if kept_bytes < said.len() { "length" } else { "stop" };
        said.truncate(kept_bytes);
        Self { text: said, finish_reason, tokens, reasoning_tokens }
    }

    fn to_wire(&self, index: usize) -> wire::Choice<'_> {
        let message = wire::Message { role: "assistant", content: &self.text, refusal: None, annotations: [] };
        wire::Choice { index, message, logprobs: None, finish_reason: self.finish_reason }
    }
}

/// The answer in JSON, member by member in OpenAI's order.
pub(super) mod wire {
    use super::{Reported, Serialize};

    #[derive(Debug, Serialize)]
    pub(in crate::sandbox::openai) struct Completion<'a> {
        pub(super) id: &'a str,
        pub(super) object: &'static str,
        pub(super) created: i64,
        pub(super) model: &'a str,
        pub(super) choices: Vec<Choice<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) usage: Option<Reported>,
        pub(super) service_tier: &'static str,
        pub(super) system_fingerprint: &'static str,
    }

    #[derive(Debug, Serialize)]
    pub(in crate::sandbox::openai) struct Choice<'a> {
        pub(super) index: usize,
        pub(super) message: Message<'a>,
        pub(super) logprobs: Option<()>,
        pub(super) finish_reason: &'static str,
    }

    #[derive(Debug, Serialize)]
    pub(in crate::sandbox::openai) struct Message<'a> {
        pub(super) role: &'static str,
        pub(super) content: &'a str,
        pub(super) refusal: Option<()>,
        pub(super) annotations: [(); 0],
    }
}
