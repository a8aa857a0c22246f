//! A language model that speaks the OpenAI formats: chat completions, responses, embeddings.
//!
//! `n`, `max_tokens`, `max_completion_tokens`, `max_output_tokens`, `stop`, `tools`, `tool_choice = "none"` and
//! `stream_options.include_usage` do what they do at OpenAI; other parameters are accepted and ignored. From
//! 1,024 prompt tokens on, all whole blocks of 128 but the last token's count as cached.

mod completion;
mod embeddings;
mod error;
mod request;
mod responses;
mod stream;
mod usage;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tollgate_core::time::Timestamp;

use super::body::Body;
use super::fault::Fault;
use super::knobs::Knobs;
use super::model::Model;
use super::{deliver, json};
use completion::Completion;
use embeddings::EmbeddingsRequest;
use request::ChatRequest;

pub(super) use responses::responses;

/// When the models came into being.
const MODELS_CREATED: i64 = 1_767_225_600;

/// `POST /v1/chat/completions`
pub(super) async fn chat_completions(request: Request<Incoming>, now: Timestamp) -> Response<Body> {
    let knobs = Knobs::of(request.headers());
    match deliver::read::<ChatRequest>(request).await {
        Ok(request) => complete(&request, knobs, now).await.unwrap_or_else(|fault| error::answer(&fault)),
        Err(fault) => error::answer(&fault),
    }
}

async fn complete(request: &ChatRequest, knobs: Knobs, now: Timestamp) -> Result<Response<Body>, Fault> {
    let question = request.question(knobs)?;
    let completion = Completion::write(request, &question, now)?;
    question.misbehave().await?;
    if request.stream() {
        return Ok(stream::answer(&question, completion, request.wants_usage()));
    }
    let failure = error::body(&Fault::Failed);
    Ok(deliver::whole(&question, completion.visible_tokens(), &completion.to_wire(), &failure).await)
}

/// `POST /v1/embeddings`
pub(super) async fn embeddings(request: Request<Incoming>) -> Response<Body> {
    let knobs = Knobs::of(request.headers());
    let answer = match deliver::read::<EmbeddingsRequest>(request).await {
        Ok(request) => request.answer(&knobs).await,
        Err(fault) => Err(fault),
    };
    match answer {
        Ok(answer) => json::answer(StatusCode::OK, &answer),
        Err(fault) => error::answer(&fault),
    }
}

/// `GET /v1/models` and `GET /v1/models/{id}`
pub(super) fn models(id: &str) -> Response<Body> {
    let describe =
        |name: &str| json!({ "id": name, "object": "model", "created": MODELS_CREATED, "owned_by": "sandbox" });
    match Model::named(id) {
        Some(_) => json::answer(StatusCode::OK, &describe(id)),
        None if id.is_empty() => {
            let all: Vec<_> = Model::ALL.iter().map(|(name, _)| describe(name)).collect();
            json::answer(StatusCode::OK, &json!({ "object": "list", "data": all }))
        }
        None => error::answer(&Fault::UnknownModel(id.to_owned())),
    }
}
