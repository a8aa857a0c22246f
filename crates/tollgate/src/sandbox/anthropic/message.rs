//! A message that a model wrote.

use serde_json::{Value, json};

use super::request::MessagesRequest;
use crate::sandbox::answer::{Answer, End, Question, Said};
use crate::sandbox::usage::{Reporting, Usage};

/// A finished message, not yet sent.
pub(super) struct Message {
    seed: u64,
    /// The model as the request called it.
    model_name: String,
    pub(super) answer: Answer,
    usage: Reporting,
}

impl Message {
    /// Answers `request`, which asks `question`.
    pub(super) fn write(request: &MessagesRequest, question: &Question) -> Self {
        let answer = question.answer(0);
        let usage = question.usage(std::slice::from_ref(&answer));
        Self { seed: question.seed(), model_name: request.model_name().to_owned(), answer, usage }
    }

    /// The message as it begins: without content, and with the usage of the prompt.
    pub(super) fn opened(&self) -> Value {
        let mut message = json!({
            "id": format!("msg_{:016x}", self.seed), "type": "message", "role": "assistant",
            "model": self.model_name, "content": [], "stop_reason": null, "stop_sequence": null,
        });
        if let Some(usage) = self.usage(1) {
            message["usage"] = usage;
        }
        message
    }

    /// The whole message.
    pub(super) fn whole(&self) -> Value {
        let mut message = self.opened();
        message["content"] = json!([self.block()]);
        let end = self.end();
        message["stop_reason"] = end["stop_reason"].clone();
        message["stop_sequence"] = end["stop_sequence"].clone();
        if let Some(usage) = self.usage(self.answer.tokens + self.answer.reasoning_tokens) {
            message["usage"] = usage;
        }
        message
    }

    /// The block with the text or the call.
    fn block(&self) -> Value {
        let mut block = self.opened_block();
        match &self.answer.said {
            Said::Text(text) => block["text"] = json!(text),
            Said::Call(call) => block["input"] = call.object(),
        }
        block
    }

    /// The block as it begins.
    pub(super) fn opened_block(&self) -> Value {
        match &self.answer.said {
            Said::Text(_) => json!({ "type": "text", "text": "" }),
            Said::Call(call) => {
                json!({ "type": "tool_use", "id": format!("toolu_{:016x}", self.seed), "name": call.name, "input": {} })
            }
        }
    }

    /// Why it ends.
    pub(super) fn end(&self) -> Value {
        let (reason, sequence) = match &self.answer.end {
            End::Finished => ("end_turn", None),
            End::Stop(text) => ("stop_sequence", Some(text)),
            End::Length => ("max_tokens", None),
            End::Call => ("tool_use", None),
        };
        json!({ "stop_reason": reason, "stop_sequence": sequence })
    }

    /// The usage with so many tokens of output; `None` if the model does not say.
    pub(super) fn usage(&self, output: usize) -> Option<Value> {
        let (input, read, output) = match self.usage {
            Reporting::Missing => return None,
            Reporting::Wrong => (json!(-7), json!(1_000_000), json!(9_000_000_000_000_000_000_i64)),
            Reporting::Honest(usage) => (json!(uncached(usage)), json!(usage.cached()), json!(output)),
        };
        Some(json!({
            "input_tokens": input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": read,
            "output_tokens": output,
        }))
    }
}

fn uncached(usage: Usage) -> usize {
    usage.prompt - usage.cached()
}
