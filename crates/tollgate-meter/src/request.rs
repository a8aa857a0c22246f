//! What a request asks for, read in one pass over its body.
//!
//! The body is never rebuilt. [`LlmRequest`] keeps it together with the few figures that decide and
//! price the request and the places where they stand; [`LlmRequest::rewritten`] splices new values
//! into those places, so that everything else reaches the upstream byte for byte.
//!
//! What makes a request impossible to bound or to price is refused with the name of the field: state
//! that the provider keeps (`previous_response_id`, `cachedContent`), tools that it runs and charges per
//! use, service tiers without a price.

mod bound;
mod count;
mod draft;
mod names;
mod prompt;
mod rewrite;
mod values;
mod variant;

use std::ops::Range;

use bytes::Bytes;
use tollgate_core::meter::{MeterSet, Usage};

use crate::endpoint::{BodyKind, Endpoint, Target};
use crate::json_guard::{self, BadBody};
use crate::openai::{chat, media, responses, transcription};
use crate::{anthropic, gemini};

pub(crate) use draft::Draft;
pub(crate) use names::{is_outside_prompt, refuse_server_only};
pub use prompt::{ATTACHMENT_TOKENS_MAX, PromptSize, image_tokens_max};
pub use rewrite::{AskForUsage, Edits, OutputField};
pub(crate) use values::{count, flag, model_name, refuse, text};
pub(crate) use variant::Variant;

/// Most answers that one request may ask for (`n`, `best_of`, `candidateCount`).
pub const CHOICES_MAX: u64 = 128;
/// Most prompts in one request to the completions, embeddings or moderations endpoint.
pub const PROMPTS_MAX: u64 = 2_048;
/// Largest output bound that is believed.
pub const OUTPUT_BOUND_MAX: u64 = 1 << 31;
/// Longest model name in bytes.
pub const MODEL_LEN_MAX: usize = 256;

/// How the answer is to arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// As one document.
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

/// A request to a model in any format, checked and measured.
#[derive(Debug, Clone)]
pub struct LlmRequest {
    endpoint: Endpoint,
    body: Bytes,
    model: Box<str>,
    delivery: Delivery,
    usage_chunk: UsageChunk,
    output_bound: Option<u64>,
    output_most: Option<u64>,
    output_beside: u64,
    choices: u64,
    generations: u64,
    prompt: PromptSize,
    beside: Usage,
    answers: MeterSet,
    variant: Variant,
    places: Places,
}

/// Where the values stand that an edit may replace; offsets into the body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// Behind the opening brace, where new members go.
    pub first_member: usize,
    /// The model's name: a JSON string with its quotes, or the value of a form field.
    pub model: Range<usize>,
    /// Every output bound that is there, also null ones.
    pub output_bounds: Vec<(OutputField, Range<usize>)>,
    /// `stream_options.include_usage`, or Gemini's `generationConfig.maxOutputTokens`.
    pub nested: Nested,
}

/// The form in which a member inside an object of the body is there.
#[derive(Debug, Clone, Default)]
pub(crate) enum Nested {
    /// Neither of both.
    #[default]
    Absent,
    /// The object is `null`.
    Null(Range<usize>),
    /// The object is there without the member: where its first member goes, and whether others follow.
    Without { first_member: usize, others: Others },
    /// The value of the member stands here.
    With(Range<usize>),
}

/// Whether an object has members besides the one in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    None,
    Some,
}

impl LlmRequest {
    /// Reads and checks the body of a request to `target`. `content_type` is the header's value; only
    /// forms need it.
    ///
    /// # Errors
    /// [`BadBody`] for everything that [`json_guard::check`] refuses with the names in
    /// [`metered_members`], for members that only a server may set (`api_base`, `mock_response`, ...), for what
    /// cannot be bounded or has no price, and for values of metered members that are not what the
    /// format says.
    pub fn parse<'t>(target: impl Into<Target<'t>>, content_type: &str, body: Bytes) -> Result<Self, BadBody> {
        let target = target.into();
        let mut draft = Draft::new(&target)?;
        if target.endpoint.body_kind() == BodyKind::Form {
            transcription::read(&mut draft, content_type, &body)?;
            return draft.finish(body);
        }
        json_guard::members_of_body(&body, metered_members(target.endpoint), |scanner, member| {
            if draft.places.first_member == 0 {
                draft.places.first_member = member.key.start;
            }
            match target.endpoint {
                Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Embeddings => {
                    chat::member(&mut draft, scanner, member)
                }
                Endpoint::Responses => responses::member(&mut draft, scanner, member),
                Endpoint::ImageGenerations | Endpoint::AudioSpeech | Endpoint::Moderations => {
                    media::member(&mut draft, scanner, member)
                }
                Endpoint::Messages | Endpoint::CountMessageTokens => {
                    anthropic::request::member(&mut draft, scanner, member)
                }
                Endpoint::GenerateContent | Endpoint::StreamGenerateContent | Endpoint::CountContentTokens => {
                    gemini::request::member(&mut draft, scanner, member)
                }
                // A form, read above.
                Endpoint::AudioTranscriptions => json_guard::value(scanner, member),
            }
        })?;
        draft.finish(body)
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
    /// `best_of`, times the prompts. 0 where nothing is generated (embeddings).
    #[must_use]
    pub const fn generations(&self) -> u64 {
        self.generations
    }

    /// The size of the prompt, before any counting.
    #[must_use]
    pub const fn prompt(&self) -> &PromptSize {
        &self.prompt
    }
}

/// Members that decide the price of a request to `endpoint`. None may appear in another case.
#[must_use]
pub const fn metered_members(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Embeddings => chat::METERED,
        Endpoint::Responses => responses::METERED,
        Endpoint::ImageGenerations | Endpoint::AudioSpeech | Endpoint::Moderations | Endpoint::AudioTranscriptions => {
            media::METERED
        }
        Endpoint::Messages | Endpoint::CountMessageTokens => anthropic::request::METERED,
        Endpoint::GenerateContent | Endpoint::StreamGenerateContent | Endpoint::CountContentTokens => {
            gemini::request::METERED
        }
    }
}

#[cfg(test)]
mod tests;
