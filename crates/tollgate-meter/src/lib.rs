//! Bytes in, usage out.
//!
//! What an LLM call asks for is read from its request, what it cost from its answer, and what that is
//! worth from a price book. Nothing here does IO, knows a customer or decides anything: bytes come
//! in, figures go out, and the bytes that go on are the ones that came in, unless an upstream speaks
//! another format than its caller.
//!
//! Reading order: [`json_guard`] refuses what two parsers could read differently; [`endpoint`] says
//! what can be asked for; [`request`] reads what is asked, [`usage`] what a whole answer reports,
//! [`stream`] the same for an answer in pieces. Each of the three has one interface for every
//! format; what a format says is read in its folder (`openai`, `anthropic`, `gemini`). [`mcp`] reads
//! the messages of tool servers. [`sse`] cuts
//! streams into events; [`tokens`] counts where nobody reports; [`price_book`] knows what models
//! cost; [`translate`] says in one format what was said in another.

#![deny(clippy::float_arithmetic, missing_docs)]

mod anthropic;
pub mod endpoint;
mod gemini;
mod json;
pub mod json_guard;
pub mod mcp;
mod multipart;
mod openai;
pub mod price_book;
pub mod request;
pub mod sse;
pub mod stream;
pub mod tokens;
pub mod translate;
pub mod usage;
