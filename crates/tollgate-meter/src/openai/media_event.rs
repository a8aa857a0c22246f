//! Reads the answers of the endpoints of pictures and sound, whole or as events.

use std::borrow::Cow;

use tollgate_core::meter::{Meter, Usage};

use super::report::Report;
use crate::endpoint::Endpoint;
use crate::json::{Flaw, Kind, Scanner};
use crate::stream::{Channel, Generated, Mark, Piece};
use crate::usage::{BadUsage, count, fractional, object_or_null};

/// Reads the data of one event of a stream that answers `endpoint`. `pictures` counts those that are
/// complete.
pub(crate) fn read(
    endpoint: Endpoint,
    data: &[u8],
    pictures: &mut u64,
    generated: &mut Generated,
) -> Result<Piece, Flaw> {
    let (mut kind, mut usage, mut has_error) = (None, None, false);
    let mut scanner = Scanner::new(data);
    scanner.object(|scanner, key| {
        match (key.text.raw, scanner.kind()?) {
            (b"type", Kind::String) => kind = Some(scanner.string()?.bytes()),
            (b"delta", Kind::String) => generated.add(0, Channel::Output, scanner.string()?),
            (b"usage", _) => {
                let value = scanner.span()?;
                usage = read_usage(endpoint, &mut Scanner::new(scanner.slice(value))).transpose();
            }
            (b"error", value) => has_error |= value != Kind::Null && scanner.skip().is_ok(),
            _ => scanner.skip()?,
        }
        Ok::<_, Flaw>(())
    })?;
    scanner.end()?;
    let mark = match kind.as_deref().unwrap_or_default() {
        b"image_generation.completed" => {
            *pictures += 1;
            let of_tokens = usage.take().unwrap_or(Ok(Usage::NONE));
            usage = Some(of_tokens.map(|usage| usage.with(Meter::Images, *pictures)));
            Mark::Over
        }
        b"speech.audio.done" | b"transcript.text.done" => Mark::Over,
        b"error" => Mark::Failed,
        _ if has_error => Mark::Failed,
        _ => Mark::None,
    };
    Ok(Piece { usage, mark, ..Piece::default() })
}

/// Adds the text of a whole transcript to `generated`.
pub(crate) fn read_whole(body: &[u8], generated: &mut Generated) -> Result<(), Flaw> {
    let mut scanner = Scanner::new(body);
    scanner.object(|scanner, key| match (key.text.raw, scanner.kind()?) {
        (b"text", Kind::String) => {
            generated.add(0, Channel::Output, scanner.string()?);
            Ok(())
        }
        _ => scanner.skip(),
    })
}

/// What an answer with pictures used: how many there are, and the tokens where they are reported.
pub(crate) fn usage_of_pictures(body: &[u8]) -> Result<Usage, BadUsage> {
    let (mut pictures, mut usage) = (0, None);
    let mut scanner = Scanner::new(body);
    scanner.object(|scanner, key| {
        match (key.text.raw, scanner.kind()?) {
            (b"data", Kind::Array) => scanner.array(|scanner| {
                pictures += 1;
                scanner.skip()
            })?,
            (b"usage", _) => {
                let reported = read_usage(Endpoint::ImageGenerations, scanner)?;
                if reported.is_some() && usage.replace(reported).is_some() {
                    return Err(BadUsage::Twice);
                }
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    Ok(usage.flatten().unwrap_or(Usage::NONE).with(Meter::Images, pictures))
}

/// What a transcript used: its report of seconds or tokens, else the length of the sound.
pub(crate) fn usage_of_transcript(body: &[u8]) -> Result<Option<Usage>, BadUsage> {
    let (mut usage, mut seconds) = (None, None);
    let mut scanner = Scanner::new(body);
    scanner.object(|scanner, key| {
        match key.text.raw {
            b"usage" => {
                let reported = read_usage(Endpoint::AudioTranscriptions, scanner)?;
                if reported.is_some() && usage.replace(reported).is_some() {
                    return Err(BadUsage::Twice);
                }
            }
            // Of `verbose_json`, also where a server reports no usage.
            b"duration" => seconds = fractional(scanner, "duration")?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    let usage = usage.flatten();
    Ok(match (usage, seconds) {
        (Some(usage), Some(seconds)) if usage.get(Meter::AudioInputSeconds) == 0 => {
            Some(usage.with(Meter::AudioInputSeconds, seconds))
        }
        (None, Some(seconds)) => Some(Usage::NONE.with(Meter::AudioInputSeconds, seconds)),
        (usage, _) => usage,
    })
}

/// Reads a report by tokens or by seconds; `None` for null.
fn read_usage(endpoint: Endpoint, scanner: &mut Scanner<'_>) -> Result<Option<Usage>, BadUsage> {
    let place = scanner.span()?;
    let value = scanner.slice(place);
    let by_seconds = object_or_null(&mut Scanner::new(value), |scanner| {
        let (mut kind, mut seconds) = (Cow::Borrowed(&b""[..]), None);
        scanner.object(|scanner, key| {
            match (key.text.raw, scanner.kind()?) {
                (b"type", Kind::String) => kind = scanner.string()?.bytes(),
                (b"seconds", _) => seconds = fractional(scanner, "seconds")?,
                // Mistral reports seconds beside its tokens.
                (b"prompt_audio_seconds", Kind::Number) => seconds = count(scanner, "prompt_audio_seconds")?,
                _ => scanner.skip()?,
            }
            Ok::<_, BadUsage>(())
        })?;
        if &*kind == b"duration" && seconds.is_none() {
            return Err(BadUsage::Missing { field: "seconds" });
        }
        Ok((&*kind == b"duration", seconds))
    })?;
    let Some((only_seconds, seconds)) = by_seconds else { return Ok(None) };
    let seconds = seconds.unwrap_or(0);
    if only_seconds {
        return Ok(Some(Usage::NONE.with(Meter::AudioInputSeconds, seconds)));
    }
    let usage = Report::read(&mut Scanner::new(value), endpoint)?.usage(endpoint)?;
    Ok(Some(usage.with(Meter::AudioInputSeconds, seconds)))
}
