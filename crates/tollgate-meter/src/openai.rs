//! The OpenAI wire format.
//!
//! [`chat`] reads the requests that make text (chat completions, completions, embeddings), [`responses`]
//! those of the Responses API, [`media`] and [`transcription`] those of pictures and sound, [`tools`]
//! what they may declare. [`report`] reads the usage that an answer reports, [`chunk`],
//! [`response_event`] and [`media_event`] the pieces of streams, [`response_head`] what a stream of the
//! Responses API says of itself. Servers that speak this format with
//! their own habits (DeepSeek, Moonshot, Groq, xAI, vLLM, Gemini's compatible endpoint) are read as
//! they are; where they differ, the line that knows says so.

pub(crate) mod chat;
pub(crate) mod chunk;
pub(crate) mod media;
pub(crate) mod media_event;
pub(crate) mod report;
pub(crate) mod response_event;
pub(crate) mod response_head;
pub(crate) mod responses;
pub(crate) mod tools;
pub(crate) mod transcription;
