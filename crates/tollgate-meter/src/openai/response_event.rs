//! Reads the events of a Responses stream, and whole responses: the text they add, the usage they report.

use super::response_head::ResponseHead;
use crate::json::{Flaw, Kind, Scanner, Text};
use crate::stream::{Channel, Generated, Mark, Piece};

/// Reads the data of one event, adds its text to `generated` and notes in `head` what the stream says of itself.
pub(crate) fn read(data: &[u8], head: &mut ResponseHead, generated: &mut Generated) -> Result<Piece, Flaw> {
    let (mut kind, mut delta, mut called) = (None, None, None);
    let (mut usage, mut has_error) = (None, false);
    let mut scanner = Scanner::new(data);
    scanner.object(|scanner, key| {
        match (key.text.raw, scanner.kind()?) {
            (b"type", Kind::String) => kind = Some(scanner.string()?.bytes()),
            (b"delta", Kind::String) => delta = Some(scanner.string()?),
            (b"response", Kind::Object) => usage = head.read(scanner)?,
            (b"sequence_number", Kind::Number) => {
                let place = scanner.span()?;
                head.number(scanner.slice(place));
            }
            (b"item", Kind::Object) => called = name_inside(scanner)?,
            (b"error", value) => has_error |= value != Kind::Null && scanner.skip().is_ok(),
            _ => scanner.skip()?,
        }
        Ok::<_, Flaw>(())
    })?;
    scanner.end()?;
    let kind = kind.as_deref().unwrap_or_default();
    if let Some((channel, text)) = channel_of(kind).zip(delta) {
        generated.add(0, channel, text);
    }
    if let (b"response.output_item.added", Some(name)) = (kind, called) {
        generated.add(0, Channel::Output, name);
    }
    head.has_failed |= kind == b"response.failed";
    let mark = match kind {
        b"response.completed" | b"response.incomplete" => {
            generated.finish(0, if kind == b"response.completed" { "completed" } else { "incomplete" });
            Mark::Over
        }
        b"response.failed" | b"response.cancelled" | b"error" => Mark::Failed,
        _ if has_error => Mark::Failed,
        _ => Mark::None,
    };
    Ok(Piece { usage, mark, ..Piece::default() })
}

/// Adds the text of a whole response to `generated`.
pub(crate) fn read_whole(body: &[u8], generated: &mut Generated) -> Result<(), Flaw> {
    let mut scanner = Scanner::new(body);
    scanner.object(|scanner, key| match (key.text.raw, scanner.kind()?) {
        (b"output", Kind::Array) => scanner.array(|scanner| add_item(scanner, generated)),
        _ => scanner.skip(),
    })
}

/// What the delta of an event of this `kind` is; `None` for sound, which is not text.
fn channel_of(kind: &[u8]) -> Option<Channel> {
    match kind {
        b"response.audio.delta" | b"response.output_audio.delta" => None,
        b"response.reasoning_text.delta" | b"response.reasoning_summary_text.delta" => Some(Channel::Reasoning),
        _ => Some(Channel::Output),
    }
}

/// The name of the function that an item calls.
fn name_inside<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Text<'a>>, Flaw> {
    let mut name = None;
    scanner.object(|scanner, key| match (key.text.raw, scanner.kind()?) {
        (b"name", Kind::String) => {
            name = Some(scanner.string()?);
            Ok(())
        }
        _ => scanner.skip(),
    })?;
    Ok(name)
}

/// Reads an item of the output: a message, a call, or reasoning.
fn add_item(scanner: &mut Scanner<'_>, generated: &mut Generated) -> Result<(), Flaw> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    let (mut kind, mut content) = (None, None);
    scanner.object(|scanner, key| {
        match (key.text.raw, scanner.kind()?) {
            (b"type", Kind::String) => kind = Some(scanner.string()?.bytes()),
            (b"name" | b"arguments" | b"input", Kind::String) => {
                generated.add(0, Channel::Output, scanner.string()?);
            }
            (b"summary", Kind::Array) => add_texts(scanner, generated, Channel::Reasoning)?,
            (b"content", Kind::Array) => content = Some(scanner.span()?),
            _ => scanner.skip()?,
        }
        Ok::<_, Flaw>(())
    })?;
    let channel = if kind.as_deref() == Some(b"reasoning") { Channel::Reasoning } else { Channel::Output };
    match content {
        Some(place) => add_texts(&mut Scanner::new(scanner.slice(place)), generated, channel),
        None => Ok(()),
    }
}

/// Reads a list of parts that have a text.
fn add_texts(scanner: &mut Scanner<'_>, generated: &mut Generated, channel: Channel) -> Result<(), Flaw> {
    scanner.array(|scanner| match scanner.kind()? {
        Kind::Object => scanner.object(|scanner, key| match (key.text.raw, scanner.kind()?) {
            (b"text" | b"refusal", Kind::String) => {
                generated.add(0, channel, scanner.string()?);
                Ok(())
            }
            _ => scanner.skip(),
        }),
        Kind::Array | Kind::String | Kind::Number | Kind::Bool | Kind::Null => scanner.skip(),
    })
}
