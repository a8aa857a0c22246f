//! `POST /v1/responses`, whole and streamed. Nothing is stored: `previous_response_id` is ignored.

mod request;
mod stream;

use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tollgate_core::time::Timestamp;

use super::error;
use crate::sandbox::answer::{Answer, End, Said};
use crate::sandbox::body::Body;
use crate::sandbox::deliver;
use crate::sandbox::fault::Fault;
use crate::sandbox::knobs::Knobs;
use crate::sandbox::usage::Reporting;
use request::ResponsesRequest;

/// The endpoint.
pub(in crate::sandbox) async fn responses(request: Request<Incoming>, now: Timestamp) -> Response<Body> {
    let knobs = Knobs::of(request.headers());
    match deliver::read::<ResponsesRequest>(request).await {
        Ok(request) => respond(&request, knobs, now).await.unwrap_or_else(|fault| error::answer(&fault)),
        Err(fault) => error::answer(&fault),
    }
}

async fn respond(request: &ResponsesRequest, knobs: Knobs, now: Timestamp) -> Result<Response<Body>, Fault> {
    let question = request.question(knobs)?;
    question.misbehave().await?;
    let written = Written { frame: request.frame(&question, now), answer: question.answer(0), seed: question.seed() };
    let usage = usage(question.usage(std::slice::from_ref(&written.answer)));
    if request.stream() {
        return Ok(stream::answer(&question, written, usage));
    }
    let failure = error::body(&Fault::Failed);
    Ok(deliver::whole(&question, written.answer.tokens, &written.ended(usage), &failure).await)
}

/// A response that was written and not yet sent.
struct Written {
    /// What is known before anything was generated: a response in progress.
    frame: Value,
    answer: Answer,
    seed: u64,
}

impl Written {
    /// The response as it is at its end.
    fn ended(&self, usage: Value) -> Value {
        let mut response = self.frame.clone();
        match self.answer.end {
            End::Length => {
                response["status"] = json!("incomplete");
                response["incomplete_details"] = json!({ "reason": "max_output_tokens" });
            }
            End::Finished | End::Stop(_) | End::Call => response["status"] = json!("completed"),
        }
        response["output"] = json!([self.item(self.answer.text(), &response["status"])]);
        response["usage"] = usage;
        response
    }

    /// The one item of the output, with what was written of it.
    fn item(&self, text: &str, status: &Value) -> Value {
        let seed = self.seed;
        match &self.answer.said {
            Said::Text(_) => {
                let content: Vec<_> = (*status != "in_progress").then(|| part(text)).into_iter().collect();
                json!({
                    "id": format!("msg_{seed:016x}"), "type": "message", "status": status, "role": "assistant",
                    "content": content,
                })
            }
            Said::Call(call) => json!({
                "id": format!("fc_{seed:016x}"), "type": "function_call", "status": status,
                "call_id": format!("call_{seed:016x}"), "name": call.name, "arguments": text,
            }),
        }
    }
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

/// The `usage` member; null if the model does not say.
fn usage(reporting: Reporting) -> Value {
    match reporting {
        Reporting::Missing => Value::Null,
        Reporting::Wrong => json!({
            "input_tokens": -7, "input_tokens_details": { "cached_tokens": 1_000_000 },
            "output_tokens": 9_000_000_000_000_000_000_i64, "output_tokens_details": { "reasoning_tokens": -1 },
            "total_tokens": 3,
        }),
        Reporting::Honest(usage) => json!({
            "input_tokens": usage.prompt, "input_tokens_details": { "cached_tokens": usage.cached() },
            "output_tokens": usage.output(), "output_tokens_details": { "reasoning_tokens": usage.reasoning },
            "total_tokens": usage.total(),
        }),
    }
}
