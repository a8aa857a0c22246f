//! Bytes in, usage out.
//!
//! What an LLM call asks for is read from its request, what it cost from its answer, and what that is
//! worth from a price book. Nothing here does IO, knows a customer or decides anything: bytes come
//! in, figures go out, and the bytes that go on are the ones that came in.
//!

#![deny(clippy::float_arithmetic, missing_docs)]

mod json;
pub mod json_guard;
pub mod openai;
pub mod sse;
pub mod tokens;
