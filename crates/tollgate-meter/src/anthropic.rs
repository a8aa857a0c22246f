//! Anthropic's Messages format.
//!
//! [`request`] reads what a caller asks for, [`content`] the blocks inside it, [`tally`] the usage that
//! accumulates over a stream, [`event`] the pieces of a stream and whole messages.

pub(crate) mod content;
pub(crate) mod event;
pub(crate) mod request;
pub(crate) mod tally;
