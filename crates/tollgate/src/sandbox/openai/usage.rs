//! What a model says that it used.

use serde::Serialize;

use crate::sandbox::model::Model;

/// Prompts from this many tokens on are cached, in blocks.
const CACHED_FROM: usize = 1_024;
const CACHE_BLOCK: usize = 128;

/// Tokens of one completion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) prompt: usize,
    /// What all choices say, reasoning not included.
    pub(super) visible: usize,
    pub(super) reasoning: usize,
}

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

impl Usage {
    /// The usage as `model` reports it; some do not, some lie.
    pub(super) fn reported_by(self, model: Model) -> Option<Reported> {
        match model {
            Model::NoUsage => None,
            Model::WrongUsage => Some(Reported {
                prompt_tokens: -7,
                completion_tokens: 9_000_000_000_000_000_000,
                total_tokens: 3,
                prompt_tokens_details: PromptDetails { cached_tokens: 1_000_000, ..PromptDetails::default() },
                completion_tokens_details: CompletionDetails { reasoning_tokens: -1, ..CompletionDetails::default() },
            }),
            _ => Some(self.honest()),
        }
    }

    fn honest(self) -> Reported {
        let count = |tokens: usize| i64::try_from(tokens).unwrap_or(i64::MAX);
        let completion = self.visible + self.reasoning;
        let (cached_tokens, reasoning_tokens) = (count(self.cached()), count(self.reasoning));
        Reported {
            prompt_tokens: count(self.prompt),
            completion_tokens: count(completion),
            total_tokens: count(self.prompt + completion),
            prompt_tokens_details: PromptDetails { cached_tokens, ..PromptDetails::default() },
            completion_tokens_details: CompletionDetails { reasoning_tokens, ..CompletionDetails::default() },
        }
    }

    fn cached(self) -> usize {
        if self.prompt < CACHED_FROM { 0 } else { (self.prompt - 1) / CACHE_BLOCK * CACHE_BLOCK }
    }
}
