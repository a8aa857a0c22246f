//! A chat completion, whole.

use serde::Serialize;
use tollgate_core::time::Timestamp;

use super::request::ChatRequest;
use super::usage::Reported;
use crate::sandbox::answer::{Answer, End, Question, Said};
use crate::sandbox::fault::Fault;

/// A finished completion, not yet sent.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) id: String,
    pub(super) created: i64,
    /// The model as the request called it.
    pub(super) model_name: String,
    pub(super) choices: Vec<Answer>,
    /// The `usage` member, if the model reports one.
    pub(super) usage: Option<Reported>,
}

impl Completion {
    /// Answers `request`, which asks `question`.
    pub(super) fn write(request: &ChatRequest, question: &Question, now: Timestamp) -> Result<Self, Fault> {
        let choices: Vec<_> = (0..request.choices()?).map(|index| question.answer(index)).collect();
        Ok(Self {
            id: format!("chatcmpl-{:016x}", question.seed()),
            created: now.unix_seconds(),
            model_name: request.model_name().to_owned(),
            usage: Reported::of(question.usage(&choices)),
            choices,
        })
    }

    /// Tokens of all choices that a reader sees.
    pub(super) fn visible_tokens(&self) -> usize {
        self.choices.iter().map(|choice| choice.tokens).sum()
    }

    /// The id of the call that the choice at `index` makes.
    pub(super) fn call_id(&self, index: usize) -> String {
        format!("call_{}{index}", self.id.trim_start_matches("chatcmpl-"))
    }

    /// The answer to a request that does not stream.
    pub(super) fn to_wire(&self) -> wire::Completion<'_> {
        wire::Completion {
            id: &self.id,
            object: "chat.completion",
            created: self.created,
            model: &self.model_name,
            choices: self.choices.iter().enumerate().map(|(index, choice)| self.choice(index, choice)).collect(),
            usage: self.usage,
            service_tier: "default",
            system_fingerprint: "fp_sandbox",
        }
    }

    fn choice<'a>(&self, index: usize, answer: &'a Answer) -> wire::Choice<'a> {
        let (content, tool_calls) = match &answer.said {
            Said::Text(text) => (Some(text.as_str()), None),
            Said::Call(call) => {
                let function = wire::Function { name: &call.name, arguments: &call.arguments };
                (None, Some([wire::ToolCall { id: self.call_id(index), kind: "function", function }]))
            }
        };
        let message = wire::Message { role: "assistant", content, refusal: None, annotations: [], tool_calls };
        wire::Choice { index, message, logprobs: None, finish_reason: finish_reason(&answer.end) }
    }
}

/// Why an answer ends, in OpenAI's words.
pub(super) const fn finish_reason(end: &End) -> &'static str {
    match end {
        End::Finished | End::Stop(_) => "stop",
        End::Length => "length",
        End::Call => "tool_calls",
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
        pub(super) content: Option<&'a str>,
        pub(super) refusal: Option<()>,
        pub(super) annotations: [(); 0],
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) tool_calls: Option<[ToolCall<'a>; 1]>,
    }

    #[derive(Debug, Serialize)]
    pub(in crate::sandbox::openai) struct ToolCall<'a> {
        pub(super) id: String,
        #[serde(rename = "type")]
        pub(super) kind: &'static str,
        pub(super) function: Function<'a>,
    }

    #[derive(Debug, Serialize)]
    pub(in crate::sandbox::openai) struct Function<'a> {
        pub(super) name: &'a str,
        pub(super) arguments: &'a str,
    }
}
