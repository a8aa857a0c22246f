//! Reads the events of one stream in the format that its endpoint speaks.

use super::generated::Generated;
use super::piece::Piece;
use crate::anthropic::tally::Tally;
use crate::endpoint::Endpoint;
use crate::json::Flaw;
use crate::openai::response_head::ResponseHead;
use crate::openai::{chunk, media_event, response_event};
use crate::{anthropic, gemini};

/// The format of a stream, with what one event must know of those before it.
#[derive(Debug)]
pub(super) enum Reader {
    /// Chat completions and completions.
    Chat,
    Responses(ResponseHead),
    /// Pictures, speech, transcripts.
    Media(Endpoint, u64),
    Messages(Tally),
    Gemini,
}

impl Reader {
    pub(super) fn of(endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Embeddings | Endpoint::Moderations => {
                Self::Chat
            }
            Endpoint::Responses => Self::Responses(ResponseHead::default()),
            Endpoint::ImageGenerations | Endpoint::AudioTranscriptions | Endpoint::AudioSpeech => {
                Self::Media(endpoint, 0)
            }
            Endpoint::Messages | Endpoint::CountMessageTokens => Self::Messages(Tally::default()),
            Endpoint::GenerateContent | Endpoint::StreamGenerateContent | Endpoint::CountContentTokens => Self::Gemini,
        }
    }

    /// Reads the data of one event and adds its text to `generated`.
    pub(super) fn read(&mut self, data: &[u8], generated: &mut Generated) -> Result<Piece, Flaw> {
        match self {
            Self::Chat => chunk::read(data, generated),
            Self::Responses(head) => response_event::read(data, head, generated),
            Self::Media(endpoint, pictures) => media_event::read(*endpoint, data, pictures, generated),
            Self::Messages(tally) => anthropic::event::read(data, tally, generated),
            Self::Gemini => gemini::chunk::read(data, generated),
        }
    }

    /// What a Responses stream has said of itself; `None` in other formats.
    pub(super) const fn response(&self) -> Option<&ResponseHead> {
        match self {
            Self::Responses(head) => Some(head),
            Self::Chat | Self::Media(..) | Self::Messages(_) | Self::Gemini => None,
        }
    }

    /// Adds the text of a whole answer to `generated`, as far as it can be read.
    pub(super) fn read_whole(endpoint: Endpoint, body: &[u8], generated: &mut Generated) -> Result<(), Flaw> {
        match Self::of(endpoint) {
            Self::Chat => chunk::read(body, generated).map(drop),
            Self::Responses(_) => response_event::read_whole(body, generated),
            Self::Media(..) => media_event::read_whole(body, generated),
            Self::Messages(_) => anthropic::event::read_whole(body, generated),
            Self::Gemini => gemini::chunk::read_whole(body, generated),
        }
    }
}
