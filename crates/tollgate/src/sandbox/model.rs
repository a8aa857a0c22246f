//! The names of the sandbox's models. Each stands for a way in which a model can behave, in every format.
//!
//! | model | behaviour |
//! |---|---|
//! | `sandbox-small` | 16 to 48 tokens |
//! | `sandbox-large` | 80 to 200 tokens |
//! | `sandbox-reasoning` | reports reasoning tokens beside the text; the output bound covers both |
//! | `sandbox-no-usage` | never says what it used |
//! | `sandbox-wrong-usage` | negative and absurd usage |
//! | `sandbox-error-500` | always an error |
//! | `sandbox-cut` | closes the connection in the middle of the answer |
//! | `sandbox-slow` | 100 ms before each token |
//! | `sandbox-hang` | no answer, ever |
//! | `sandbox-error-after-200` | an error inside a stream that had begun well |
//! | `sandbox-echo` | the last user message, word for word |
//! | `sandbox-embedding` | for embeddings; they follow from the words of the input |
//!
//! Every model answers at every endpoint.

use std::time::Duration;

use super::fault::Fault;

/// A model of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    Small,
    Large,
    Reasoning,
    NoUsage,
    WrongUsage,
    Error500,
    Cut,
    Slow,
    Hang,
    ErrorAfter200,
    Echo,
    Embedding,
}

impl Model {
    pub(super) const ALL: [(&'static str, Self); 12] = [
        ("sandbox-small", Self::Small),
        ("sandbox-large", Self::Large),
        ("sandbox-reasoning", Self::Reasoning),
        ("sandbox-no-usage", Self::NoUsage),
        ("sandbox-wrong-usage", Self::WrongUsage),
        ("sandbox-error-500", Self::Error500),
        ("sandbox-cut", Self::Cut),
        ("sandbox-slow", Self::Slow),
        ("sandbox-hang", Self::Hang),
        ("sandbox-error-after-200", Self::ErrorAfter200),
        ("sandbox-echo", Self::Echo),
        ("sandbox-embedding", Self::Embedding),
    ];

    /// The model of exactly this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|&(known, _)| known == name).map(|(_, model)| model)
    }

    /// What goes wrong before there is an answer.
    pub(super) async fn misbehave(self) -> Result<(), Fault> {
        match self {
            Self::Error500 => Err(Fault::Failed),
            Self::Hang => std::future::pending().await,
            _ => Ok(()),
        }
    }

    /// The gap before each piece of a stream, unless the request asks for another.
    pub(super) fn gap(self) -> Duration {
        if self == Self::Slow { Duration::from_millis(100) } else { Duration::ZERO }
    }

    /// The fewest and the most tokens that it writes of its own accord.
    pub(super) fn answer_tokens(self) -> (usize, usize) {
        if self == Self::Large { (80, 200) } else { (16, 48) }
    }
}
