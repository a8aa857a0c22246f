//! What a request asks for, read in one pass over its body.
//!
//! The body is never rebuilt. [`LlmRequest`] keeps it together with the few figures that decide and
//! price the request and the places where they stand; [`LlmRequest::rewritten`] splices new values
//! into those places, so that everything else reaches the upstream byte for byte.

mod count;
mod draft;
mod names;
mod prompt;
mod rewrite;

use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;
use tollgate_core::meter::{Meter, MeterSet};

use super::Endpoint;
use crate::json_guard::{self, BadBody};

use draft::Draft;
pub use names::METERED;
pub use prompt::{ATTACHMENT_TOKENS_MAX, PromptSize, image_tokens_max};
pub use rewrite::{AskForUsage, Edits, OutputField};

/// Most answers that one request may ask for (`n`, `best_of`).
pub const CHOICES_MAX: u64 = 128;
/// Most prompts in one request to the completions or embeddings endpoint.
pub const PROMPTS_MAX: u64 = 2_048;
/// Largest output bound that is believed.
pub const OUTPUT_BOUND_MAX: u64 = 1 << 31;
/// Longest model name in bytes.
pub const MODEL_LEN_MAX: usize = 256;

/// How the answer is to arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// As one JSON document.
    #[default]
    Whole,
    /// As server-sent events.
    Streamed,
}

/// Whether the caller asked for the chunk that reports usage at the end of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UsageChunk {
    /// No: it must be hidden from the caller when Tollgate asks for it.
    #[default]
    NotAsked,
    /// Yes (`stream_options.include_usage` is true).
    Asked,
}

/// A request in the OpenAI format, checked and measured.
#[derive(Debug, Clone)]
pub struct LlmRequest {
    endpoint: Endpoint,
    body: Bytes,
    model: Box<str>,
    delivery: Delivery,
    usage_chunk: UsageChunk,
    output_bound: Option<u64>,
    choices: u64,
    generations: u64,
    prompt: PromptSize,
    hosted_tool: Option<&'static str>,
    voice: Voice,
    places: Places,
}

/// Whether the answer may be spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Voice {
    #[default]
    Silent,
    Spoken,
}

/// Where the values stand that an edit may replace; offsets into the body.
#[derive(Debug, Clone, Default)]
struct Places {
    /// Behind the opening brace, where new members go.
    first_member: usize,
    model: Range<usize>,
    /// Every output bound that is there, also null ones.
    output_bounds: Vec<(OutputField, Range<usize>)>,
    stream_options: StreamOptions,
}

/// The form in which `stream_options` is there.
#[derive(Debug, Clone, Default)]
enum StreamOptions {
    #[default]
    Absent,
    /// `null`.
    Null(Range<usize>),
    /// An object without `include_usage`: where its first member goes, and whether others follow.
    WithoutUsage { first_member: usize, others: Others },
    /// An object with `include_usage`, whose value stands here.
    WithUsage(Range<usize>),
}

/// Whether an object has members besides the one in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    None,
    Some,
}

impl LlmRequest {
    /// Reads and checks `body`.
    ///
    /// # Errors
    /// [`BadBody`] for everything that [`json_guard::check`] refuses with the names in [`METERED`],
    /// for members that only a server may set (`api_base`, `mock_response`, ...) or that choose what
    /// is not priced (`models`, `fallbacks`, a dearer `service_tier`), and for values of metered
    /// members that are not what the format says.
    pub fn parse(endpoint: Endpoint, body: Bytes) -> Result<Self, BadBody> {
        let mut draft = Draft::new(endpoint);
        json_guard::members_of_body(&body, METERED, |scanner, member| draft.member(scanner, member))?;
        draft.finish(body.clone())
    }

    /// The endpoint that was asked.
    #[must_use]
    pub const fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The body as the caller sent it.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The model that the caller named: 1 to 256 bytes without control characters.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether the answer is to be streamed.
    #[must_use]
    pub const fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Whether the caller asked for the usage chunk.
    #[must_use]
    pub const fn usage_chunk(&self) -> UsageChunk {
        self.usage_chunk
    }

    /// The most tokens that the caller wants per answer. Where `max_completion_tokens` and
    /// `max_tokens` are both given, the larger, because upstreams differ in which one they obey.
    #[must_use]
    pub const fn output_bound(&self) -> Option<u64> {
        self.output_bound
    }

    /// Answers per prompt that the caller receives (`n`), at least 1.
    #[must_use]
    pub const fn choices(&self) -> u64 {
        self.choices
    }

    /// Answers that the upstream generates, each up to the output bound: the larger of `n` and
    /// `best_of`, times the prompts. 0 for embeddings.
    #[must_use]
    pub const fn generations(&self) -> u64 {
        self.generations
    }

    /// The size of the prompt, before any counting.
    #[must_use]
    pub const fn prompt(&self) -> &PromptSize {
        &self.prompt
    }

    /// The meters that the prompt's tokens can fall to; which of them is known only afterwards, so a
    /// hold takes the dearest. Writes to a cache of an hour happen only where the body asks for a `ttl`.
    #[must_use]
    pub fn prompt_meters(&self) -> MeterSet {
        let mut meters =
            MeterSet::of(Meter::InputTokens).with(Meter::CachedInputTokens).with(Meter::CacheWrite5mTokens);
        if self.prompt.audio > 0 {
            meters = meters.with(Meter::AudioInputTokens);
        }
        if memmem::find(&self.body, b"\"ttl\"").is_some() {
            meters = meters.with(Meter::CacheWrite1hTokens);
        }
        meters
    }

    /// The meters that the generated tokens can fall to.
    #[must_use]
    pub const fn answer_meters(&self) -> MeterSet {
        let meters = MeterSet::of(Meter::OutputTokens).with(Meter::ReasoningTokens);
        match self.voice {
            Voice::Silent => meters,
            Voice::Spoken => meters.with(Meter::AudioOutputTokens),
        }
    }

    /// The member that makes the upstream run tools of its own which cost per use
    /// (`web_search_options`, ...), if there is one. They are not in the token usage.
    #[must_use]
    pub const fn hosted_tool(&self) -> Option<&'static str> {
        self.hosted_tool
    }
}

#[cfg(test)]
mod tests;
