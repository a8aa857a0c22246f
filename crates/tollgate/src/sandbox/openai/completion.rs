//! What a model writes, and what it costs.

use serde_json::{Value, json};
use tollgate_core::time::Timestamp;

use super::error::ApiError;
use super::request::{ChatRequest, Shape};
use super::usage::Usage;
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
    pub(super) usage: Option<Value>,
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
    pub(super) fn to_json(&self) -> Value {
        let choices: Vec<_> = self.choices.iter().enumerate().map(|(index, choice)| choice.to_json(index)).collect();
        let mut answer = json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model_name,
            "choices": choices,
        });
        if let Some(usage) = &self.usage {
            answer["usage"] = usage.clone();
        }
        answer["service_tier"] = "default".into();
        answer["system_fingerprint"] = "fp_sandbox".into();
        answer
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

    fn to_json(&self, index: usize) -> Value {
        json!({
            "index": index,
            "message": { "role": "assistant", "content": self.text, "refusal": null, "annotations": [] },
            "logprobs": null,
            "finish_reason": self.finish_reason,
        })
    }
}
