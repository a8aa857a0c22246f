//! A problem as the end of a stream that has begun.
//!
//! The wrong form is taken for success: each of the SDKs passes over what it does not expect, and a stream
//! that ends without a word is an answer to most of them.

use bytes::Bytes;
use tollgate_meter::endpoint::Endpoint;
use tollgate_meter::stream::ResponseHead;

use super::{Problem, anthropic, gemini, openai};

impl Problem {
    /// What ends the stream of `endpoint`; `None` where its format has no error, so that only a broken
    /// connection says it. `head` is what a Responses stream has said of itself.
    pub(crate) fn frame(&self, endpoint: Endpoint, head: Option<&ResponseHead>) -> Option<Bytes> {
        match endpoint {
            Endpoint::ChatCompletions | Endpoint::Completions => Some(openai::chunk(self)),
            Endpoint::Responses => Some(openai::response_events(self, head?)),
            Endpoint::Messages => Some(anthropic::event(self)),
            Endpoint::StreamGenerateContent => Some(gemini::event(self)),
            // Pictures, speech and transcripts have no such event; the others do not stream.
            Endpoint::ImageGenerations
            | Endpoint::AudioTranscriptions
            | Endpoint::AudioSpeech
            | Endpoint::Embeddings
            | Endpoint::Moderations
            | Endpoint::CountMessageTokens
            | Endpoint::GenerateContent
            | Endpoint::CountContentTokens => None,
        }
    }
}
