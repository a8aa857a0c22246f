//! Reads JSON where it lies: one pass, no tree, no copy.
//!
//! A [`Scanner`] walks a byte slice and hands the members of an object or the elements of an array to
//! a closure, which reads or [skips](Scanner::skip) each value. Everything that is walked over is
//! checked against the grammar, also what is skipped. Whoever needs to change a body keeps the
//! offsets and splices; whoever needs a number keeps its digits.

mod number;
mod scanner;
mod text;

pub(crate) use number::whole_number;
pub(crate) use scanner::{Key, Kind, Scanner};
pub(crate) use text::Text;

/// Where a text stops being JSON, and what should have stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Offset in bytes.
    pub at: usize,
    /// What was expected at that place.
    pub expected: &'static str,
}

#[cfg(test)]
mod tests;
