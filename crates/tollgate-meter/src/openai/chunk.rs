//! Reads one chunk of a chat or completion, or a whole answer: what it adds to the text, and what it
//! reports.

use tollgate_core::meter::Usage;

use super::report::Report;
use crate::endpoint::Endpoint;
use crate::json::{Flaw, Kind, Scanner, whole_number};
use crate::stream::{Channel, Generated, Mark, Piece};
use crate::usage::{BadUsage, object_or_null};

/// A usage report, if there is one.
type Reported = Option<Result<Usage, BadUsage>>;

/// Reads `data` and adds its text to `generated`.
pub(crate) fn read(data: &[u8], generated: &mut Generated) -> Result<Piece, Flaw> {
    let mut piece = Piece::default();
    let (mut choices, mut has_error) = (0_u64, false);
    let (mut in_choice, mut in_groq): (Reported, Reported) = (None, None);
    // The end of the member before, and the start of a null usage that was the first member.
    let (mut previous, mut first_null) = (None, None);
    let mut scanner = Scanner::new(data);
    scanner.object(|scanner, key| {
        if let Some(start) = first_null.take() {
            piece.null_usage = Some(start..key.start);
        }
        match key.text.raw {
            b"choices" => choices += read_choices(scanner, generated, &mut in_choice)?,
            b"usage" if scanner.kind()? == Kind::Null => {
                scanner.skip()?;
                piece.null_usage = Some(previous.unwrap_or(key.start)..scanner.at());
                first_null = previous.is_none().then_some(key.start);
            }
            b"usage" => piece.usage = report(scanner)?,
            // Groq repeats usage here, and has it only here where nobody asked for it.
            b"x_groq" if scanner.kind()? == Kind::Object => scanner.object(|scanner, key| match key.text.raw {
                b"usage" => {
                    in_groq = report(scanner)?;
                    Ok(())
                }
                _ => scanner.skip(),
            })?,
            b"error" => has_error |= scanner.kind()? != Kind::Null && scanner.skip().is_ok(),
            _ => scanner.skip()?,
        }
        previous = Some(scanner.at());
        Ok::<_, Flaw>(())
    })?;
    scanner.end()?;
    piece.is_only_usage = piece.usage.is_some() && choices == 0 && !has_error;
    piece.usage = piece.usage.or(in_choice).or(in_groq);
    if has_error {
        piece.mark = Mark::Failed;
    }
    Ok(piece)
}

/// Reads the elements of `choices` and gives their number.
fn read_choices(scanner: &mut Scanner<'_>, generated: &mut Generated, in_choice: &mut Reported) -> Result<u64, Flaw> {
    let mut choices = 0;
    if scanner.kind()? != Kind::Array {
        scanner.skip()?;
        return Ok(choices);
    }
    scanner.array(|scanner| {
        choices += 1;
        if scanner.kind()? != Kind::Object {
            return scanner.skip();
        }
        let mut index = None;
        // Text that stands before the index of its choice waits for it.
        let mut early = Vec::new();
        scanner.object(|scanner, key| match (key.text.raw, index) {
            (b"index", _) => {
                let value = scanner.span()?;
                index = whole_number(scanner.slice(value));
                Ok(())
            }
            (b"delta" | b"message" | b"text", Some(index)) => add_text(scanner, generated, index),
            (b"delta" | b"message" | b"text", None) => {
                early.push(scanner.span()?);
                Ok(())
            }
            (b"finish_reason", _) => {
                if scanner.kind()? == Kind::String {
                    generated.finish(index.unwrap_or(0), &scanner.string()?.text());
                    return Ok(());
                }
                scanner.skip()
            }
            // Moonshot reports usage in the last chunk of a choice.
            (b"usage", _) => {
                *in_choice = report(scanner)?.or_else(|| in_choice.take());
                Ok(())
            }
            _ => scanner.skip(),
        })?;
        for text in early {
            add_text(&mut Scanner::new(scanner.slice(text)), generated, index.unwrap_or(0))?;
        }
        Ok(())
    })?;
    Ok(choices)
}

/// Reads a usage report without letting a bad one spoil the chunk around it.
fn report(scanner: &mut Scanner<'_>) -> Result<Reported, Flaw> {
    const ENDPOINT: Endpoint = Endpoint::ChatCompletions;
    let value = scanner.span()?;
    let mut inside = Scanner::new(scanner.slice(value));
    let report = object_or_null(&mut inside, |scanner| Report::read(scanner, ENDPOINT));
    Ok(report.and_then(|report| report.map(|report| report.usage(ENDPOINT)).transpose()).transpose())
}

/// Reads the `delta` of a chat chunk, the `message` of a whole answer, or the `text` of a completion.
fn add_text(scanner: &mut Scanner<'_>, generated: &mut Generated, choice: u64) -> Result<(), Flaw> {
    match scanner.kind()? {
        Kind::String => {
            generated.add(choice, Channel::Output, scanner.string()?);
            Ok(())
        }
        Kind::Object => add_delta(scanner, generated, choice),
        Kind::Array | Kind::Number | Kind::Bool | Kind::Null => scanner.skip(),
    }
}

fn add_delta(scanner: &mut Scanner<'_>, generated: &mut Generated, choice: u64) -> Result<(), Flaw> {
    let mut reasoning = None;
    scanner.object(|scanner, key| match (key.text.raw, scanner.kind()?) {
        (b"content" | b"refusal", Kind::String) => {
            generated.add(choice, Channel::Output, scanner.string()?);
            Ok(())
        }
        // Two names for the same text; a server that knows both sends it twice.
        (b"reasoning_content" | b"reasoning", Kind::String) => {
            let text = scanner.string()?;
            if reasoning.replace(text).is_none() {
                generated.add(choice, Channel::Reasoning, text);
            }
            Ok(())
        }
        (b"tool_calls", Kind::Array) => scanner.array(|scanner| add_call(scanner, generated, choice)),
        (b"function_call", Kind::Object) => add_call(scanner, generated, choice),
        _ => scanner.skip(),
    })
}

/// Reads a tool call, or the function inside one: its name and its arguments are generated text.
fn add_call(scanner: &mut Scanner<'_>, generated: &mut Generated, choice: u64) -> Result<(), Flaw> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    scanner.object(|scanner, key| match (key.text.raw, scanner.kind()?) {
        (b"name" | b"arguments" | b"input", Kind::String) => {
            generated.add(choice, Channel::Output, scanner.string()?);
            Ok(())
        }
        (b"function" | b"custom", Kind::Object) => add_call(scanner, generated, choice),
        _ => scanner.skip(),
    })
}
