//! What went wrong, in the caller's format.

use bytes::Bytes;

use super::Format;
use super::fields::{Node, Shape};
use super::json::Json;

/// Most characters of an upstream's message that are passed on.
pub const MESSAGE_CHARS_MAX: usize = 2_000;

/// The status that errors inside a stream are given where the format wants one: the upstream failed.
pub(crate) const STREAM_STATUS: u16 = 502;

/// Says an upstream's answer with a status of 400 or more in the caller's format. Status and message are the
/// upstream's; a body that is no error of any format (an HTML page of a proxy) is replaced by a sentence.
#[must_use]
pub fn translate_error(to: Format, status: u16, body: &[u8]) -> Bytes {
    let message = Node::root(body).ok().and_then(|root| find_message(&root));
    let message = message.unwrap_or_else(|| format!("the upstream answered with status {status}"));
    let mut out = Vec::new();
    match to {
        Format::OpenAiChat | Format::OpenAiResponses => write_openai(status, &message, &mut out),
        Format::AnthropicMessages => write_messages(status, &message, &mut out),
        Format::Gemini => write_gemini(status, &message, &mut out),
    }
    out.into()
}

/// The `error.type` by which Anthropic says an HTTP status.
#[must_use]
pub const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    }
}

/// The `error.status` by which Gemini says an HTTP status: the name of a `google.rpc.Code`. Prepaid credit
/// that is used up is 402 with the code of a used-up quota there.
#[must_use]
pub const fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        402 | 429 => "RESOURCE_EXHAUSTED",
        409 => "ABORTED",
        400..=499 => "INVALID_ARGUMENT",
        502 | 503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

/// The message of an error object: `{"message": ...}` or a bare text.
pub(crate) fn message_of(error: &Node<'_>) -> String {
    let bare = || "the upstream reported an error".to_owned();
    message_in(error).unwrap_or_else(bare)
}

/// Finds the message wherever formats and compatible servers put it: `error.message`, a bare `error`,
/// `message`, `detail`, and all of these inside an array (Gemini without `alt=sse`).
fn find_message(body: &Node<'_>) -> Option<String> {
    if body.shape() == Shape::Array {
        return message_in_members(body.items().ok()?.first()?);
    }
    message_in_members(body)
}

fn message_in_members(body: &Node<'_>) -> Option<String> {
    let mut fields = body.fields().ok()?;
    let error = fields.take("error").or_else(|| fields.take("message")).or_else(|| fields.take("detail"))?;
    message_in(&error)
}

fn message_in(error: &Node<'_>) -> Option<String> {
    let text = match error.shape() {
        Shape::Text => error.text(),
        Shape::Object => error.fields().ok()?.need_text("message"),
        Shape::Array | Shape::Other => return None,
    };
    let text = text.ok().filter(|text| !text.trim().is_empty())?;
    Some(text.chars().take(MESSAGE_CHARS_MAX).collect())
}

/// OpenAI's error object, as a body and as the data of an event in a stream of chunks.
pub(crate) fn write_openai(status: u16, message: &str, out: &mut Vec<u8>) {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        402 | 429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let mut json = Json::behind(std::mem::take(out));
    json.object().key("error").object().key("message").text(message).key("type").text(kind);
    json.key("param").raw("null").key("code").raw("null").end_object().end_object();
    *out = json.into_bytes();
}

/// Anthropic's error object, as a body and as the data of an `error` event.
pub(crate) fn write_messages(status: u16, message: &str, out: &mut Vec<u8>) {
    let kind = anthropic_type(status);
    let mut json = Json::behind(std::mem::take(out));
    json.object().key("type").text("error").key("error").object().key("type").text(kind);
    json.key("message").text(message).end_object().end_object();
    *out = json.into_bytes();
}

/// Google's error object, as a body and as an element of a stream.
pub(crate) fn write_gemini(status: u16, message: &str, out: &mut Vec<u8>) {
    let kind = gemini_status(status);
    let mut json = Json::behind(std::mem::take(out));
    json.object().key("error").object().key("code").count(status.into()).key("message").text(message);
    json.key("status").text(kind).end_object().end_object();
    *out = json.into_bytes();
}
