//! Answers in JSON.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use super::body::Body;

/// `value` as JSON.
pub(super) fn answer(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    text(status, "application/json", encoded(value))
}

/// The JSON of `value`.
pub(super) fn encoded(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("the sandbox's answers have string keys and no failing parts").into()
}

/// A text of this type.
pub(super) fn text(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::Whole(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An error with a sentence that says what was expected.
pub(super) fn error(status: StatusCode, message: &str) -> Response<Body> {
    answer(status, &serde_json::json!({ "error": message }))
}
