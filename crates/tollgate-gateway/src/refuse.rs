//! Refusals: everything that is not forwarded, in the dialect of whoever asked.
//!
//! [`Refusal`] is the one enum. [`problem`] makes the members of the answer out of it, the renderers write
//! them down: problem+json, XML, an HTML page, the envelopes of OpenAI, Anthropic and Gemini, the forms of MCP.
//! A further dialect is a further renderer over the same members. Shapes and headers: payment-required reference, section 2.

mod anthropic;
mod dialect;
mod envelope;
mod frame;
mod gemini;
mod html;
mod mcp;
mod openai;
mod problem;
mod refusal;
mod respond;
mod texts;
mod xml;

pub(crate) use dialect::{Dialect, McpForm};
pub(crate) use problem::{Context, Problem};
pub(crate) use refusal::Refusal;
pub(crate) use respond::{EXPOSED, respond};
pub use texts::TextOverride;
pub(crate) use texts::Texts;

#[cfg(test)]
mod tests;
