//! A completion as server-sent events, one token to an event.

use std::ops::Range;
use std::time::Duration;

use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use super::completion::Completion;
use super::error::ApiError;
use crate::sandbox::body::{Body, Step};
use crate::sandbox::model::Model;
use crate::sandbox::text;

/// Streams `completion` with this gap before each token. With `with_usage`, the usage comes in an
/// event of its own at the end and all others say that it is null, as OpenAI does.
pub(super) fn answer(completion: Completion, with_usage: bool, gap: Duration) -> Response<Body> {
    let mut tokens = tokens_in_turn(&completion);
    let breaks_off = matches!(completion.model, Model::Cut | Model::ErrorAfter200);
    if breaks_off {
        tokens.truncate(tokens.len() / 2);
    }
    let events = Events::new(&completion, with_usage && completion.usage.is_some());
    let opening: Vec<_> = (0..completion.choices.len()).map(|choice| Step::Send(events.opening(choice))).collect();
    let closing = match completion.model {
        Model::Cut => vec![Step::Cut],
        Model::ErrorAfter200 => vec![Step::Send(event(&ApiError::overloaded().to_json()))],
        _ => events.closing(&completion).into_iter().map(Step::Send).collect(),
    };
    let body = tokens.into_iter().flat_map(move |(choice, range)| {
        let token = completion.choices.get(choice).and_then(|said| said.text.get(range)).unwrap_or_default();
        [Step::Wait(gap), Step::Send(events.token(choice, token))]
    });

    let mut response = Response::new(Body::scripted(opening.into_iter().chain(body).chain(closing)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Where the tokens lie: the first of each choice, then the second of each, and so on.
fn tokens_in_turn(completion: &Completion) -> Vec<(usize, Range<usize>)> {
    let mut places = Vec::new();
    for (choice, said) in completion.choices.iter().enumerate() {
        let mut start = 0;
        for (turn, token) in text::tokens(&said.text).enumerate() {
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

    fn opening(&self, choice: usize) -> bytes::Bytes {
        self.chunk(choice, r#"{"role":"assistant","content":"","refusal":null}"#, "null")
    }

    fn token(&self, choice: usize, token: &str) -> bytes::Bytes {
        let content = serde_json::to_string(token).expect("a string is always JSON");
        self.chunk(choice, &format!(r#"{{"content":{content}}}"#), "null")
    }

    fn chunk(&self, choice: usize, delta: &str, finish_reason: &str) -> bytes::Bytes {
        let Self { head, tail, .. } = self;
        format!(r#"{head}{{"index":{choice},"delta":{delta},"logprobs":null,"finish_reason":{finish_reason}}}{tail}"#)
            .into()
    }

    /// The ends of all choices, the usage if it is wanted, and the mark that nothing follows.
    fn closing(&self, completion: &Completion) -> Vec<bytes::Bytes> {
        let mut events: Vec<_> = completion
            .choices
            .iter()
            .enumerate()
            .map(|(index, choice)| self.chunk(index, "{}", &format!("{:?}", choice.finish_reason)))
            .collect();
        if let Some(usage) = completion.usage.as_ref().filter(|_| self.with_usage) {
            let usage = serde_json::to_string(usage).expect("numbers are always JSON");
            events.push(format!("{}],\"usage\":{usage}}}\n\n", self.head).into());
        }
        events.push("data: [DONE]\n\n".into());
        events
    }
}

fn event(data: &Value) -> bytes::Bytes {
    format!("data: {}\n\n", data).into()
}
