//! Phase: what an answer used. One meter for each kind of answer.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tollgate_core::meter::{Meter, MeterSet, Usage, UsageSource};
use tollgate_meter::endpoint::Endpoint;
use tollgate_meter::request::{Delivery, LlmRequest, UsageChunk};
use tollgate_meter::stream::{Ending, HideUsage, StreamMeter, counted_usage_of_body};
use tollgate_meter::tokens::{self, Encoding, Tokenizer};
use tollgate_meter::usage::{BadUsage, charged, usage_of_body};
use tracing::warn;

use crate::limits::COUNT_INLINE_BYTES;
use crate::mcp::McpMeter;

/// What an answer used, and where the figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metered {
    pub(crate) usage: Usage,
    pub(crate) source: UsageSource,
}

/// What is known of a model request when its answer is metered.
#[derive(Debug)]
pub(crate) struct ModelFacts {
    pub(crate) request: Arc<LlmRequest>,
    pub(crate) model: Box<str>,
    /// The most that the prompt can have.
    pub(crate) prompt_tokens: u64,
    /// What was believed to be the most; stands in if nothing better is known.
    pub(crate) bound: Usage,
    /// What the price that applies has rates for.
    pub(crate) priced: MeterSet,
    /// The tokens of a large prompt, once they were counted.
    pub(crate) counted: Option<u64>,
    /// The endpoint that answers; its format may be another one than the caller's.
    pub(crate) endpoint: Endpoint,
}

/// Meters one answer.
#[derive(Debug)]
pub(crate) enum AnswerMeter {
    /// A REST answer: calls, bytes, time.
    Rest,
    /// A model's answer in one piece.
    Model(ModelFacts),
    /// A model's answer as events.
    ModelStream(Box<StreamMeter>, ModelFacts),
    /// The answer of an MCP server, whole or as events.
    Mcp(Box<McpMeter>),
}

/// A prompt that takes too long to be counted on a core: it is large, or the vocabulary is still to be loaded.
#[derive(Debug)]
pub(crate) struct UncountedPrompt {
    request: Arc<LlmRequest>,
    model: Box<str>,
}

impl UncountedPrompt {
    pub(crate) fn count(&self) -> u64 {
        self.request.count_prompt_tokens(&self.model)
    }
}

impl ModelFacts {
    /// The tokens of the prompt, counted: what was held for is only the most they can be.
    fn counted_prompt(&self) -> u64 {
        self.counted.unwrap_or_else(|| self.request.count_prompt_tokens(&self.model)).min(self.prompt_tokens)
    }

    /// Whether counting its prompt would hold up everybody else on the core.
    fn is_slow_to_count(&self) -> bool {
        let is_long = self.request.prompt().tokens_max(0) > COUNT_INLINE_BYTES;
        self.counted.is_none() && (is_long || !tokens::is_loaded(self.encoding()))
    }

    fn encoding(&self) -> Encoding {
        Tokenizer::of_model(&self.model).encoding
    }

    /// What an answer used that reports this of itself; where it reports nothing that can be believed,
    /// what `counted` finds in its text, or what the request alone decides.
    fn metered(&self, reported: Result<Option<Usage>, BadUsage>, counted: impl FnOnce() -> Usage) -> Metered {
        let reported = reported.unwrap_or_else(|error| {
            warn!(model = &*self.model, %error, "An upstream reported impossible usage; counting instead");
            None
        });
        let (usage, source) = match (reported, self.request.usage_by_request()) {
            (Some(usage), own) => (usage.max(&own.unwrap_or_default()), UsageSource::Reported),
            (None, Some(own)) => (own, UsageSource::Reported),
            (None, None) if self.has_text() => (counted(), UsageSource::Counted),
            (None, None) => return self.estimated(),
        };
        match charged(self.endpoint, usage, self.priced) {
            Some(usage) => Metered { usage, source },
            None => self.estimated(),
        }
    }

    fn estimated(&self) -> Metered {
        Metered { usage: self.bound, source: UsageSource::Estimated }
    }

    /// Whether counting the text of an answer says what it used: what pictures and sound take stands
    /// nowhere else than in a report.
    fn has_text(&self) -> bool {
        !matches!(self.endpoint, Endpoint::ImageGenerations | Endpoint::AudioTranscriptions | Endpoint::AudioSpeech)
    }
}

impl AnswerMeter {
    /// The meter for the answer to a model request.
    pub(crate) fn of_model(request: &LlmRequest, facts: ModelFacts, headers: &HeaderMap) -> Self {
        let is_stream = request.delivery() == Delivery::Streamed && is_event_stream(headers);
        if !is_stream {
            return Self::Model(facts);
        }
        let hide = match request.usage_chunk() {
            UsageChunk::Asked => HideUsage::No,
            UsageChunk::NotAsked => HideUsage::Yes,
        };
        Self::ModelStream(Box::new(StreamMeter::new(facts.endpoint, hide)), facts)
    }

    /// Whether the answer must be read whole to be metered.
    pub(crate) fn needs_whole(&self) -> bool {
        match self {
            Self::Rest | Self::ModelStream(..) => false,
            Self::Model(_) => true,
            Self::Mcp(meter) => meter.needs_whole(),
        }
    }

    /// Takes a whole answer and gives what the caller gets of it. The error says what is wrong with it.
    pub(crate) fn whole(&mut self, body: Bytes) -> Result<Bytes, &'static str> {
        match self {
            Self::Rest | Self::Model(_) | Self::ModelStream(..) => Ok(body),
            Self::Mcp(meter) => meter.whole(body),
        }
    }

    /// Whether nothing is owed for the answer, now that it has come.
    pub(crate) fn is_free(&self) -> bool {
        match self {
            Self::Rest | Self::Model(_) | Self::ModelStream(..) => false,
            Self::Mcp(meter) => meter.is_free(),
        }
    }

    /// Whether the answer becomes shorter or longer on its way.
    pub(crate) const fn changes_length(&self) -> bool {
        matches!(self, Self::ModelStream(..))
    }

    /// What is still to be counted before the answer can be metered, and is too much to be counted here:
    /// a large prompt to which the upstream reported no usage. `body` is the answer, if it is whole.
    pub(crate) fn uncounted_prompt(&self, body: Option<&[u8]>) -> Option<UncountedPrompt> {
        let (facts, is_reported) = match self {
            Self::Rest | Self::Mcp(_) => return None,
            Self::Model(facts) => (facts, matches!(usage_of_body(facts.endpoint, body?), Ok(Some(_)))),
            Self::ModelStream(meter, facts) => {
                (facts, meter.reported_prompt().is_some() || matches!(meter.reported_usage(), Ok(Some(_))))
            }
        };
        let request = Arc::clone(&facts.request);
        (facts.has_text() && facts.is_slow_to_count() && !is_reported)
            .then(|| UncountedPrompt { request, model: facts.model.clone() })
    }

    /// The tokens of the large prompt.
    pub(crate) fn set_counted(&mut self, tokens: u64) {
        match self {
            Self::Rest | Self::Mcp(_) => (),
            Self::Model(facts) | Self::ModelStream(_, facts) => facts.counted = Some(tokens),
        }
    }

    /// Counts a large prompt on another thread, if that is needed to meter the answer.
    pub(crate) async fn count_prompt(&mut self, body: Option<&[u8]>) {
        if let Some(prompt) = self.uncounted_prompt(body) {
            // If the count fails the bound stands.
            let counted = tokio::task::spawn_blocking(move || prompt.count()).await;
            self.set_counted(counted.unwrap_or(u64::MAX));
        }
    }

    /// Takes a frame and gives what may go to the caller now. An error means that the stream cannot be
    /// metered any further.
    pub(crate) fn push(&mut self, frame: Bytes) -> Result<Bytes, &'static str> {
        match self {
            Self::Rest | Self::Model(_) => Ok(frame),
            Self::ModelStream(meter, _) => {
                meter.push(frame).map_err(|_| "an event of the stream is too large to be metered")
            }
            Self::Mcp(meter) => meter.push(frame),
        }
    }

    /// Whether nothing that matters can follow.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Rest | Self::Model(_) => false,
            Self::ModelStream(meter, _) => meter.is_done(),
            Self::Mcp(meter) => meter.is_done(),
        }
    }

    /// The bytes that were held back at the end of a stream.
    pub(crate) fn finish(&mut self) -> Bytes {
        match self {
            Self::Rest | Self::Model(_) => Bytes::new(),
            Self::ModelStream(meter, _) => meter.finish(),
            Self::Mcp(meter) => meter.finish(),
        }
    }

    /// Whether a stream that has ended is a whole answer.
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::Rest | Self::Model(_) => true,
            Self::ModelStream(meter, _) => meter.ending() == Ending::Complete,
            Self::Mcp(meter) => meter.is_complete(),
        }
    }

    /// Whether the stream has produced anything that is worth money, given how many bytes were passed on.
    pub(crate) fn has_output(&self, bytes_out: u64) -> bool {
        match self {
            Self::Rest | Self::Model(_) => bytes_out > 0,
            Self::Mcp(meter) => meter.is_complete(),
            Self::ModelStream(meter, _) => {
                meter.text_bytes() > 0 || matches!(meter.reported_usage(), Ok(Some(_)) | Err(_))
            }
        }
    }

    /// What a stream used, as far as it came.
    pub(crate) fn of_stream(&self) -> Metered {
        match self {
            Self::Rest => Metered { usage: Usage::NONE, source: UsageSource::Reported },
            Self::Mcp(meter) => meter.metered(),
            Self::Model(facts) => facts.estimated(),
            Self::ModelStream(meter, facts) => {
                let prompt = || if meter.reported_prompt().is_some() { 0 } else { facts.counted_prompt() };
                facts.metered(meter.reported_usage(), || meter.counted_usage(prompt(), facts.encoding()))
            }
        }
    }

    /// What a whole answer used.
    pub(crate) fn of_whole(&self, body: &[u8]) -> Metered {
        let Self::Model(facts) = self else { return self.of_stream() };
        let endpoint = facts.endpoint;
        facts.metered(usage_of_body(endpoint, body), || {
            counted_usage_of_body(endpoint, body, facts.counted_prompt(), facts.encoding())
        })
    }
}

impl Metered {
    /// With what Tollgate itself saw of the call.
    pub(crate) fn with_call(mut self, bytes_in: u64, bytes_out: u64, compute_ms: u64) -> Self {
        self.usage = self
            .usage
            .with(Meter::Calls, 1)
            .with(Meter::BytesIn, bytes_in)
            .with(Meter::BytesOut, bytes_out)
            .with(Meter::ComputeMs, compute_ms);
        self
    }
}

pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    /// What is held for a prompt of these tests.
    const HELD: u64 = 50_000;

    /// The meter of an answer to `prompt`, as events or in one piece.
    fn meter(prompt: &str, delivery: Delivery) -> AnswerMeter {
        let is_stream = delivery == Delivery::Streamed;
        let body =
            json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": prompt }], "stream": is_stream });
        let request = Arc::new(
            LlmRequest::parse(Endpoint::ChatCompletions, "application/json", body.to_string().into()).unwrap(),
        );
        let facts = ModelFacts {
            request: Arc::clone(&request),
            model: "gpt-4o".into(),
            prompt_tokens: HELD,
            bound: Usage::ONE_CALL,
            endpoint: Endpoint::ChatCompletions,
            priced: MeterSet::TOKENS,
            counted: None,
        };
        let kind = if is_stream { "text/event-stream" } else { "application/json" };
        AnswerMeter::of_model(&request, facts, &[(CONTENT_TYPE, HeaderValue::from_static(kind))].into_iter().collect())
    }

    fn event(choices: &serde_json::Value, usage: &serde_json::Value) -> Bytes {
        let chunk = json!({ "id": "c", "object": "chat.completion.chunk", "choices": choices, "usage": usage });
        format!("data: {chunk}\n\n").into()
    }

    fn said(text: &str) -> Bytes {
        event(&json!([{ "index": 0, "delta": { "role": "assistant", "content": text } }]), &json!(null))
    }

    fn reported() -> serde_json::Value {
        json!({ "prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10 })
    }

    #[test]
    fn a_large_prompt_is_counted_elsewhere_and_only_if_nobody_says_what_was_used() {
        let large = "Who keeps the light? ".repeat(2_000);
        let mut stream = meter(&large, Delivery::Streamed);
        stream.push(said("Nobody.")).unwrap();
        let counted = stream.uncounted_prompt(None).unwrap().count();
        stream.set_counted(counted);
        assert!(stream.uncounted_prompt(None).is_none());
        assert_eq!(stream.of_stream().usage.get(Meter::InputTokens), counted);
        assert_eq!(stream.of_stream().source, UsageSource::Counted);

        let mut stream = meter(&large, Delivery::Streamed);
        stream.push(event(&json!([]), &reported())).unwrap();
        assert!(stream.uncounted_prompt(None).is_none());
        assert_eq!(stream.of_stream().usage.get(Meter::InputTokens), 9);

        let whole = meter(&large, Delivery::Whole);
        assert!(whole.uncounted_prompt(Some(br#"{"choices":[]}"#)).is_some());
        assert!(whole.uncounted_prompt(Some(json!({ "usage": reported() }).to_string().as_bytes())).is_none());
        assert!(AnswerMeter::Rest.uncounted_prompt(None).is_none());
    }

    #[test]
    fn a_prompt_that_could_not_be_counted_is_what_was_held_for() {
        let mut stream = meter("Who keeps the light?", Delivery::Streamed);
        stream.push(said("Nobody.")).unwrap();
        stream.set_counted(u64::MAX);
        assert_eq!(stream.of_stream().usage.get(Meter::InputTokens), HELD);
    }

    #[test]
    fn nothing_is_owed_for_an_answer_that_has_not_begun() {
        assert!(!AnswerMeter::Rest.has_output(0));
        assert!(AnswerMeter::Rest.has_output(1));
        let mut stream = meter("Who keeps the light?", Delivery::Streamed);
        stream.push(said("")).unwrap();
        assert!(!stream.has_output(200), "the opening says who speaks, and nothing yet");
        stream.push(said("N")).unwrap();
        assert!(stream.has_output(400));
    }

    #[test]
    fn only_a_stream_of_events_has_another_length_than_its_upstream_says() {
        assert!(meter("Hi", Delivery::Streamed).changes_length());
        assert!(!meter("Hi", Delivery::Whole).changes_length());
        assert!(!AnswerMeter::Rest.changes_length());
    }
}
