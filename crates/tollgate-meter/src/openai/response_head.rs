//! What a Responses stream has said of itself.

use tollgate_core::meter::Usage;

use super::report::Report;
use crate::endpoint::Endpoint;
use crate::json::{Flaw, Kind, Scanner, whole_number};
use crate::usage::{BadUsage, object_or_null};

/// Longest id or name in bytes that is kept.
const NAME_LEN_MAX: usize = 256;

/// What a Responses stream has said of itself so far: what an event that ends it has to repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// The id of the response; empty as long as none was said.
    pub id: Box<str>,
    /// The model that answers; empty as long as none was said.
    pub model: Box<str>,
    /// When the response was created, in seconds of Unix time; 0 as long as that was not said.
    pub created_at_s: u64,
    /// The `sequence_number` of the next event.
    pub next_sequence: u64,
    /// Whether `response.failed` has come.
    pub has_failed: bool,
}

impl ResponseHead {
    /// Notes the `sequence_number` of an event.
    pub(super) fn number(&mut self, digits: &[u8]) {
        if let Some(number) = whole_number(digits) {
            self.next_sequence = number.saturating_add(1);
        }
    }

    /// Reads the `response` object of an event and gives the report in it. A bad report does not spoil the
    /// event around it.
    pub(super) fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<Option<Result<Usage, BadUsage>>, Flaw> {
        const ENDPOINT: Endpoint = Endpoint::Responses;
        let mut usage = None;
        scanner.object(|scanner, key| {
            match (key.text.raw, scanner.kind()?) {
                (b"id", Kind::String) => keep(&mut self.id, &scanner.string()?.text()),
                (b"model", Kind::String) => keep(&mut self.model, &scanner.string()?.text()),
                (b"created_at", Kind::Number) => {
                    let place = scanner.span()?;
                    self.created_at_s = whole_number(scanner.slice(place)).unwrap_or(self.created_at_s);
                }
                (b"usage", _) => {
                    let place = scanner.span()?;
                    let mut inside = Scanner::new(scanner.slice(place));
                    let report = object_or_null(&mut inside, |scanner| Report::read(scanner, ENDPOINT));
                    usage =
                        report.and_then(|report| report.map(|report| report.usage(ENDPOINT)).transpose()).transpose();
                }
                _ => scanner.skip()?,
            }
            Ok::<_, Flaw>(())
        })?;
        Ok(usage)
    }
}

/// The first one that was said stands.
fn keep(place: &mut Box<str>, said: &str) {
    if place.is_empty() && said.len() <= NAME_LEN_MAX {
        *place = said.into();
    }
}
