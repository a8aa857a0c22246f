//! A message as server-sent events, one token to an event.

use http::Response;
use serde_json::json;

use super::error;
use super::message::Message;
use crate::sandbox::answer::{Question, Said};
use crate::sandbox::body::Body;
use crate::sandbox::deliver::{self, Stream, named_event};
use crate::sandbox::fault::Fault;
use crate::sandbox::text;

/// Streams `message`: the usage of the prompt comes first, that of the answer at the end.
pub(super) fn answer(question: &Question, message: &Message) -> Response<Body> {
    let opening = [
        json!({ "type": "message_start", "message": message.opened() }),
        json!({ "type": "content_block_start", "index": 0, "content_block": message.opened_block() }),
        json!({ "type": "ping" }),
    ];
    let mut end = json!({ "type": "message_delta", "delta": message.end() });
    if let Some(usage) = message.usage(message.answer.tokens + message.answer.reasoning_tokens) {
        end["usage"] = usage;
    }
    let closing = [json!({ "type": "content_block_stop", "index": 0 }), end, json!({ "type": "message_stop" })];
    let (kind, member) = match message.answer.said {
        Said::Text(_) => ("text_delta", "text"),
        Said::Call(_) => ("input_json_delta", "partial_json"),
    };
    let text = message.answer.text();
    let tokens = text::into_tokens(text.to_owned()).map(move |token| {
        let delta = json!({ "type": kind, member: token });
        named_event(&json!({ "type": "content_block_delta", "index": 0, "delta": delta }))
    });
    let stream = Stream {
        opening: opening.iter().map(named_event).collect(),
        tokens,
        count: text::token_count(text),
        closing: closing.iter().map(named_event).collect(),
        failure: named_event(&error::body(&Fault::Failed)),
    };
    deliver::stream(question, stream)
}
