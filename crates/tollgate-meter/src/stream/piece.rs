//! What one piece of an answer says besides its text.

use std::ops::Range;

use tollgate_core::meter::Usage;

use crate::usage::BadUsage;

/// What one event of a stream, or a whole answer, says besides its text.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// The prompt, as far as it is reported here.
    pub prompt: Option<Usage>,
    /// All of the answer up to here, as it is reported.
    pub usage: Option<Result<Usage, BadUsage>>,
    /// What it means for the stream.
    pub mark: Mark,
    /// Whether it is there for nothing but its report.
    pub is_only_usage: bool,
    /// Where a `usage` member of null stands, with the comma that goes with it.
    pub null_usage: Option<Range<usize>>,
}

/// What an event means for the stream that it is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing.
    #[default]
    None,
    /// The end begins with it: a client may take the answer for complete.
    Last,
    /// The end has come, nothing that matters follows.
    Over,
    /// The upstream reports an error.
    Failed,
}
