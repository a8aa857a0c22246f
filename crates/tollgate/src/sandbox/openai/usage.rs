//! What a model says that it used, in a chat completion.

use serde::Serialize;

use crate::sandbox::usage::{Reporting, Usage};

/// The `usage` member.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Reported {
    prompt_tokens: i64,
    completion_tokens: i64,
    total_tokens: i64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct PromptDetails {
    cached_tokens: i64,
    audio_tokens: i64,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct CompletionDetails {
    reasoning_tokens: i64,
    audio_tokens: i64,
    accepted_prediction_tokens: i64,
    rejected_prediction_tokens: i64,
}

impl Reported {
    /// The member, if there is to be one.
    pub(super) fn of(reporting: Reporting) -> Option<Self> {
        match reporting {
            Reporting::Honest(usage) => Some(Self::honest(usage)),
            Reporting::Missing => None,
            Reporting::Wrong => Some(Self {
                prompt_tokens: -7,
                completion_tokens: 9_000_000_000_000_000_000,
                total_tokens: 3,
                prompt_tokens_details: PromptDetails { cached_tokens: 1_000_000, ..PromptDetails::default() },
                completion_tokens_details: CompletionDetails { reasoning_tokens: -1, ..CompletionDetails::default() },
            }),
        }
    }

    fn honest(usage: Usage) -> Self {
        let count = |tokens: usize| i64::try_from(tokens).unwrap_or(i64::MAX);
        let (cached_tokens, reasoning_tokens) = (count(usage.cached()), count(usage.reasoning));
        Self {
            prompt_tokens: count(usage.prompt),
            completion_tokens: count(usage.output()),
            total_tokens: count(usage.total()),
            prompt_tokens_details: PromptDetails { cached_tokens, ..PromptDetails::default() },
            completion_tokens_details: CompletionDetails { reasoning_tokens, ..CompletionDetails::default() },
        }
    }
}
