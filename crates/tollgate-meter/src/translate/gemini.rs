//! Gemini `generateContent` and `streamGenerateContent`.
//!
//! Shapes: Google's API reference and SDKs as of November 2026. Schemas travel as JSON Schema
//! (`parametersJsonSchema`, `responseJsonSchema`); a caller's older schemas are turned into it. Amounts of
//! reasoning are written as `thinkingLevel`. The model and the question whether to stream stand in the path
//! and so in the facts.

mod parts;
mod read_answer;
mod read_request;
mod schema;
mod write_answer;
mod write_request;

use super::calls::{IdRule, Letters};

pub(crate) use read_answer::{ChunkReader, read_answer};
pub(crate) use read_request::read_request;
pub(crate) use write_answer::{ChunkWriter, write_answer};
pub(crate) use write_request::write_request;

/// Any id is taken.
pub(crate) const ID_RULE: IdRule = IdRule { len_max: 512, letters: Letters::Any };
