//! Server-sent events, cut out of a stream without changing a byte of it.
//!
//! An [`EventStream`] takes the frames of a body as they arrive and gives back the bytes that form
//! whole events; the tail of an unfinished event waits for the rest. [`Event`] reads one of them.
//! Nothing here knows what the events mean.

mod event;
mod splitter;

pub use event::Event;
pub use splitter::{EVENT_LEN_MAX, EventStream, EventTooLarge, Events};

#[cfg(test)]
mod tests;
