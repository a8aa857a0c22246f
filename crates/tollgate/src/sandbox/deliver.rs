//! How the answers of models travel: whole, or as server-sent events, paced, cut or ended by an error.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Fate, Question};
use super::body::{Body, Step};
use super::fault::Fault;
use super::json;

/// The largest request that is read.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The parts of a stream.
pub(super) struct Stream<P> {
    /// What comes before the first token.
    pub(super) opening: Vec<Bytes>,
    /// One event for each token.
    pub(super) tokens: P,
    /// How many tokens there are.
    pub(super) count: usize,
    /// What comes after the last token.
    pub(super) closing: Vec<Bytes>,
    /// What is said instead of the rest if the model fails midway.
    pub(super) failure: Bytes,
}

/// Reads a request.
pub(super) async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Fault> {
    if *request.method() != Method::POST {
        return Err(Fault::Method(request.method().clone(), request.uri().path().to_owned()));
    }
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|_| Fault::Unreadable)?.to_bytes();
    serde_json::from_slice(&body).map_err(Fault::Malformed)
}

/// A whole answer with so many tokens. `failure` is what is said if the model fails after it began.
pub(super) async fn whole(
    question: &Question,
    tokens: usize,
    answer: &impl Serialize,
    failure: &Value,
) -> Response<Body> {
    // Even the shortest sleep takes a millisecond.
    let gap = question.model.gap();
    if !gap.is_zero() {
        tokio::time::sleep(gap.saturating_mul(u32::try_from(tokens).unwrap_or(u32::MAX))).await;
    }
    match question.fate(tokens) {
        Fate::Whole => json::answer(StatusCode::OK, answer),
        Fate::Cut { .. } => cut_in_half(&json::encoded(answer)),
        Fate::Error { .. } => json::answer(StatusCode::OK, failure),
    }
}

fn cut_in_half(whole: &Bytes) -> Response<Body> {
    let half = Step::Send(whole.slice(..whole.len() / 2));
    let mut response = Response::new(Body::scripted([half, Step::Cut]));
    response.headers_mut().insert(CONTENT_LENGTH, whole.len().into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Server-sent events, with the gap before each token that `question` asks for.
pub(super) fn stream<P>(question: &Question, stream: Stream<P>) -> Response<Body>
where
    P: Iterator<Item = Bytes> + Send + 'static,
{
    let Stream { opening, tokens, count, closing, failure } = stream;
    let gap = question.knobs.gap.unwrap_or(question.model.gap());
    let (most, closing) = match question.fate(count) {
        Fate::Whole => (count, closing.into_iter().map(Step::Send).collect()),
        Fate::Cut { after } => (after, vec![Step::Cut]),
        Fate::Error { after } => (after, vec![Step::Send(failure)]),
    };
    let paced = tokens.take(most).flat_map(move |event| [Step::Wait(gap), Step::Send(event)]);
    let steps = opening.into_iter().map(Step::Send).chain(paced).chain(closing);

    let mut response = Response::new(Body::scripted(steps));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An event without a name.
pub(super) fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

/// An event whose name is the `type` of its data, as Anthropic and OpenAI's responses have them.
pub(super) fn named_event(data: &Value) -> Bytes {
    let name = data["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}
