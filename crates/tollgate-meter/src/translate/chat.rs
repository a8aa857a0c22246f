//! OpenAI chat completions.
//!
//! Shapes: OpenAI's API reference and SDKs as of November 2026, and the habits of compatible servers that
//! [`openai`](crate::openai) knows: `reasoning_content` or `reasoning` beside `content`, missing or repeated
//! indices of tool calls. A seal of Gemini's reasoning has a documented place in a tool call
//! (`extra_content.google.thought_signature`); other seals have none here and are left out.

mod content;
mod read_answer;
mod read_request;
mod write_answer;
mod write_request;

use super::calls::{IdRule, Letters};

pub(crate) use read_answer::{ChunkReader, read_answer};
pub(crate) use read_request::read_request;
pub(crate) use write_answer::{ChunkWriter, write_answer};
pub(crate) use write_request::write_request;

/// OpenAI refuses longer ids of tool calls in this format.
pub(crate) const ID_RULE: IdRule = IdRule { len_max: 40, letters: Letters::Any };
