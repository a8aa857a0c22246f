//! A response as server-sent events, one token to an event.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::super::error;
use super::{Written, part};
use crate::sandbox::answer::{Question, Said};
use crate::sandbox::body::Body;
use crate::sandbox::deliver::{self, Stream, named_event};
use crate::sandbox::fault::Fault;
use crate::sandbox::text;

/// Streams `written`, with the usage in the last event.
pub(super) fn answer(question: &Question, written: Written, usage: Value) -> Response<Body> {
    let progress = json!("in_progress");
    let item = written.item("", &progress);
    let item_id = item["id"].clone();
    let mut opening = vec![
        json!({ "type": "response.created", "response": written.frame }),
        json!({ "type": "response.in_progress", "response": written.frame }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": item }),
    ];
    let text = written.answer.text();
    let (kind, place, mut closing) = match &written.answer.said {
        Said::Text(_) => {
            let place = json!({ "item_id": item_id, "output_index": 0, "content_index": 0 });
            opening.push(with(&place, &[("type", json!("response.content_part.added")), ("part", part(""))]));
            let text_done =
                [("type", json!("response.output_text.done")), ("text", json!(text)), ("logprobs", json!([]))];
            let part_done = [("type", json!("response.content_part.done")), ("part", part(text))];
            let closing = vec![with(&place, &text_done), with(&place, &part_done)];
            ("response.output_text.delta", place, closing)
        }
        Said::Call(call) => {
            let place = json!({ "item_id": item_id, "output_index": 0 });
            let done = [
                ("type", json!("response.function_call_arguments.done")),
                ("name", json!(call.name)),
                ("arguments", json!(text)),
            ];
            let closing = vec![with(&place, &done)];
            ("response.function_call_arguments.delta", place, closing)
        }
    };
    let ended = written.ended(usage);
    let item = written.item(text, &ended["status"]);
    closing.push(json!({ "type": "response.output_item.done", "output_index": 0, "item": item }));
    let end = if ended["status"] == "incomplete" { "response.incomplete" } else { "response.completed" };
    closing.push(json!({ "type": end, "response": ended }));

    let (first, count) = (opening.len(), text::token_count(text));
    let tokens = text::into_tokens(text.to_owned()).enumerate().map(move |(index, token)| {
        let delta = [("type", json!(kind)), ("delta", json!(token)), ("sequence_number", json!(first + index))];
        named_event(&with(&place, &delta))
    });
    let (message, _, _) = error::words(&Fault::Failed);
    let failure = json!({ "type": "error", "code": "server_error", "message": message, "param": null });
    let stream = Stream {
        opening: numbered(0, opening),
        tokens,
        count,
        closing: numbered(first + count, closing),
        failure: numbered(first + count / 2, vec![failure]).concat().into(),
    };
    deliver::stream(question, stream)
}

/// `place` with further members.
fn with(place: &Value, members: &[(&str, Value)]) -> Value {
    let mut event = place.clone();
    for (name, value) in members {
        event[*name] = value.clone();
    }
    event
}

/// Events with their numbers, from `first` on.
fn numbered(first: usize, events: Vec<Value>) -> Vec<Bytes> {
    let numbers = first..;
    let number = |(number, event): (usize, Value)| named_event(&with(&event, &[("sequence_number", json!(number))]));
    numbers.zip(events).map(number).collect()
}
