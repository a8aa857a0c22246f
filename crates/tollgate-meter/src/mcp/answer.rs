//! How a request ended, by the message that answers it.

use super::Id;
use crate::json::{Flaw, Kind, Scanner};
use crate::json_guard::BadBody;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a result.
    Done,
    /// With a tool's own report that it failed (`isError`).
    ToolFailed,
    /// Not yet: the client is asked for more and sends the request again (`resultType: input_required`).
    Unfinished,
    /// With a JSON-RPC error.
    Failed,
}

/// How the request `id` ended, if `message` is its answer; `None` if it is about something else.
///
/// Members that stand there twice are taken as a parser that keeps the last one does: what a server writes
/// is passed on as it is.
///
/// # Errors
/// [`BadBody`] if it is no JSON, or no object.
pub fn answer(message: &[u8], id: &Id) -> Result<Option<Outcome>, BadBody> {
    let mut scanner = Scanner::new(message);
    let (mut is_answer, mut outcome) = (false, None);
    let mut is_error = false;
    scanner.object(|scanner, key| {
        match &*key.text.bytes() {
            b"id" => {
                let place = scanner.span()?;
                is_answer = Id::read(&mut Scanner::new(scanner.slice(place))).is_ok_and(|found| found == *id);
            }
            b"result" => outcome = Some(of_result(scanner)?),
            b"error" if scanner.kind()? != Kind::Null => {
                is_error = true;
                scanner.skip()?;
            }
            _ => scanner.skip()?,
        }
        Ok::<(), BadBody>(())
    })?;
    scanner.end()?;
    Ok(match (is_answer, is_error) {
        (false, _) => None,
        (true, true) => Some(Outcome::Failed),
        (true, false) => outcome,
    })
}

fn of_result(scanner: &mut Scanner<'_>) -> Result<Outcome, Flaw> {
    let mut outcome = Outcome::Done;
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        return Ok(outcome);
    }
    scanner.object(|scanner, key| {
        let place = scanner.at();
        scanner.skip()?;
        let value = scanner.slice(place..scanner.at());
        match &*key.text.bytes() {
            b"isError" if value == b"true" => outcome = Outcome::ToolFailed,
            b"resultType" if value == b"\"input_required\"" => outcome = Outcome::Unfinished,
            _ => (),
        }
        Ok::<(), Flaw>(())
    })?;
    Ok(outcome)
}
