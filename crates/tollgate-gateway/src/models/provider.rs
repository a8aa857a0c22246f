//! A provider of models: an upstream with its format, its keys, its turns, and how it is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tollgate_core::time::Timestamp;
use tollgate_meter::endpoint::{self, Endpoint};
use tollgate_meter::request::OutputField;
use tollgate_meter::translate::Format;
use tollgate_store::definition::{UpstreamDefinition, UpstreamFormat};
use tracing::error;

use crate::upstream::Upstream;

use super::keys::{Chosen, Keys};
use super::trouble::Trouble;
use super::turns::{Turn, Turns};

/// A provider of models.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Its name within the API.
    pub(super) key: Box<str>,
    pub(crate) upstream: Arc<Upstream>,
    /// Whose rows of the price book apply.
    pub(crate) prices: Box<str>,
    pub(super) format: UpstreamFormat,
    keys: Keys,
    turns: Option<Arc<Turns>>,
    wait_max: Duration,
    cool_down: Duration,
    /// Until when nothing is sent to it that can go elsewhere, in microseconds since 1970.
    rests_until: AtomicI64,
}

/// What one request to a provider takes.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) key: Option<Chosen>,
    pub(super) turn: Option<Turn>,
}

/// Why a provider cannot be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTicket {
    /// All of its keys rest.
    NoKey,
    /// It serves as much as it can.
    Saturated,
}

/// A key that was refused comes back rarely, and an empty balance is filled by a person.
const REST_OF_A_REFUSED_KEY: Duration = Duration::from_secs(600);

/// The longest rest that an upstream can ask for.
const REST_MAX: Duration = Duration::from_secs(600);

impl Provider {
    /// A provider with its compiled upstream and keys.
    pub(crate) fn new(definition: &UpstreamDefinition, upstream: Arc<Upstream>, keys: Vec<HeaderValue>) -> Self {
        Self {
            key: definition.key.as_str().into(),
            upstream,
            prices: definition.provider.as_str().into(),
            format: definition.format,
            keys: Keys::new(keys),
            turns: definition.concurrency_max.map(|most| Arc::new(Turns::new(most))),
            wait_max: Duration::from_millis(definition.wait_max_ms),
            cool_down: Duration::from_millis(definition.cool_down_ms),
            rests_until: AtomicI64::new(i64::MIN),
        }
    }

    /// The endpoint by which it serves a request to `asked`: the same, or one that says the same in its own
    /// format. `None` if it has none.
    pub(crate) fn endpoint_for(&self, asked: Endpoint, is_streamed: bool) -> Option<Endpoint> {
        let is_native = match self.format {
            UpstreamFormat::Openai => asked.format() == endpoint::Format::OpenAi && asked != Endpoint::Responses,
            UpstreamFormat::OpenaiResponses | UpstreamFormat::Azure => asked.format() == endpoint::Format::OpenAi,
            UpstreamFormat::Anthropic => asked.format() == endpoint::Format::Anthropic,
            UpstreamFormat::Gemini => asked.format() == endpoint::Format::Gemini,
        };
        if is_native {
            return Some(asked);
        }
        // Only conversations can be said in another format.
        wire(asked)?;
        Some(match (self.format, is_streamed) {
            (UpstreamFormat::Openai | UpstreamFormat::OpenaiResponses | UpstreamFormat::Azure, _) => {
                Endpoint::ChatCompletions
            }
            (UpstreamFormat::Anthropic, _) => Endpoint::Messages,
            (UpstreamFormat::Gemini, false) => Endpoint::GenerateContent,
            (UpstreamFormat::Gemini, true) => Endpoint::StreamGenerateContent,
        })
    }

    /// What it calls the most tokens of an answer: OpenAI's reasoning models refuse the older name; most
    /// compatible servers know no other.
    pub(crate) fn output_field(&self) -> OutputField {
        match (self.format, &*self.prices) {
            (UpstreamFormat::OpenaiResponses | UpstreamFormat::Azure, _) | (_, "openai" | "azure") => {
                OutputField::MaxCompletionTokens
            }
            _ => OutputField::MaxTokens,
        }
    }

    /// The header that carries `key`.
    pub(super) fn key_header(&self, key: Option<&Chosen>) -> Option<(HeaderName, HeaderValue)> {
        let name = match self.format {
            UpstreamFormat::Openai | UpstreamFormat::OpenaiResponses => "authorization",
            UpstreamFormat::Azure => "api-key",
            UpstreamFormat::Anthropic => "x-api-key",
            UpstreamFormat::Gemini => "x-goog-api-key",
        };
        key.map(|key| (HeaderName::from_static(name), key.value.clone()))
    }

    /// The value of the header for `key`.
    pub(crate) fn key_value(format: UpstreamFormat, key: &str) -> Result<HeaderValue, String> {
        let prefix = match format {
            UpstreamFormat::Openai | UpstreamFormat::OpenaiResponses => "Bearer ",
            UpstreamFormat::Azure | UpstreamFormat::Anthropic | UpstreamFormat::Gemini => "",
        };
        // The value is a secret, so the error does not show it.
        let mut value: HeaderValue =
            format!("{prefix}{key}").parse().map_err(|_| "keys that a header can have".to_owned())?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether requests that could go elsewhere should.
    pub(super) fn rests(&self, now: Timestamp) -> bool {
        let is_down = self.rests_until.load(Ordering::Relaxed) > now.unix_micros();
        is_down || (!self.keys.is_empty() && !self.keys.is_one_awake(now))
    }

    /// Takes a key and a turn, waiting for the latter.
    pub(super) async fn ticket(&self, priority: u8, now: Timestamp) -> Result<Ticket, NoTicket> {
        let turn = match &self.turns {
            None => None,
            Some(turns) => Some(turns.take(priority, self.wait_max).await.ok_or(NoTicket::Saturated)?),
        };
        let key = match self.keys.is_empty() {
            true => None,
            false => Some(self.keys.choose(now).ok_or(NoTicket::NoKey)?),
        };
        Ok(Ticket { key, turn })
    }

    /// Notes that it served.
    pub(super) fn served(&self) {
        if self.rests_until.load(Ordering::Relaxed) != i64::MIN {
            self.rests_until.store(i64::MIN, Ordering::Relaxed);
        }
    }

    /// Notes what went wrong; the operator is told once for each rest.
    pub(super) fn had(&self, trouble: Trouble, key: Option<&Chosen>, now: Timestamp) {
        let rest = match trouble {
            Trouble::NotAllowed => return,
            Trouble::Failed => self.cool_down,
            Trouble::KeyRefused | Trouble::OutOfFunds => REST_OF_A_REFUSED_KEY,
            Trouble::TooFast(asked) => asked.unwrap_or(self.cool_down).min(REST_MAX),
        };
        let until = now + rest;
        let is_news = match (trouble, key) {
            (Trouble::KeyRefused | Trouble::OutOfFunds | Trouble::TooFast(_), Some(key)) => {
                self.keys.rest(key.index, until, now)
            }
            _ => self.rests_until.fetch_max(until.unix_micros(), Ordering::Relaxed) <= now.unix_micros(),
        };
        if is_news {
            let (upstream, key) = (self.upstream.name(), key.map(|key| key.index));
            match trouble {
                Trouble::KeyRefused => error!(upstream, key, "An upstream refuses its key; it rests"),
                Trouble::OutOfFunds => error!(upstream, key, "The balance at an upstream is used up; fill it"),
                Trouble::NotAllowed | Trouble::Failed | Trouble::TooFast(_) => {
                    tracing::warn!(upstream, key, ?trouble, "An upstream rests");
                }
            }
        }
    }
}

/// The format of conversations at `endpoint`; `None` for endpoints that only their own format has.
pub(crate) const fn wire(endpoint: Endpoint) -> Option<Format> {
    match endpoint {
        Endpoint::ChatCompletions => Some(Format::OpenAiChat),
        Endpoint::Responses => Some(Format::OpenAiResponses),
        Endpoint::Messages => Some(Format::AnthropicMessages),
        Endpoint::GenerateContent | Endpoint::StreamGenerateContent => Some(Format::Gemini),
        Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::ImageGenerations
        | Endpoint::AudioTranscriptions
        | Endpoint::AudioSpeech
        | Endpoint::Moderations
        | Endpoint::CountMessageTokens
        | Endpoint::CountContentTokens => None,
    }
}
