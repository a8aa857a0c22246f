//! Reads the events of a Messages stream, and whole messages: the text they add, the usage they report.

use super::tally::Tally;
use crate::json::{Flaw, Kind, Scanner, Text};
use crate::stream::{Channel, Generated, Mark, Piece};
use crate::usage::BadUsage;

/// Reads the data of one event, adds its text to `generated` and its usage to `tally`.
pub(crate) fn read(data: &[u8], tally: &mut Tally, generated: &mut Generated) -> Result<Piece, Flaw> {
    let (mut kind, mut report) = (None, None);
    let mut stop_reason = None;
    let mut scanner = Scanner::new(data);
    scanner.object(|scanner, key| {
        match (key.text.raw, scanner.kind()?) {
            (b"type", Kind::String) => kind = Some(scanner.string()?.bytes()),
            (b"message", Kind::Object) => report = usage_inside(scanner, tally)?,
            (b"usage", Kind::Object) => report = Some(add_report(scanner, tally)?),
            (b"delta" | b"content_block", Kind::Object) => {
                stop_reason = add_block(scanner, generated)?.or(stop_reason);
            }
            _ => scanner.skip()?,
        }
        Ok::<_, Flaw>(())
    })?;
    scanner.end()?;
    let mark = match (kind.as_deref().unwrap_or_default(), stop_reason) {
        (b"message_delta", Some(reason)) => {
            generated.finish(0, &reason.text());
            Mark::Last
        }
        (b"message_stop", _) => Mark::Over,
        (b"error", _) => Mark::Failed,
        _ => Mark::None,
    };
    let mut piece = Piece { mark, ..Piece::default() };
    match (kind.as_deref(), report) {
        (_, None) => (),
        // It counts the prompt; its one or two tokens of output only mean that there will be some.
        (Some(b"message_start"), Some(Ok(()))) => piece.prompt = tally.prompt_usage().ok(),
        (_, Some(Ok(()))) => {
            piece.prompt = tally.prompt_usage().ok();
            piece.usage = Some(tally.usage());
        }
        (_, Some(Err(bad))) => piece.usage = Some(Err(bad)),
    }
    Ok(piece)
}

/// Adds the text of a whole message to `generated`.
pub(crate) fn read_whole(body: &[u8], generated: &mut Generated) -> Result<(), Flaw> {
    let mut scanner = Scanner::new(body);
    scanner.object(|scanner, key| match (key.text.raw, scanner.kind()?) {
        (b"content", Kind::Array) => scanner.array(|scanner| match scanner.kind()? {
            Kind::Object => add_block(scanner, generated).map(drop),
            Kind::Array | Kind::String | Kind::Number | Kind::Bool | Kind::Null => scanner.skip(),
        }),
        _ => scanner.skip(),
    })
}

/// Reads the usage of a `message`, if it has one.
fn usage_inside(scanner: &mut Scanner<'_>, tally: &mut Tally) -> Result<Option<Result<(), BadUsage>>, Flaw> {
    let mut report = None;
    scanner.object(|scanner, key| match (key.text.raw, scanner.kind()?) {
        (b"usage", Kind::Object) => {
            report = Some(add_report(scanner, tally)?);
            Ok::<_, Flaw>(())
        }
        _ => scanner.skip(),
    })?;
    Ok(report)
}

/// Adds a usage report to `tally` without letting a bad one spoil the event around it.
fn add_report(scanner: &mut Scanner<'_>, tally: &mut Tally) -> Result<Result<(), BadUsage>, Flaw> {
    let value = scanner.span()?;
    Ok(tally.read(&mut Scanner::new(scanner.slice(value))))
}

/// Reads a content block, or what an event adds to one or to the message, and gives the stop reason that
/// it names. The name of a tool and its input are generated text like any other.
fn add_block<'a>(scanner: &mut Scanner<'a>, generated: &mut Generated) -> Result<Option<Text<'a>>, Flaw> {
    let mut stop_reason = None;
    scanner.object(|scanner, key| {
        match (key.text.raw, scanner.kind()?) {
            (b"text" | b"partial_json" | b"name", Kind::String) => {
                generated.add(0, Channel::Output, scanner.string()?);
            }
            (b"thinking", Kind::String) => generated.add(0, Channel::Reasoning, scanner.string()?),
            (b"input", Kind::Object) => {
                let place = scanner.span()?;
                let input = scanner.slice(place);
                // A block begins with an empty input, which the deltas then write.
                if input.len() > 2 {
                    generated.add(0, Channel::Output, Text { raw: input, escaped: false });
                }
            }
            (b"stop_reason", Kind::String) => stop_reason = Some(scanner.string()?),
            _ => scanner.skip()?,
        }
        Ok::<_, Flaw>(())
    })?;
    Ok(stop_reason)
}
