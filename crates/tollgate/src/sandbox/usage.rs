//! What an answer used, and whether its model says so.

use super::knobs::Knobs;
use super::model::Model;

/// Prompts from this many tokens on are cached, in blocks.
const CACHED_FROM: usize = 1_024;
const CACHE_BLOCK: usize = 128;

/// Tokens of one answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) prompt: usize,
    /// What is seen of the answer: its text, or the call of a tool. Reasoning is not included.
    pub(super) visible: usize,
    pub(super) reasoning: usize,
}

/// What is said about usage.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reporting {
    Honest(Usage),
    /// Nothing.
    Missing,
    /// Negative and absurd figures.
    Wrong,
}

impl Usage {
    /// Tokens of the prompt that were read from a cache.
    pub(super) fn cached(self) -> usize {
        if self.prompt < CACHED_FROM { 0 } else { (self.prompt - 1) / CACHE_BLOCK * CACHE_BLOCK }
    }

    /// Everything that was generated.
    pub(super) fn output(self) -> usize {
        self.visible + self.reasoning
    }

    pub(super) fn total(self) -> usize {
        self.prompt + self.output()
    }

    /// What `model` says about it.
    pub(super) fn reported_by(self, model: Model, knobs: &Knobs) -> Reporting {
        match model {
            _ if knobs.hides_usage => Reporting::Missing,
            Model::NoUsage => Reporting::Missing,
            Model::WrongUsage => Reporting::Wrong,
            _ => Reporting::Honest(self),
        }
    }
}
