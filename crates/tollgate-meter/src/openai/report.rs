//! The counts of one OpenAI report, and the meters they make.

use tollgate_core::meter::{Meter, Usage};

use crate::endpoint::Endpoint;
use crate::json::Scanner;
use crate::usage::{BadUsage, Whole, count, details, part};

/// How a report calls its counts. Chat completions and the older endpoints know prompt and completion,
/// everything newer input and output.
struct Names {
    prompt: &'static str,
    completion: &'static str,
    cached: &'static str,
    cache_written: &'static str,
    cache_parts: &'static str,
    audio_heard: &'static str,
    image_seen: &'static str,
    reasoning: &'static str,
    audio_spoken: &'static str,
    image_made: &'static str,
}

const CHAT: Names = Names {
    prompt: "prompt_tokens",
    completion: "completion_tokens",
    cached: "prompt_tokens_details.cached_tokens",
    cache_written: "prompt_tokens_details.cache_write_tokens",
    cache_parts: "prompt_tokens_details (cached_tokens and cache_write_tokens)",
    audio_heard: "prompt_tokens_details.audio_tokens",
    image_seen: "prompt_tokens_details.image_tokens",
    reasoning: "completion_tokens_details.reasoning_tokens",
    audio_spoken: "completion_tokens_details.audio_tokens",
    image_made: "completion_tokens_details.image_tokens",
};

const RESPONSES: Names = Names {
    prompt: "input_tokens",
    completion: "output_tokens",
    cached: "input_tokens_details.cached_tokens",
    cache_written: "input_tokens_details.cache_write_tokens",
    cache_parts: "input_tokens_details (cached_tokens and cache_write_tokens)",
    audio_heard: "input_tokens_details.audio_tokens",
    image_seen: "input_tokens_details.image_tokens",
    reasoning: "output_tokens_details.reasoning_tokens",
    audio_spoken: "output_tokens_details.audio_tokens",
    image_made: "output_tokens_details.image_tokens",
};

impl Names {
    const fn of(endpoint: Endpoint) -> &'static Self {
        match endpoint {
            Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Embeddings | Endpoint::Moderations => &CHAT,
            Endpoint::Responses
            | Endpoint::ImageGenerations
            | Endpoint::AudioTranscriptions
            | Endpoint::AudioSpeech
            | Endpoint::Messages
            | Endpoint::CountMessageTokens
            | Endpoint::GenerateContent
            | Endpoint::StreamGenerateContent
            | Endpoint::CountContentTokens => &RESPONSES,
        }
    }
}

/// The counts that a `usage` object names; `None` where it does not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Report {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    cache_written: Option<u64>,
    audio_heard: Option<u64>,
    image_seen: Option<u64>,
    reasoning: Option<u64>,
    audio_spoken: Option<u64>,
    image_made: Option<u64>,
}

impl Report {
    /// Reads the `usage` object of an answer of `endpoint`. After an error the scanner stands inside it.
    pub(crate) fn read(scanner: &mut Scanner<'_>, endpoint: Endpoint) -> Result<Self, BadUsage> {
        let names = Names::of(endpoint);
        let mut report = Self::default();
        let mut flat_cached = None;
        scanner.object(|scanner, key| {
            match key.text.raw {
                name if name == names.prompt.as_bytes() => report.prompt = count(scanner, names.prompt)?,
                name if name == names.completion.as_bytes() => report.completion = count(scanner, names.completion)?,
                b"total_tokens" => report.total = count(scanner, "total_tokens")?,
                // Transcriptions write `input_token_details`.
                b"prompt_tokens_details" | b"input_tokens_details" | b"input_token_details" => {
                    report.read_prompt_details(scanner, names)?;
                }
                b"completion_tokens_details" | b"output_tokens_details" => {
                    report.read_generated_details(scanner, names)?;
                }
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

    fn read_prompt_details(&mut self, scanner: &mut Scanner<'_>, names: &Names) -> Result<(), BadUsage> {
        details(scanner, |scanner, name| {
            match name {
                b"cached_tokens" => self.cached = count(scanner, names.cached)?,
                b"cache_write_tokens" => self.cache_written = count(scanner, names.cache_written)?,
                b"audio_tokens" => self.audio_heard = count(scanner, names.audio_heard)?,
                b"image_tokens" => self.image_seen = count(scanner, names.image_seen)?,
                _ => scanner.skip()?,
            }
            Ok(())
        })
    }

    fn read_generated_details(&mut self, scanner: &mut Scanner<'_>, names: &Names) -> Result<(), BadUsage> {
        details(scanner, |scanner, name| {
            match name {
                b"reasoning_tokens" => self.reasoning = count(scanner, names.reasoning)?,
                b"audio_tokens" => self.audio_spoken = count(scanner, names.audio_spoken)?,
                b"image_tokens" => self.image_made = count(scanner, names.image_made)?,
                _ => scanner.skip()?,
            }
            Ok(())
        })
    }

    /// The counts as disjoint meters.
    pub(crate) fn usage(&self, endpoint: Endpoint) -> Result<Usage, BadUsage> {
        let names = Names::of(endpoint);
        let prompt = self.prompt.ok_or(BadUsage::Missing { field: names.prompt })?;
        let completion = match endpoint {
            Endpoint::Embeddings | Endpoint::Moderations => self.completion.unwrap_or(0),
            _ => self.completion.ok_or(BadUsage::Missing { field: names.completion })?,
        };
        let mut report = *self;
        match endpoint {
            // What these make is neither text nor reasoning, whether or not they say so.
            Endpoint::ImageGenerations => report.image_made = report.image_made.or(Some(completion)),
            Endpoint::AudioSpeech => report.audio_spoken = report.audio_spoken.or(Some(completion)),
            _ => (),
        }
        let usage = report.prompt_usage(prompt, names)?;
        report.generated_usage(usage, completion, report.beyond_total(prompt, completion)?, names)
    }

    fn prompt_usage(&self, prompt: u64, names: &Names) -> Result<Usage, BadUsage> {
        let whole = Whole { count: prompt, name: names.prompt };
        let cached = part(self.cached, names.cached, whole)?;
        let written = part(self.cache_written, names.cache_written, whole)?;
        let audio = part(self.audio_heard, names.audio_heard, whole)?;
        let image = part(self.image_seen, names.image_seen, whole)?;
        // A token is either read from the cache or written to it.
        if cached + written > prompt {
            return Err(BadUsage::PartExceedsWhole { part: names.cache_parts, whole: names.prompt });
        }
        // Cached audio is in both counts. It stays audio, the dearer of the two. Cached pictures cost what
        // cached text does.
        let cached = cached.min(prompt - audio);
        let written = written.min(prompt - audio - cached);
        let image = image.min(prompt - audio - cached - written);
        Ok(Usage::NONE
            .with(Meter::InputTokens, prompt - audio - cached - written - image)
            .with(Meter::CachedInputTokens, cached)
            .with(Meter::CacheWrite5mTokens, written)
            .with(Meter::AudioInputTokens, audio)
            .with(Meter::ImageInputTokens, image))
    }

    /// Adds the generated tokens: `completion`, and `beyond` it what only the total includes.
    fn generated_usage(&self, usage: Usage, completion: u64, beyond: u64, names: &Names) -> Result<Usage, BadUsage> {
        let whole = Whole { count: completion, name: names.completion };
        let audio = part(self.audio_spoken, names.audio_spoken, whole)?;
        let image = part(self.image_made, names.image_made, Whole { count: completion - audio, ..whole })?;
        let text = completion - audio - image;
        let made = usage.with(Meter::AudioOutputTokens, audio).with(Meter::ImageOutputTokens, image);
        let generated =
            |output, reasoning| made.with(Meter::OutputTokens, output).with(Meter::ReasoningTokens, reasoning);
        match (self.reasoning.unwrap_or(0), beyond) {
            // As OpenAI reports: reasoning is part of the completion.
            (reasoning, 0) => {
                let reasoning = part(Some(reasoning), names.reasoning, Whole { count: text, ..whole })?;
                Ok(generated(text - reasoning, reasoning))
            }
            // As xAI reports: reasoning comes on top of the completion.
            (reasoning, beyond) if reasoning == beyond => Ok(generated(text, reasoning)),
            // As Gemini's compatible endpoint reports: thoughts are only in the total.
            (0, beyond) => Ok(generated(text, beyond)),
            _ => Err(BadUsage::TotalDiffers),
        }
    }

    /// How many tokens the total has beyond prompt and completion.
    fn beyond_total(&self, prompt: u64, completion: u64) -> Result<u64, BadUsage> {
        match self.total {
            None => Ok(0),
            Some(total) => total.checked_sub(prompt + completion).ok_or(BadUsage::TotalDiffers),
        }
    }
}
