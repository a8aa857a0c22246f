//! What a model answers, whatever the format: text from the common source, or the call of a tool.
//!
//! A request that offers tools gets a call of the first one, with arguments that its schema requires, unless
//! it forbids calls or its last message says what became of one. A call that does not fit into the output
//! bound is not made; there is text then.

use super::fault::Fault;
use super::knobs::Knobs;
use super::model::Model;
use super::prompt::Prompt;
use super::text::{self, Chance};
use super::tool::{Tool, ToolCall};
use super::usage::{Reporting, Usage};

/// What a model is asked, whatever the format.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) model: Model,
    pub(super) prompt: Prompt,
    /// The most tokens of the answer, reasoning included.
    pub(super) output_max: usize,
    /// The texts before which the answer ends.
    pub(super) stops: Vec<String>,
    /// The first tool that may be called.
    pub(super) tool: Option<Tool>,
    pub(super) knobs: Knobs,
}

/// One answer, not yet sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) said: Said,
    pub(super) end: End,
    pub(super) tokens: usize,
    pub(super) reasoning_tokens: usize,
}

/// What an answer consists of.
#[derive(Debug)]
pub(super) enum Said {
    Text(String),
    Call(ToolCall),
}

/// Why an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Everything was said.
    Finished,
    /// This text would have come next.
    Stop(String),
    /// The output bound is reached.
    Length,
    /// A tool is to be called.
    Call,
}

/// How the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Whole,
    /// The connection is closed after so many tokens.
    Cut {
        after: usize,
    },
    /// An error comes after so many tokens.
    Error {
        after: usize,
    },
}

impl Question {
    /// The number that all answers follow from.
    pub(super) fn seed(&self) -> u64 {
        text::seed(self.prompt.text.as_bytes())
    }

    /// Waits or fails where an answer will never come.
    pub(super) async fn misbehave(&self) -> Result<(), Fault> {
        self.knobs.fault()?;
        self.model.misbehave().await
    }

    /// The answer; `index` counts where several are wanted.
    pub(super) fn answer(&self, index: usize) -> Answer {
        let mut chance = Chance(self.seed().wrapping_add(index as u64));
        let reasoning = if self.model == Model::Reasoning { 32 + chance.below(96) } else { 0 };
        let reasoning_tokens = reasoning.min(self.output_max);
        let visible_max = self.output_max - reasoning_tokens;
        let call = self.tool.as_ref().filter(|_| !self.prompt.ends_with_result).map(|tool| tool.call(&mut chance));
        if let Some(call) = call.filter(|call| call.tokens() <= visible_max) {
            let tokens = call.tokens();
            return Answer { said: Said::Call(call), end: End::Call, tokens, reasoning_tokens };
        }
        let text = self.say(&mut chance);
        self.bounded(text, reasoning_tokens, visible_max)
    }

    /// What the model would write if nothing bounded it.
    fn say(&self, chance: &mut Chance) -> String {
        if self.model == Model::Echo {
            return self.prompt.last_user_message.clone();
        }
        let (least, most) = self.model.answer_tokens();
        let length = self.knobs.chunks.unwrap_or_else(|| least + chance.below(most - least));
        text::compose(chance, length)
    }

    /// `said` up to the first stop text, and within `visible_max` tokens.
    fn bounded(&self, mut said: String, reasoning_tokens: usize, visible_max: usize) -> Answer {
        let places = self.stops.iter().filter(|stop| !stop.is_empty());
        let first = places.filter_map(|stop| Some((said.find(stop.as_str())?, stop))).min_by_key(|&(place, _)| place);
        said.truncate(first.map_or(said.len(), |(place, _)| place));

        let (mut kept_bytes, mut tokens) = (0, 0);
        for token in text::tokens(&said).take(visible_max) {
            kept_bytes += token.len();
            tokens += 1;
        }
        let end = match first {
            _ if kept_bytes < said.len() => End::Length,
            Some((_, stop)) => End::Stop(stop.clone()),
            None => End::Finished,
        };
        said.truncate(kept_bytes);
        Answer { said: Said::Text(said), end, tokens, reasoning_tokens }
    }

    /// What the model says about the usage of `answers`.
    pub(super) fn usage(&self, answers: &[Answer]) -> Reporting {
        let usage = Usage {
            prompt: self.prompt.tokens,
            visible: answers.iter().map(|answer| answer.tokens).sum(),
            reasoning: answers.iter().map(|answer| answer.reasoning_tokens).sum(),
        };
        usage.reported_by(self.model, &self.knobs)
    }

    /// How the body of an answer with so many tokens ends.
    pub(super) fn fate(&self, tokens: usize) -> Fate {
        match (self.knobs.cut, self.model) {
            (Some(after), _) => Fate::Cut { after },
            (None, Model::Cut) => Fate::Cut { after: tokens / 2 },
            (None, Model::ErrorAfter200) => Fate::Error { after: tokens / 2 },
            (None, _) => Fate::Whole,
        }
    }
}

impl Answer {
    /// What is written token by token: the text, or the arguments of the call.
    pub(super) fn text(&self) -> &str {
        match &self.said {
            Said::Text(text) => text,
            Said::Call(call) => &call.arguments,
        }
    }
}
