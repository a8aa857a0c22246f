//! OpenAI responses.
//!
//! Shapes: OpenAI's API reference and SDKs as of November 2026. An upstream is asked to store nothing
//! (`store: false`) and to seal its reasoning, because the conversation lives with the caller; what refers to
//! stored state (`previous_response_id`, `conversation`, `item_reference`) is refused for the same reason.

mod items;
mod read_answer;
mod read_request;
mod write_answer;
mod write_request;
mod write_stream;

use super::calls::{IdRule, Letters};

pub(crate) use read_answer::{EventReader, read_answer};
pub(crate) use read_request::read_request;
pub(crate) use write_answer::write_answer;
pub(crate) use write_request::write_request;
pub(crate) use write_stream::EventWriter;

/// OpenAI refuses longer ids of tool calls in this format.
pub(crate) const ID_RULE: IdRule = IdRule { len_max: 64, letters: Letters::Any };
