//! A language model that speaks the OpenAI format.
//!
//! The answer follows from the prompt alone: the same messages get the same text, streamed or not.
//! The usage is counted from that text (see [`super::text`] for what a token is); the prompt costs its
//! text plus three tokens a message and three for the answer's opening, and 85 for every part
//! that is not text. From 1,024 prompt tokens on, all whole blocks of 128 but the last token's
//! count as cached. `n`, `max_tokens`, `max_completion_tokens`, `stop` and
//! `stream_options.include_usage` do what they do at OpenAI; other parameters are accepted and ignored.
//!
//! | model | behaviour |
//! |---|---|
//! | `sandbox-small` | 16 to 48 tokens |
//! | `sandbox-large` | 80 to 200 tokens |
//! | `sandbox-reasoning` | reports reasoning tokens beside the text; the output bound covers both |
//! | `sandbox-no-usage` | never says what it used |
//! | `sandbox-wrong-usage` | negative and absurd usage |
//! | `sandbox-error-500` | always an error |
//! | `sandbox-cut` | closes the connection in the middle of the answer |
//! | `sandbox-slow` | 100 ms before each token |
//! | `sandbox-hang` | no answer, ever |
//! | `sandbox-error-after-200` | an error inside a stream that had begun well |
//! | `sandbox-echo` | the last user message, word for word |
//! | `sandbox-embedding` | for embeddings; they follow from the words of the input |
//!
//! Every model answers on both endpoints. Two request headers shape chat streams for tests and the
//! bench: `x-sandbox-chunks` is the number of tokens, one to a chunk, before `max_tokens` and `stop` apply;
//! `x-sandbox-chunk-gap-ms` the wait before each.

mod completion;
mod embeddings;
mod error;
mod request;
mod stream;
mod usage;

use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tollgate_core::time::Timestamp;

use super::body::{Body, Step};
use super::json;
use super::model::Model;
use completion::Completion;
use error::ApiError;
use request::{ChatRequest, Shape};

/// The largest request that is read.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// When the models came into being.
const MODELS_CREATED: i64 = 1_767_225_600;

/// `POST /v1/chat/completions`
pub(super) async fn chat_completions(request: Request<Incoming>, now: Timestamp) -> Response<Body> {
    let shape = Shape::of(request.headers());
    match read::<ChatRequest>(request).await {
        Ok(request) => complete(&request, shape, now).await.unwrap_or_else(ApiError::into_response),
        Err(error) => error.into_response(),
    }
}

async fn complete(request: &ChatRequest, shape: Shape, now: Timestamp) -> Result<Response<Body>, ApiError> {
    let model = request.model()?;
    let completion = Completion::write(model, request, shape, now)?;
    misbehave(model).await?;
    if request.stream() {
        return Ok(stream::answer(completion, request.wants_usage(), shape.gap.unwrap_or(model.gap())));
    }
    // Even the shortest sleep takes a millisecond.
    if !model.gap().is_zero() {
        tokio::time::sleep(model.gap() * completion.visible_tokens()).await;
    }
    Ok(match model {
        Model::Cut => cut_in_half(&completion.to_wire()),
        Model::ErrorAfter200 => json::answer(StatusCode::OK, &ApiError::overloaded().to_json()),
        _ => json::answer(StatusCode::OK, &completion.to_wire()),
    })
}

/// What goes wrong before there is an answer.
async fn misbehave(model: Model) -> Result<(), ApiError> {
    match model {
        Model::Error500 => Err(ApiError::overloaded()),
        Model::Hang => std::future::pending().await,
        _ => Ok(()),
    }
}

fn cut_in_half(answer: &impl Serialize) -> Response<Body> {
    let whole = json::encoded(answer);
    let half = Step::Send(whole.slice(..whole.len() / 2));
    let mut response = Response::new(Body::scripted([half, Step::Cut]));
    response.headers_mut().insert(CONTENT_LENGTH, whole.len().into());
    response
}

/// `POST /v1/embeddings`
pub(super) async fn embeddings(request: Request<Incoming>) -> Response<Body> {
    match read::<embeddings::EmbeddingsRequest>(request).await {
        Ok(request) => match request.answer().await {
            Ok(answer) => json::answer(StatusCode::OK, &answer),
            Err(error) => error.into_response(),
        },
        Err(error) => error.into_response(),
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
        None => ApiError::model_not_found(id).into_response(),
    }
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, ApiError> {
    if *request.method() != Method::POST {
        return Err(ApiError::method_not_allowed(request.method(), request.uri().path()));
    }
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|_| ApiError::unreadable())?.to_bytes();
    serde_json::from_slice(&body).map_err(|error| ApiError::malformed(&error))
}
