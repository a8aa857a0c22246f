//! Upstreams as they are written down.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{check_name, within};
use crate::StoreError;

/// A service that requests are forwarded to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamDefinition {
    /// Its name within the API; needed where there are several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// `http://host:port` or `https://host`, with a path to put before every request's path if any.
    pub url: String,
    /// Whose rows of the price book apply to its models: `openai`, `azure`, ...
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provider: String,
    /// The format that its models speak. Requests in another one are translated.
    #[serde(default, skip_serializing_if = "UpstreamFormat::is_openai")]
    pub format: UpstreamFormat,
    /// Keys for its models, each `${NAME}` of an environment variable. They take turns, and one that is refused
    /// or has no quota left rests. Never shown again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Headers that are set on every forwarded request, credentials for example. Values may name an
    /// environment variable: `Bearer ${OPENAI_API_KEY}`. Never shown again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The longest it may take to accept a connection, in milliseconds.
    #[serde(default = "two_seconds_ms")]
    pub connect_timeout_ms: u64,
    /// The most connections that each core keeps open to it while idle.
    #[serde(default = "idle_connections")]
    pub idle_connections_max: usize,
    /// The most model requests that it serves at the same time on this node. More wait, by the priority of their
    /// plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_max: Option<u32>,
    /// How long a model request may wait for its turn there, in milliseconds.
    #[serde(default = "five_seconds_ms", skip_serializing_if = "is_five_seconds")]
    pub wait_max_ms: u64,
    /// How long it, or one of its keys, is left alone after it failed, in milliseconds.
    #[serde(default = "thirty_seconds_ms", skip_serializing_if = "is_thirty_seconds")]
    pub cool_down_ms: u64,
}

const fn two_seconds_ms() -> u64 {
    2_000
}
const fn five_seconds_ms() -> u64 {
    5_000
}
const fn thirty_seconds_ms() -> u64 {
    30_000
}
const fn idle_connections() -> usize {
    128
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_five_seconds(ms: &u64) -> bool {
    *ms == five_seconds_ms()
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_thirty_seconds(ms: &u64) -> bool {
    *ms == thirty_seconds_ms()
}

/// The format that the models of an upstream speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamFormat {
    /// OpenAI's, as nearly everybody's server does: chat completions, embeddings and the rest at `/v1/`.
    #[default]
    Openai,
    /// OpenAI's at OpenAI itself, which has `/v1/responses` too.
    OpenaiResponses,
    /// OpenAI's at Azure, with the key in `api-key`.
    Azure,
    /// Anthropic's messages.
    Anthropic,
    /// Gemini's `generateContent`.
    Gemini,
}

impl UpstreamFormat {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    const fn is_openai(&self) -> bool {
        matches!(self, Self::Openai)
    }
}

impl UpstreamDefinition {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if !self.key.is_empty() {
            check_name("key", &self.key)?;
        }
        let url = &self.url;
        if !(url.starts_with("http://") || url.starts_with("https://")) || url.contains('@') {
            return Err(StoreError::invalid("url", "http://HOST:PORT or https://HOST, without credentials"));
        }
        if self.concurrency_max == Some(0) {
            return Err(StoreError::invalid("concurrency_max", "at least 1"));
        }
        if self.keys.iter().any(String::is_empty) {
            return Err(StoreError::invalid("keys", "keys that are not empty"));
        }
        Ok(())
    }
}

/// The upstreams of an API: at least one, and the first serves where nothing else is said. Written as one
/// table, or as a list.
#[derive(Debug, Clone, PartialEq, Eq, utoipa::ToSchema)]
pub struct Upstreams {
    first: UpstreamDefinition,
    others: Vec<UpstreamDefinition>,
}

impl Upstreams {
    /// One upstream.
    #[must_use]
    pub const fn one(first: UpstreamDefinition) -> Self {
        Self { first, others: Vec::new() }
    }

    /// The one that serves where nothing else is said.
    #[must_use]
    pub const fn first(&self) -> &UpstreamDefinition {
        &self.first
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &UpstreamDefinition> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut UpstreamDefinition> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.others.is_empty() {
            return within("upstream", self.first.check());
        }
        for (index, upstream) in self.iter().enumerate() {
            let place = format!("upstream[{index}]");
            within(&place, upstream.check())?;
            let is_taken = self.iter().take(index).any(|other| other.key == upstream.key);
            if upstream.key.is_empty() || is_taken {
                return Err(StoreError::invalid(format!("{place}.key"), "a name of its own, where there are several"));
            }
        }
        Ok(())
    }
}

impl Serialize for Upstreams {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.others.is_empty() {
            true => self.first.serialize(serializer),
            false => serializer.collect_seq(self.iter()),
        }
    }
}

impl<'de> Deserialize<'de> for Upstreams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;

        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = Upstreams;

            fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
                text.write_str("an upstream such as { url = \"https://api.example.com\" }, or a list of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Upstreams, A::Error> {
                UpstreamDefinition::deserialize(MapAccessDeserializer::new(map)).map(Upstreams::one)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Upstreams, A::Error> {
                let mut several = Vec::deserialize(SeqAccessDeserializer::new(seq))?.into_iter();
                let first = several.next().ok_or_else(|| serde::de::Error::invalid_length(0, &self))?;
                Ok(Upstreams { first, others: several.collect() })
            }
        }

        deserializer.deserialize_any(OneOrSeveral)
    }
}
