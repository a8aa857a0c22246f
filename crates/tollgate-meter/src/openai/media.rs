//! Requests for pictures, speech and moderation.

use tollgate_core::meter::{Meter, MeterSet};

use super::chat::{SERVICE_TIERS, service_tier};
use crate::endpoint::Endpoint;
use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody, Member};
use crate::request::{Delivery, Draft, text};

/// Members that decide the price.
pub(crate) const METERED: &[&str] = &[
    "model",
    "prompt",
    "input",
    "instructions",
    "n",
    "size",
    "quality",
    "stream",
    "stream_format",
    "partial_images",
    "service_tier",
];

/// Most tokens that one picture takes as output. `gpt-image-1` takes 6,240 for its largest, and 100 for each
/// of three sketches on the way.
const PICTURE_TOKENS_MAX: u64 = 16_384;
/// Most tokens of sound that a character becomes: `gpt-4o-mini-tts` makes about 21 a second, and a digit
/// read slowly takes most of one.
const SPEECH_TOKENS_PER_CHARACTER: u64 = 16;
/// Longest text that is spoken, in characters; OpenAI takes 4,096.
const SPEECH_CHARACTERS_MAX: u64 = 65_536;

/// Reads one member of the body.
pub(crate) fn member(draft: &mut Draft, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
    match (member.name, draft.endpoint) {
        (b"model", _) => draft.model(scanner),
        (b"service_tier", _) => service_tier(scanner, SERVICE_TIERS),
        (b"prompt", Endpoint::ImageGenerations) => {
            draft.prompts = Some(1);
            draft.answers = MeterSet::of(Meter::ImageOutputTokens).with(Meter::OutputTokens);
            draft.output_most = Some(PICTURE_TOKENS_MAX);
            if draft.choices.is_none() {
                draft.beside.set(Meter::Images, 1);
            }
            whole_text(draft, scanner, "prompt").map(drop)
        }
        (b"n", Endpoint::ImageGenerations) => {
            draft.choices(scanner, "n")?;
            let pictures = draft.choices.unwrap_or(1);
            draft.beside.set(Meter::Images, pictures);
            one_if_streamed(draft)
        }
        (b"stream", Endpoint::ImageGenerations) => {
            draft.stream(scanner)?;
            one_if_streamed(draft)
        }
        (b"size", Endpoint::ImageGenerations) => {
            draft.variant.size = choice(scanner, "size")?;
            Ok(())
        }
        (b"quality", Endpoint::ImageGenerations) => {
            draft.variant.quality = choice(scanner, "quality")?;
            Ok(())
        }
        (b"input", Endpoint::AudioSpeech) => speech(draft, scanner),
        (b"stream_format", Endpoint::AudioSpeech) => {
            let format = text(scanner, "stream_format")?;
            if format.is_some_and(|format| *format.bytes() == *b"sse") {
                draft.delivery = Delivery::Streamed;
            }
            Ok(())
        }
        (b"input", Endpoint::Moderations) => moderated(draft, scanner),
        _ => draft.other(scanner, member),
    }
}

/// Each picture of a stream reports its own usage, and nothing says whether it is all of it.
fn one_if_streamed(draft: &Draft) -> Result<(), BadBody> {
    match (draft.delivery, draft.choices) {
        (Delivery::Streamed, Some(2..)) => Err(BadBody::new("n", "1 where pictures are streamed")),
        _ => Ok(()),
    }
}

/// Reads a text of the prompt and gives its characters.
fn whole_text(draft: &mut Draft, scanner: &mut Scanner<'_>, field: &str) -> Result<u64, BadBody> {
    let start = scanner.at();
    let text = text(scanner, field)?.ok_or_else(|| BadBody::new(field, "a text"))?;
    draft.prompt.add_text(scanner.at() - start);
    Ok(u64::try_from(text.text().chars().count()).unwrap_or(u64::MAX))
}

/// Reads what may be left to the model: absent, null or `auto`. Names that are no part of a price's name
/// are refused: they could pose as another one.
fn choice(scanner: &mut Scanner<'_>, field: &str) -> Result<Option<Box<str>>, BadBody> {
    let Some(text) = text(scanner, field)? else { return Ok(None) };
    let name = text.text();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || name.len() > 32 || !name.bytes().all(is_plain) {
        return Err(BadBody::new(field, "a name of letters and digits"));
    }
    Ok((name != "auto").then(|| name.into()))
}

fn speech(draft: &mut Draft, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let characters = whole_text(draft, scanner, "input")?;
    if characters > SPEECH_CHARACTERS_MAX {
        return Err(BadBody::new("input", format!("at most {SPEECH_CHARACTERS_MAX} characters")));
    }
    draft.prompts = Some(1);
    draft.answers = MeterSet::of(Meter::AudioOutputTokens).with(Meter::OutputTokens);
    draft.output_most = Some(characters.saturating_mul(SPEECH_TOKENS_PER_CHARACTER).max(1));
    draft.beside.set(Meter::InputCharacters, characters);
    Ok(())
}

/// Reads the input of a moderation: a text, texts, or parts of which some are pictures.
fn moderated(draft: &mut Draft, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let start = scanner.at();
    let mut picture_bytes = 0;
    match scanner.kind()? {
        Kind::String => json_guard::skip(scanner)?,
        Kind::Array => draft.prompt.add_parts(scanner, &mut picture_bytes)?,
        Kind::Object | Kind::Number | Kind::Bool | Kind::Null => {
            return Err(BadBody::new("input", "a string, or an array of strings or parts"));
        }
    }
    draft.prompts = Some(1);
    let bytes = u64::try_from(scanner.at() - start).unwrap_or(u64::MAX);
    draft.prompt.text_bytes += bytes.saturating_sub(picture_bytes);
    Ok(())
}
