//! The counts of one report, and the meters they make.

use tollgate_core::meter::{Meter, Usage};

use super::{BadUsage, COUNT_MAX};
use crate::json::{Kind, Scanner, whole_number};
use crate::openai::Endpoint;

/// The counts that a `usage` object names; `None` where it does not.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::openai) struct Report {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    cache_written: Option<u64>,
    audio_heard: Option<u64>,
    reasoning: Option<u64>,
    audio_spoken: Option<u64>,
}

impl Report {
    /// Reads a `usage` object. After an error the scanner stands inside it.
    pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Self, BadUsage> {
        let mut report = Self::default();
        let mut flat_cached = None;
        scanner.object(|scanner, key| {
            match key.text.raw {
                b"prompt_tokens" => report.prompt = count(scanner, "prompt_tokens")?,
                b"completion_tokens" => report.completion = count(scanner, "completion_tokens")?,
                b"total_tokens" => report.total = count(scanner, "total_tokens")?,
                b"prompt_tokens_details" => details(scanner, |scanner, name| {
                    match name {
                        b"cached_tokens" => report.cached = count(scanner, "prompt_tokens_details.cached_tokens")?,
                        b"cache_write_tokens" => {
                            report.cache_written = count(scanner, "prompt_tokens_details.cache_write_tokens")?;
                        }
                        b"audio_tokens" => report.audio_heard = count(scanner, "prompt_tokens_details.audio_tokens")?,
                        _ => scanner.skip()?,
                    }
                    Ok(())
                })?,
                b"completion_tokens_details" => details(scanner, |scanner, name| {
                    match name {
                        b"reasoning_tokens" => {
                            report.reasoning = count(scanner, "completion_tokens_details.reasoning_tokens")?;
                        }
                        b"audio_tokens" => {
                            report.audio_spoken = count(scanner, "completion_tokens_details.audio_tokens")?;
                        }
                        _ => scanner.skip()?,
                    }
                    Ok(())
                })?,
                // DeepSeek and Moonshot name the cached tokens here.
                b"prompt_cache_hit_tokens" => flat_cached = count(scanner, "prompt_cache_hit_tokens")?,
                b"cached_tokens" => flat_cached = count(scanner, "cached_tokens")?,
                _ => scanner.skip()?,
            }
            Ok::<_, BadUsage>(())
        })?;
        report.cached = report.cached.or(flat_cached);
        Ok(report)
    }

    /// The counts as disjoint meters.
    pub(in crate::openai) fn usage(&self, endpoint: Endpoint) -> Result<Usage, BadUsage> {
        let prompt = self.prompt.ok_or(BadUsage::Missing { field: "prompt_tokens" })?;
        let completion = match endpoint {
            Endpoint::Embeddings => self.completion.unwrap_or(0),
            Endpoint::ChatCompletions | Endpoint::Completions => {
                self.completion.ok_or(BadUsage::Missing { field: "completion_tokens" })?
            }
        };
        let usage = self.prompt_usage(prompt)?;
        self.generated_usage(usage, completion, self.beyond_total(prompt, completion)?)
    }

    fn prompt_usage(&self, prompt: u64) -> Result<Usage, BadUsage> {
        let cached = part(self.cached, prompt, "prompt_tokens_details.cached_tokens", "prompt_tokens")?;
        let written = part(self.cache_written, prompt, "prompt_tokens_details.cache_write_tokens", "prompt_tokens")?;
        let audio = part(self.audio_heard, prompt, "prompt_tokens_details.audio_tokens", "prompt_tokens")?;
        // A token is either read from the cache or written to it.
        if cached + written > prompt {
            return Err(BadUsage::PartExceedsWhole {
                part: "prompt_tokens_details (cached_tokens and cache_write_tokens)",
                whole: "prompt_tokens",
            });
        }
        // Cached audio is in both counts. It stays audio, the dearer of the two.
        let cached = cached.min(prompt - audio);
        let written = written.min(prompt - audio - cached);
        Ok(Usage::NONE
            .with(Meter::InputTokens, prompt - audio - cached - written)
            .with(Meter::CachedInputTokens, cached)
            .with(Meter::CacheWrite5mTokens, written)
            .with(Meter::AudioInputTokens, audio))
    }

    /// Adds the generated tokens: `completion`, and `beyond` it what only the total includes.
    fn generated_usage(&self, usage: Usage, completion: u64, beyond: u64) -> Result<Usage, BadUsage> {
        const REASONING: &str = "completion_tokens_details.reasoning_tokens";
        let audio = part(self.audio_spoken, completion, "completion_tokens_details.audio_tokens", "completion_tokens")?;
        let reasoning = match (self.reasoning.unwrap_or(0), beyond) {
            // As OpenAI reports: reasoning is part of the completion.
            (reasoning, 0) => part(Some(reasoning), completion - audio, REASONING, "completion_tokens")?,
            // As xAI reports: reasoning comes on top of the completion.
            (reasoning, beyond) if reasoning == beyond => {
                return Ok(generated(usage, completion - audio, reasoning, audio));
            }
            // As Gemini's compatible endpoint reports: thoughts are only in the total.
            (0, beyond) => return Ok(generated(usage, completion - audio, beyond, audio)),
            _ => return Err(BadUsage::TotalDiffers),
        };
        Ok(generated(usage, completion - audio - reasoning, reasoning, audio))
    }

    /// How many tokens the total has beyond prompt and completion.
    fn beyond_total(&self, prompt: u64, completion: u64) -> Result<u64, BadUsage> {
        match self.total {
            None => Ok(0),
            Some(total) => total.checked_sub(prompt + completion).ok_or(BadUsage::TotalDiffers),
        }
    }
}

fn generated(usage: Usage, output: u64, reasoning: u64, audio: u64) -> Usage {
    usage
        .with(Meter::OutputTokens, output)
        .with(Meter::ReasoningTokens, reasoning)
        .with(Meter::AudioOutputTokens, audio)
}

/// A count that `whole` includes, zero where it is absent.
fn part(count: Option<u64>, limit: u64, part: &'static str, whole: &'static str) -> Result<u64, BadUsage> {
    let count = count.unwrap_or(0);
    if count > limit { Err(BadUsage::PartExceedsWhole { part, whole }) } else { Ok(count) }
}

/// Reads an object of details, or null.
fn details<'a>(
    scanner: &mut Scanner<'a>,
    mut member: impl FnMut(&mut Scanner<'a>, &[u8]) -> Result<(), BadUsage>,
) -> Result<(), BadUsage> {
    match scanner.kind()? {
        Kind::Object => scanner.object(|scanner, key| member(scanner, key.text.raw)),
        Kind::Array | Kind::String | Kind::Number | Kind::Bool | Kind::Null => Ok(scanner.skip()?),
    }
}

/// Reads a count, or null.
fn count(scanner: &mut Scanner<'_>, field: &'static str) -> Result<Option<u64>, BadUsage> {
    let kind = scanner.kind()?;
    let value = scanner.span()?;
    match kind {
        Kind::Null => Ok(None),
        Kind::Number => match whole_number(scanner.slice(value)) {
            None => Err(BadUsage::NotACount { field }),
            Some(count) if count > COUNT_MAX => Err(BadUsage::TooLarge { field }),
            Some(count) => Ok(Some(count)),
        },
        Kind::Object | Kind::Array | Kind::String | Kind::Bool => Err(BadUsage::NotACount { field }),
    }
}
