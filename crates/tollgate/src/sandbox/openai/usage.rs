//! What a model says that it used.

use serde_json::{Value, json};

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

impl Usage {
    fn cached(self) -> usize {
        if self.prompt < CACHED_FROM { 0 } else { (self.prompt - 1) / CACHE_BLOCK * CACHE_BLOCK }
    }

    /// The `usage` member as `model` reports it; some do not, some lie.
    pub(super) fn reported_by(self, model: Model) -> Option<Value> {
        match model {
            Model::NoUsage => None,
            Model::WrongUsage => Some(json!({
                "prompt_tokens": -7, "completion_tokens": 9_000_000_000_000_000_000_u64, "total_tokens": 3,
                "prompt_tokens_details": { "cached_tokens": 1_000_000 },
                "completion_tokens_details": { "reasoning_tokens": -1 },
            })),
            _ => Some(self.to_json()),
        }
    }

    fn to_json(self) -> Value {
        let completion = self.visible + self.reasoning;
        json!({
            "prompt_tokens": self.prompt, "completion_tokens": completion, "total_tokens": self.prompt + completion,
            "prompt_tokens_details": { "cached_tokens": self.cached(), "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        })
    }
}
