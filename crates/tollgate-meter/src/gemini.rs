//! The format of Gemini: the model stands in the path, the answer may come as a list of candidates.
//!
//! [`request`] reads what a caller asks for, [`content`] the parts inside it, [`report`] the usage
//! metadata, [`chunk`] whole answers and the pieces of streams, which look alike.

pub(crate) mod chunk;
pub(crate) mod content;
pub(crate) mod report;
pub(crate) mod request;
