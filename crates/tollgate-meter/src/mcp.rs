//! The Model Context Protocol: JSON-RPC messages as a gateway has to understand them.
//!
//! A [`Message`] is what a client posts: which method, which tool, what the client declared of itself.
//! [`answer`] finds the message that answers a request and says how it ended; [`list`] finds what a list
//! names, to cut out what a plan does not open or to put a prefix before it; [`AnswerStream`] does both on
//! events while they pass. Everything else goes through byte for byte, because typed models drop what they
//! do not know and the protocol has a new revision every few months (2025-06-18, 2025-11-25, 2026-07-28).

mod answer;
mod id;
pub mod label;
pub mod list;
mod message;
mod stream;

pub use answer::{Outcome, answer};
pub use id::Id;
pub use message::{Declared, Message, Name, Request};
pub use stream::AnswerStream;

#[cfg(test)]
mod tests;
