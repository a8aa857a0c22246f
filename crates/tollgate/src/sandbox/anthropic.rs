//! A language model that speaks Anthropic's format: messages, whole and streamed, and their count.
//!
//! `max_tokens` and the header `anthropic-version` are needed, as they are at Anthropic; `stop_sequences`,
//! `tools` and `tool_choice` of type `none` do what they do there, and other members are accepted and
//! ignored. Tokens from the cache are not among `input_tokens`.

mod error;
mod message;
mod request;
mod stream;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::body::Body;
use super::fault::Fault;
use super::knobs::Knobs;
use super::{deliver, json};
use message::Message;
use request::MessagesRequest;

/// `POST /v1/messages` and `POST /v1/messages/count_tokens`
pub(super) async fn serve(request: Request<Incoming>) -> Response<Body> {
    answer(request).await.unwrap_or_else(|fault| error::answer(&fault))
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Fault> {
    let knobs = Knobs::of(request.headers());
    let only_counts = request.uri().path().ends_with("/count_tokens");
    if !request.headers().contains_key("anthropic-version") {
        return Err(Fault::Missing("anthropic-version"));
    }
    let request = deliver::read::<MessagesRequest>(request).await?;
    if only_counts {
        knobs.fault()?;
        return Ok(json::answer(StatusCode::OK, &json!({ "input_tokens": request.prompt()?.tokens })));
    }
    let question = request.question(knobs)?;
    question.misbehave().await?;
    let message = Message::write(&request, &question);
    if request.stream() {
        return Ok(stream::answer(&question, &message));
    }
    let failure = error::body(&Fault::Failed);
    Ok(deliver::whole(&question, message.answer.tokens, &message.whole(), &failure).await)
}
