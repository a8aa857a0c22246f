//! A completion as server-sent events, one token to an event.

use std::ops::Range;

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::completion::{Completion, finish_reason};
use super::error;
use crate::sandbox::answer::{Answer, Question, Said};
use crate::sandbox::body::Body;
use crate::sandbox::deliver::{self, Stream, event};
use crate::sandbox::fault::Fault;
use crate::sandbox::text;

/// Streams `completion`. With `with_usage`, the usage comes in an event of its own at the end and all others
/// say that it is null, as OpenAI does.
pub(super) fn answer(question: &Question, completion: Completion, with_usage: bool) -> Response<Body> {
    let places = tokens_in_turn(&completion);
    let count = places.len();
    let events = Events::new(&completion, with_usage && completion.usage.is_some());
    let indices = 0..completion.choices.len();
    let opening = indices.zip(&completion.choices).map(|(index, said)| events.opening(&completion, index, said));
    let opening = opening.collect();
    let closing = events.closing(&completion);
    let tokens = places.into_iter().filter_map(move |(index, range)| {
        let said = completion.choices.get(index)?;
        Some(events.token(index, said, said.text().get(range)?))
    });
    let failure = event(&error::body(&Fault::Failed));
    deliver::stream(question, Stream { opening, tokens, count, closing, failure })
}

/// Where the tokens lie: the first of each choice, then the second of each, and so on.
fn tokens_in_turn(completion: &Completion) -> Vec<(usize, Range<usize>)> {
    let mut places = Vec::new();
    for (choice, said) in completion.choices.iter().enumerate() {
        let mut start = 0;
        for (turn, token) in text::tokens(said.text()).enumerate() {
            places.push((turn, choice, start..start + token.len()));
            start += token.len();
        }
    }
    places.sort_by_key(|&(turn, choice, _)| (turn, choice));
    places.into_iter().map(|(_, choice, range)| (choice, range)).collect()
}

/// The parts that all events of a stream have in common.
struct Events {
    /// From `data: ` up to the choices.
    head: String,
    /// From behind the choices to the empty line.
    tail: &'static str,
    with_usage: bool,
}

impl Events {
    fn new(completion: &Completion, with_usage: bool) -> Self {
        let Completion { id, created, model_name, .. } = completion;
        let model = Value::from(model_name.as_str());
        let head = format!(
            r#"data: {{"id":"{id}","object":"chat.completion.chunk","created":{created},"model":{model},"service_tier":"default","system_fingerprint":"fp_sandbox","choices":["#
        );
        let tail = if with_usage { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        Self { head, tail, with_usage }
    }

    fn opening(&self, completion: &Completion, index: usize, answer: &Answer) -> Bytes {
        match &answer.said {
            Said::Text(_) => self.chunk(index, r#"{"role":"assistant","content":"","refusal":null}"#, "null"),
            Said::Call(call) => {
                let function = json!({ "name": call.name, "arguments": "" });
                let id = completion.call_id(index);
                let calls = json!([{ "index": 0, "id": id, "type": "function", "function": function }]);
                let delta = json!({ "role": "assistant", "content": null, "tool_calls": calls });
                self.chunk(index, &delta.to_string(), "null")
            }
        }
    }

    fn token(&self, index: usize, answer: &Answer, token: &str) -> Bytes {
        let token = Value::from(token);
        match &answer.said {
            Said::Text(_) => self.chunk(index, &format!(r#"{{"content":{token}}}"#), "null"),
            Said::Call(_) => {
                let delta = format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":{token}}}}}]}}"#);
                self.chunk(index, &delta, "null")
            }
        }
    }

    fn chunk(&self, choice: usize, delta: &str, finish_reason: &str) -> Bytes {
        let Self { head, tail, .. } = self;
        format!(r#"{head}{{"index":{choice},"delta":{delta},"logprobs":null,"finish_reason":{finish_reason}}}{tail}"#)
            .into()
    }

    /// The ends of all choices, the usage if it is wanted, and the mark that nothing follows.
    fn closing(&self, completion: &Completion) -> Vec<Bytes> {
        let ends = completion.choices.iter().map(|choice| finish_reason(&choice.end)).enumerate();
        let mut events: Vec<_> = ends.map(|(index, end)| self.chunk(index, "{}", &format!("{end:?}"))).collect();
        if let Some(usage) = completion.usage.as_ref().filter(|_| self.with_usage) {
            let usage = serde_json::to_string(usage).expect("numbers are always JSON");
            events.push(format!("{}],\"usage\":{usage}}}\n\n", self.head).into());
        }
        events.push("data: [DONE]\n\n".into());
        events
    }
}
