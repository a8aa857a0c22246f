//! Content that a model wrote.

use serde_json::{Value, json};

use crate::sandbox::answer::{Answer, End, Question, Said};
use crate::sandbox::text;
use crate::sandbox::usage::Reporting;

/// Finished content, not yet sent.
pub(super) struct Content {
    seed: u64,
    /// The model as the request called it.
    model_name: String,
    answer: Answer,
    usage: Reporting,
}

impl Content {
    /// Answers `question`.
    pub(super) fn write(model_name: &str, question: &Question) -> Self {
        let answer = question.answer(0);
        let usage = question.usage(std::slice::from_ref(&answer));
        Self { seed: question.seed(), model_name: model_name.to_owned(), answer, usage }
    }

    pub(super) const fn tokens(&self) -> usize {
        self.answer.tokens
    }

    /// All of it, in one answer.
    pub(super) fn whole(&self) -> Value {
        let part = match &self.answer.said {
            Said::Text(text) => json!({ "text": text }),
            Said::Call(_) => self.call(),
        };
        self.with_end(self.response(&part, self.answer.tokens))
    }

    /// How many answers of a stream come before the last: one for each token of the text. A call comes whole.
    pub(super) fn pieces(&self) -> usize {
        match &self.answer.said {
            Said::Text(_) => self.answer.tokens,
            Said::Call(_) => 1,
        }
    }

    /// The answers of a stream before the last one.
    pub(super) fn into_pieces(self) -> impl Iterator<Item = Value> + Send + 'static {
        let is_call = matches!(self.answer.said, Said::Call(_));
        let call = is_call.then(|| self.response(&self.call(), self.answer.tokens));
        let text = if is_call { String::new() } else { self.answer.text().to_owned() };
        let said = text::into_tokens(text).enumerate();
        call.into_iter().chain(said.map(move |(index, token)| self.response(&json!({ "text": token }), index + 1)))
    }

    /// The last answer of a stream: nothing more to read, and why it ends.
    pub(super) fn last(&self) -> Value {
        self.with_end(self.response(&json!({ "text": "" }), self.answer.tokens))
    }

    /// The call as a part.
    fn call(&self) -> Value {
        match &self.answer.said {
            Said::Text(_) => Value::Null,
            Said::Call(call) => {
                json!({ "functionCall": { "id": format!("{:016x}", self.seed), "name": call.name, "args": call.object() } })
            }
        }
    }

    /// An answer with this part, when so many tokens of the candidate were written.
    fn response(&self, part: &Value, tokens: usize) -> Value {
        let content = json!({ "parts": [part], "role": "model" });
        let mut response = json!({
            "candidates": [{ "content": content, "index": 0 }],
            "modelVersion": self.model_name, "responseId": format!("{:016x}", self.seed),
        });
        if let Some(usage) = self.usage(tokens) {
            response["usageMetadata"] = usage;
        }
        response
    }

    fn with_end(&self, mut response: Value) -> Value {
        let reason = match self.answer.end {
            End::Finished | End::Stop(_) | End::Call => "STOP",
            End::Length => "MAX_TOKENS",
        };
        response["candidates"][0]["finishReason"] = json!(reason);
        response
    }

    /// The usage so far; `None` if the model does not say.
    fn usage(&self, tokens: usize) -> Option<Value> {
        match self.usage {
            Reporting::Missing => None,
            Reporting::Wrong => Some(json!({
                "promptTokenCount": -7, "candidatesTokenCount": 9_000_000_000_000_000_000_i64,
                "thoughtsTokenCount": -1, "cachedContentTokenCount": 1_000_000, "totalTokenCount": 3,
            })),
            Reporting::Honest(usage) => {
                let total = usage.prompt + tokens + usage.reasoning;
                let mut counts = json!({
                    "promptTokenCount": usage.prompt, "candidatesTokenCount": tokens, "totalTokenCount": total,
                });
                for (name, count) in
                    [("thoughtsTokenCount", usage.reasoning), ("cachedContentTokenCount", usage.cached())]
                {
                    if count > 0 {
                        counts[name] = json!(count);
                    }
                }
                Some(counts)
            }
        }
    }
}
