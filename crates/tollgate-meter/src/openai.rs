//! The OpenAI wire format: chat completions, completions and embeddings.
//!
//! [`request`] reads what a caller asks for and edits it in place, [`usage`] reads what a whole
//! answer reports, [`stream`] does the same for an answer that arrives in pieces. Servers that speak
//! this format with their own habits (DeepSeek, Moonshot, xAI, vLLM, Gemini's compatible endpoint)
//! are read as they are; where they differ, the line that knows says so.

pub mod request;
pub mod stream;
pub mod usage;

/// What an upstream of this format is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`.
    ChatCompletions,
    /// `POST /v1/completions`, the older form with a bare prompt.
    Completions,
    /// `POST /v1/embeddings`.
    Embeddings,
}
