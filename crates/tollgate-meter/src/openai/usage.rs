//! What an answer reports about its own cost.
//!
//! The report overlaps itself: `prompt_tokens` includes the cached ones, `completion_tokens` the
//! reasoning. Here the counts become disjoint meters whose sum is what the upstream calls the total,
//! so that nothing is priced twice. A zero that is there is a value; a field that is absent is not.
//! A report that contradicts itself is an error and never a guess: the caller then counts or
//! estimates, and tells the operator.

mod report;

use tollgate_core::meter::Usage;

use super::Endpoint;
use crate::json::{Flaw, Kind, Scanner};
pub(super) use report::Report;

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
    /// `total_tokens` is not the sum that it should be.
    #[error("usage.total_tokens is not the sum of the other counts")]
    TotalDiffers,
}

impl From<Flaw> for BadUsage {
    fn from(flaw: Flaw) -> Self {
        Self::Unreadable { at: flaw.at }
    }
}

/// The usage that the whole answer `body` reports; `None` where it has no `usage`, or a null one.
///
/// Only token meters are set. Reads past everything else without building it.
///
/// # Errors
/// [`BadUsage`] if the body is no JSON object, has two reports, or one that cannot be.
pub fn usage_of_body(endpoint: Endpoint, body: &[u8]) -> Result<Option<Usage>, BadUsage> {
    let mut scanner = Scanner::new(body);
    let mut usage = None;
    scanner.object(|scanner, key| {
        if key.text.raw != b"usage" {
            scanner.skip()?;
        } else if let Some(report) = read(scanner)?
            && usage.replace(report).is_some()
        {
            return Err(BadUsage::Twice);
        }
        Ok(())
    })?;
    scanner.end()?;
    usage.map(|report| report.usage(endpoint)).transpose()
}

/// Reads the value of `usage`; `None` for null.
pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Option<Report>, BadUsage> {
    match scanner.kind()? {
        Kind::Null => {
            scanner.skip()?;
            Ok(None)
        }
        Kind::Object => Report::read(scanner).map(Some),
        Kind::Array | Kind::String | Kind::Number | Kind::Bool => {
            scanner.skip()?;
            Err(BadUsage::NotAnObject)
        }
    }
}

#[cfg(test)]
mod tests;
