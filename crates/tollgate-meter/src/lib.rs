//! Bytes in, usage out.
//!
//! What an LLM call asks for is read from its request, what it cost from its answer, and what that is
//! worth from a price book. Nothing here does IO, knows a customer or decides anything: bytes come
//! in, figures go out, and the bytes that go on are the ones that came in.
//!
//! Reading order: [`json_guard`] refuses what two parsers could read differently; [`openai`] is the
//! first wire format (each format is one module with a request, a usage and a stream part);
//! [`mcp`] reads the messages of tool servers; [`sse`] cuts streams into events; [`tokens`] counts
//! where nobody reports; [`price_book`] knows what models cost.

#![deny(clippy::float_arithmetic, missing_docs)]

mod json;
pub mod json_guard;
pub mod mcp;
pub mod openai;
pub mod price_book;
pub mod sse;
pub mod tokens;
