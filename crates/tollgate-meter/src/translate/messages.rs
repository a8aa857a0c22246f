//! Anthropic messages.
//!
//! Shapes: Anthropic's API reference and SDKs as of November 2026. Amounts of reasoning are written as
//! adaptive thinking with an effort, the only form that current models take; instructions become the system
//! prompt; `max_tokens` is required and comes from the facts where the caller's format does without.

mod blocks;
mod read_answer;
mod read_request;
mod write_answer;
mod write_request;

use super::calls::{IdRule, Letters};

pub(crate) use read_answer::{EventReader, read_answer};
pub(crate) use read_request::read_request;
pub(crate) use write_answer::{EventWriter, write_answer};
pub(crate) use write_request::write_request;

/// Ids must match `^[a-zA-Z0-9_-]+$`.
pub(crate) const ID_RULE: IdRule = IdRule { len_max: 128, letters: Letters::WordOnly };
