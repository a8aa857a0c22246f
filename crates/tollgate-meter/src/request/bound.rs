//! The most that a request can use, and which meters that can fall to.

use memchr::memmem;
use tollgate_core::meter::{Meter, MeterSet, Usage};

use super::LlmRequest;
use crate::endpoint::{Endpoint, Format};

impl LlmRequest {
    /// The most tokens of one answer by what it is (a picture, speech, a transcript), where the request
    /// cannot bound them.
    #[must_use]
    pub const fn output_most(&self) -> Option<u64> {
        self.output_most
    }

    /// Tokens that are charged as output beside what is generated: those of a prediction that was wrong.
    #[must_use]
    pub const fn output_beside(&self) -> u64 {
        self.output_beside
    }

    /// What the request uses besides tokens, at most: pictures, characters, seconds.
    #[must_use]
    pub const fn beside_tokens(&self) -> Usage {
        self.beside
    }

    /// The meters that the prompt's tokens can fall to; which of them is known only afterwards, so a
    /// hold takes the dearest. Writes to a cache of an hour happen only where the body asks for a `ttl`.
    #[must_use]
    pub fn prompt_meters(&self) -> MeterSet {
        let mut meters =
            MeterSet::of(Meter::InputTokens).with(Meter::CachedInputTokens).with(Meter::CacheWrite5mTokens);
        let is_heard = self.prompt.audio > 0 || self.endpoint == Endpoint::AudioTranscriptions;
        // What an attachment holds is not known here; Gemini takes sound that way.
        if is_heard || (self.endpoint.format() == Format::Gemini && self.prompt.attachments > 0) {
            meters = meters.with(Meter::AudioInputTokens).with(Meter::CachedAudioInputTokens);
        }
        if self.prompt.images > 0 || self.prompt.attachments > 0 {
            meters = meters.with(Meter::ImageInputTokens);
        }
        if mentions_lifetime(&self.body) {
            meters = meters.with(Meter::CacheWrite1hTokens);
        }
        meters
    }

    /// The meters that the generated tokens can fall to.
    #[must_use]
    pub const fn answer_meters(&self) -> MeterSet {
        self.answers
    }

    /// What an answer used that reported nothing and of which nothing can be counted: what the request
    /// alone decides (characters, pictures). `None` where that is not all.
    #[must_use]
    pub fn usage_by_request(&self) -> Option<Usage> {
        let is_decided = matches!(self.endpoint, Endpoint::AudioSpeech);
        is_decided.then_some(self.beside)
    }
}

/// Whether the body has a member `ttl`, perhaps written with escapes.
fn mentions_lifetime(body: &[u8]) -> bool {
    ["\"ttl\"", "\\u0074", "\\u006c", "\\u006C"].iter().any(|text| memmem::find(body, text.as_bytes()).is_some())
}
