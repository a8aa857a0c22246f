//! The text that a stream generated, kept as far as it may be needed.

use tollgate_core::meter::{Meter, Usage};

use crate::json::Text;
use crate::request::CHOICES_MAX;
use crate::tokens::{self, Encoding};

/// Bytes of text that are kept for counting, over all choices.
pub const TEXT_KEPT_MAX: usize = 64 * 1024;
/// Longest finish reason that is kept.
const REASON_LEN_MAX: usize = 32;

/// What kind of tokens a text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Output,
    Reasoning,
}

/// The text of all choices.
#[derive(Debug, Default)]
pub(crate) struct Generated {
    choices: Vec<Choice>,
    bytes: u64,
    kept: usize,
}

#[derive(Debug, Default)]
struct Choice {
    index: u64,
    output: Passed,
    reasoning: Passed,
    finish_reason: Option<Box<str>>,
}

/// The text of one choice and channel.
#[derive(Debug, Default)]
struct Passed {
    kept: Vec<u8>,
    bytes: u64,
}

impl Generated {
    /// Adds a piece of text to a choice.
    pub(crate) fn add(&mut self, choice: u64, channel: Channel, text: Text<'_>) {
        if text.raw.is_empty() {
            // Still a choice that has begun.
            self.choice(choice);
            return;
        }
        let text = text.bytes();
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let keep = &text[..text.len().min(TEXT_KEPT_MAX - self.kept)];
        self.bytes += bytes;
        self.kept += keep.len();
        let choice = self.choice(choice);
        let passed = match channel {
            Channel::Output => &mut choice.output,
            Channel::Reasoning => &mut choice.reasoning,
        };
        passed.bytes += bytes;
        passed.kept.extend_from_slice(keep);
    }

    /// Notes that a choice has begun.
    pub(crate) fn begin(&mut self, choice: u64) {
        self.choice(choice);
    }

    /// Notes why a choice ended.
    pub(crate) fn finish(&mut self, choice: u64, reason: &str) {
        let cut = &reason[..reason.floor_char_boundary(REASON_LEN_MAX)];
        self.choice(choice).finish_reason = Some(cut.into());
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether choices began and all of them ended.
    pub(crate) fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish_reason.is_some())
    }

    pub(crate) fn finish_reasons(&self) -> impl Iterator<Item = (u64, Option<&str>)> {
        self.choices.iter().map(|choice| (choice.index, choice.finish_reason.as_deref()))
    }

    /// The usage that the text amounts to, with the prompt as it was reported or else estimated.
    pub(crate) fn usage(&self, prompt: Option<Usage>, prompt_tokens: u64, encoding: Encoding) -> Usage {
        let output = Counted::of(self.choices.iter().map(|choice| &choice.output), encoding);
        let reasoning = Counted::of(self.choices.iter().map(|choice| &choice.reasoning), encoding);
        let both = Counted {
            tokens: output.tokens + reasoning.tokens,
            kept: output.kept + reasoning.kept,
            bytes: output.bytes + reasoning.bytes,
        };
        prompt
            .unwrap_or(Usage::NONE.with(Meter::InputTokens, prompt_tokens))
            .with(Meter::OutputTokens, output.with_rest_as(&both))
            .with(Meter::ReasoningTokens, reasoning.with_rest_as(&both))
    }

    fn choice(&mut self, index: u64) -> &mut Choice {
        let known = self.choices.iter().position(|choice| choice.index == index);
        // A choice too many means that an upstream invents them: its text goes to the last.
        let full = self.choices.len() >= usize::try_from(CHOICES_MAX).unwrap_or(usize::MAX);
        let place = known.unwrap_or_else(|| {
            if !full {
                self.choices.push(Choice { index, ..Choice::default() });
            }
            self.choices.len() - 1
        });
        &mut self.choices[place]
    }
}

/// Tokens of the kept part of a text.
struct Counted {
    tokens: u64,
    kept: u64,
    bytes: u64,
}

impl Counted {
    fn of<'a>(texts: impl Iterator<Item = &'a Passed>, encoding: Encoding) -> Self {
        texts.fold(Self { tokens: 0, kept: 0, bytes: 0 }, |sum, text| Self {
            tokens: sum.tokens + tokens::count(&String::from_utf8_lossy(&text.kept), encoding),
            kept: sum.kept + u64::try_from(text.kept.len()).unwrap_or(u64::MAX),
            bytes: sum.bytes + text.bytes,
        })
    }

    /// The tokens, and those of the part that was not kept at the rate of `sample`, rounded up.
    fn with_rest_as(&self, sample: &Self) -> u64 {
        let rest = u128::from(self.bytes - self.kept);
        let estimated = (rest * u128::from(sample.tokens)).div_ceil(u128::from(sample.kept.max(1)));
        self.tokens.saturating_add(u64::try_from(estimated).unwrap_or(u64::MAX))
    }
}
