//! What an answer reports about its own cost.
//!
//! Reports overlap themselves: OpenAI's `prompt_tokens` includes the cached ones, Gemini's
//! `promptTokenCount` too, Anthropic's `input_tokens` does not. Here the counts become disjoint meters
//! whose sum is what the upstream calls the total, so that nothing is priced twice. A zero that is
//! there is a value; a field that is absent is not. A report that contradicts itself is an error and
//! never a guess: the caller then counts or estimates, and tells the operator.

mod alternatives;
mod count;

use tollgate_core::meter::Usage;

use crate::endpoint::Endpoint;
use crate::json::{Flaw, Kind, Scanner};
use crate::openai::media_event;
use crate::openai::report::Report;
use crate::{anthropic, gemini};

pub use alternatives::charged;
pub(crate) use count::{Whole, count, details, fractional, part};

/// No request uses a billion tokens; a larger figure is a fault or an attack.
pub const COUNT_MAX: u64 = 1_000_000_000;

/// A usage report that cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUsage {
    /// The answer is not a JSON object.
    #[error("the answer is not a JSON object (byte {at})")]
    Unreadable {
        /// Offset of the flaw in bytes.
        at: usize,
    },
    /// `usage` is not an object.
    #[error("usage: expected an object")]
    NotAnObject,
    /// `usage` is there twice.
    #[error("usage: expected one report, found two")]
    Twice,
    /// A count is negative, fractional or no number at all.
    #[error("usage.{field}: expected a whole number that is not negative")]
    NotACount {
        /// The field's name.
        field: &'static str,
    },
    /// A count is beyond [`COUNT_MAX`].
    #[error("usage.{field}: more than a billion tokens")]
    TooLarge {
        /// The field's name.
        field: &'static str,
    },
    /// A count that must be there is not.
    #[error("usage.{field} is missing")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A part is larger than the whole that includes it.
    #[error("usage.{part} is more than {whole}")]
    PartExceedsWhole {
        /// The part, or the parts together.
        part: &'static str,
        /// What includes it.
        whole: &'static str,
    },
    /// The total is not the sum that it should be.
    #[error("usage.total_tokens is not the sum of the other counts")]
    TotalDiffers,
}

impl From<Flaw> for BadUsage {
    fn from(flaw: Flaw) -> Self {
        Self::Unreadable { at: flaw.at }
    }
}

/// The usage that the whole answer `body` reports; `None` where it reports none.
///
/// Meters of tokens, pictures and seconds are set, those that the request alone decides (characters) are
/// not. Reads past everything else without building it.
///
/// # Errors
/// [`BadUsage`] if the body is not what the endpoint answers with, has two reports, or one that cannot
/// be.
pub fn usage_of_body(endpoint: Endpoint, body: &[u8]) -> Result<Option<Usage>, BadUsage> {
    match endpoint {
        Endpoint::ChatCompletions
        | Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::Moderations
        | Endpoint::Responses => {
            let report = only_member(body, b"usage", |scanner| Report::read(scanner, endpoint))?;
            report.map(|report| report.usage(endpoint)).transpose()
        }
        Endpoint::ImageGenerations => media_event::usage_of_pictures(body).map(Some),
        Endpoint::AudioTranscriptions => media_event::usage_of_transcript(body),
        // Sound reports nothing.
        Endpoint::AudioSpeech => Ok(None),
        Endpoint::Messages => {
            let report = only_member(body, b"usage", |scanner| {
                let mut tally = anthropic::tally::Tally::default();
                tally.read(scanner)?;
                Ok(tally)
            })?;
            report.map(|tally| tally.usage()).transpose()
        }
        Endpoint::GenerateContent | Endpoint::StreamGenerateContent => gemini::chunk::usage_of_body(body),
        // Only a count was asked for, and it is free.
        Endpoint::CountMessageTokens | Endpoint::CountContentTokens => Ok(Some(Usage::NONE)),
    }
}

/// Reads the member `name` of the object `body`, which may be there once; `None` where it is absent or
/// null.
pub(crate) fn only_member<T>(
    body: &[u8],
    name: &[u8],
    mut read: impl FnMut(&mut Scanner<'_>) -> Result<T, BadUsage>,
) -> Result<Option<T>, BadUsage> {
    let mut scanner = Scanner::new(body);
    let mut found = None;
    scanner.object(|scanner, key| {
        if key.text.raw != name {
            scanner.skip()?;
        } else if let Some(value) = object_or_null(scanner, &mut read)?
            && found.replace(value).is_some()
        {
            return Err(BadUsage::Twice);
        }
        Ok(())
    })?;
    scanner.end()?;
    Ok(found)
}

/// Reads a report with `read`; `None` for null.
pub(crate) fn object_or_null<'a, T>(
    scanner: &mut Scanner<'a>,
    read: impl FnOnce(&mut Scanner<'a>) -> Result<T, BadUsage>,
) -> Result<Option<T>, BadUsage> {
    match scanner.kind()? {
        Kind::Null => {
            scanner.skip()?;
            Ok(None)
        }
        Kind::Object => read(scanner).map(Some),
        Kind::Array | Kind::String | Kind::Number | Kind::Bool => {
            scanner.skip()?;
            Err(BadUsage::NotAnObject)
        }
    }
}

#[cfg(test)]
mod tests;
