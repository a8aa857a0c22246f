//! Reads a chunk of a Gemini stream, or a whole answer: the text it adds, the usage it reports.
//!
//! A stream without `alt=sse` is an array of chunks and is read as the whole answer that it is.

use tollgate_core::meter::Usage;

use super::report::Report;
use crate::json::{Flaw, Key, Kind, Scanner, Text, whole_number};
use crate::stream::{Channel, Generated, Mark, Piece};
use crate::usage::{BadUsage, object_or_null};

/// Reads `data` and adds its text to `generated`.
pub(crate) fn read(data: &[u8], generated: &mut Generated) -> Result<Piece, Flaw> {
    let mut scanner = Scanner::new(data);
    let mut chunk = Chunk::default();
    scanner.object(|scanner, key| chunk.member(scanner, &key, generated))?;
    scanner.end()?;
    let is_last = generated.is_finished() || chunk.is_blocked;
    let mark = match (chunk.has_error, is_last) {
        (true, _) => Mark::Failed,
        (false, true) => Mark::Last,
        (false, false) => Mark::None,
    };
    let mut piece = Piece { mark, ..Piece::default() };
    match chunk.report {
        None => (),
        Some(Err(bad)) => piece.usage = Some(Err(bad)),
        Some(Ok(report)) => {
            piece.prompt = report.prompt_usage().ok();
            // Before the end, a report that does not count the answer says nothing of it.
            if is_last || report.counts_answer() {
                piece.usage = Some(report.usage());
            }
        }
    }
    Ok(piece)
}

/// Adds the text of a whole answer to `generated`.
pub(crate) fn read_whole(body: &[u8], generated: &mut Generated) -> Result<(), Flaw> {
    let mut scanner = Scanner::new(body);
    let mut one = |scanner: &mut Scanner<'_>| {
        let mut chunk = Chunk::default();
        scanner.object(|scanner, key| chunk.member(scanner, &key, generated))
    };
    match scanner.kind()? {
        Kind::Array => scanner.array(one),
        _ => one(&mut scanner),
    }
}

/// The usage that a whole answer reports: of an array, the last report.
pub(crate) fn usage_of_body(body: &[u8]) -> Result<Option<Usage>, BadUsage> {
    let mut scanner = Scanner::new(body);
    let mut last = None;
    match scanner.kind()? {
        Kind::Array => scanner.array(|scanner| {
            last = usage_inside(scanner)?.or(last);
            Ok::<_, BadUsage>(())
        })?,
        _ => last = usage_inside(&mut scanner)?,
    }
    scanner.end()?;
    last.map(|report| report.usage()).transpose()
}

fn usage_inside(scanner: &mut Scanner<'_>) -> Result<Option<Report>, BadUsage> {
    let mut found: Option<Report> = None;
    scanner.object(|scanner, key| {
        if key.text.raw != b"usageMetadata" {
            scanner.skip()?;
        } else if let Some(report) = object_or_null(scanner, Report::read)?.filter(|report| !report.is_empty())
            && found.replace(report).is_some()
        {
            return Err(BadUsage::Twice);
        }
        Ok(())
    })?;
    Ok(found)
}

/// What one chunk says besides its text.
#[derive(Debug, Default)]
struct Chunk {
    report: Option<Result<Report, BadUsage>>,
    /// Whether the prompt was refused: no candidate comes then.
    is_blocked: bool,
    has_error: bool,
}

impl Chunk {
    fn member(&mut self, scanner: &mut Scanner<'_>, key: &Key<'_>, generated: &mut Generated) -> Result<(), Flaw> {
        match (key.text.raw, scanner.kind()?) {
            (b"candidates", Kind::Array) => scanner.array(|scanner| add_candidate(scanner, generated)),
            (b"usageMetadata", Kind::Object) => {
                let value = scanner.span()?;
                let report = Report::read(&mut Scanner::new(scanner.slice(value)));
                self.report = Some(report).filter(|report| !matches!(report, Ok(report) if report.is_empty()));
                Ok(())
            }
            (b"promptFeedback", Kind::Object) => scanner.object(|scanner, key| {
                self.is_blocked |= key.text.raw == b"blockReason" && scanner.kind()? == Kind::String;
                scanner.skip()
            }),
            (b"error", Kind::Object) => {
                self.has_error = true;
                scanner.skip()
            }
            _ => scanner.skip(),
        }
    }
}

fn add_candidate(scanner: &mut Scanner<'_>, generated: &mut Generated) -> Result<(), Flaw> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    let (mut index, mut content, mut reason) = (0, None, None);
    scanner.object(|scanner, key| {
        match (key.text.raw, scanner.kind()?) {
            // The first candidate has none: zeros are left out.
            (b"index", Kind::Number) => {
                let place = scanner.span()?;
                index = whole_number(scanner.slice(place)).unwrap_or(0);
            }
            (b"content", Kind::Object) => content = Some(scanner.span()?),
            (b"finishReason", Kind::String) => reason = Some(scanner.string()?),
            _ => scanner.skip()?,
        }
        Ok::<_, Flaw>(())
    })?;
    generated.begin(index);
    if let Some(place) = content {
        Scanner::new(scanner.slice(place)).object(|scanner, key| match (key.text.raw, scanner.kind()?) {
            (b"parts", Kind::Array) => scanner.array(|scanner| add_part(scanner, generated, index)),
            _ => scanner.skip(),
        })?;
    }
    if let Some(reason) = reason {
        generated.finish(index, &reason.text());
    }
    Ok(())
}

fn add_part(scanner: &mut Scanner<'_>, generated: &mut Generated, candidate: u64) -> Result<(), Flaw> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    let (mut text, mut channel) = (None, Channel::Output);
    scanner.object(|scanner, key| {
        match (key.text.raw, scanner.kind()?) {
            (b"text", Kind::String) => text = Some(scanner.string()?),
            (b"thought", Kind::Bool) => {
                let place = scanner.span()?;
                if scanner.slice(place) == b"true" {
                    channel = Channel::Reasoning;
                }
            }
            (b"functionCall" | b"executableCode", Kind::Object) => {
                let place = scanner.span()?;
                generated.add(candidate, Channel::Output, Text { raw: scanner.slice(place), escaped: false });
            }
            _ => scanner.skip()?,
        }
        Ok::<_, Flaw>(())
    })?;
    if let Some(text) = text {
        generated.add(candidate, channel, text);
    }
    Ok(())
}
