//! The counts of one `usageMetadata`, and the meters they make.
//!
//! `promptTokenCount` includes what was cached and all modalities, `candidatesTokenCount` does not
//! include thoughts, prompts of tools stand beside both. The total is the sum of the four. Counts of
//! zero are left out, as protocol buffers do.

use tollgate_core::meter::{Meter, Usage};

use crate::json::{Kind, Scanner};
use crate::usage::{BadUsage, Whole, count, details, part};

/// The counts that a report names; `None` where it does not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Report {
    prompt: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    tool_prompts: Option<u64>,
    cached: Option<u64>,
    total: Option<u64>,
    heard: Modalities,
    cached_parts: Option<Modalities>,
    made: Modalities,
}

/// Tokens that are no text.
#[derive(Debug, Clone, Copy, Default)]
struct Modalities {
    audio: u64,
    /// Pictures and videos.
    image: u64,
}

impl Report {
    /// Reads a `usageMetadata` object. After an error the scanner stands inside it.
    pub(crate) fn read(scanner: &mut Scanner<'_>) -> Result<Self, BadUsage> {
        let mut report = Self::default();
        scanner.object(|scanner, key| {
            match key.text.raw {
                b"promptTokenCount" => report.prompt = count(scanner, "promptTokenCount")?,
                b"candidatesTokenCount" => report.candidates = count(scanner, "candidatesTokenCount")?,
                b"thoughtsTokenCount" => report.thoughts = count(scanner, "thoughtsTokenCount")?,
                b"toolUsePromptTokenCount" => report.tool_prompts = count(scanner, "toolUsePromptTokenCount")?,
                b"cachedContentTokenCount" => report.cached = count(scanner, "cachedContentTokenCount")?,
                b"totalTokenCount" => report.total = count(scanner, "totalTokenCount")?,
                b"promptTokensDetails" => report.heard = modalities(scanner)?.unwrap_or_default(),
                b"cacheTokensDetails" => report.cached_parts = modalities(scanner)?,
                b"candidatesTokensDetails" => report.made = modalities(scanner)?.unwrap_or_default(),
                _ => scanner.skip()?,
            }
            Ok::<_, BadUsage>(())
        })?;
        Ok(report)
    }

    /// Whether it counts anything; early chunks of some models carry an empty one.
    pub(crate) const fn is_empty(&self) -> bool {
        self.prompt.is_none() && self.total.is_none() && self.candidates.is_none()
    }

    /// Whether it says how much was generated.
    pub(crate) const fn counts_answer(&self) -> bool {
        self.candidates.is_some() || self.thoughts.is_some()
    }

    /// The prompt as disjoint meters.
    pub(crate) fn prompt_usage(&self) -> Result<Usage, BadUsage> {
        let prompt = self.prompt.ok_or(BadUsage::Missing { field: "promptTokenCount" })?;
        let whole = Whole { count: prompt, name: "promptTokenCount" };
        let cached = part(self.cached, "cachedContentTokenCount", whole)?;
        let audio = part(Some(self.heard.audio), "promptTokensDetails (audio)", whole)?;
        let image = Whole { count: prompt - audio, ..whole };
        let image = part(Some(self.heard.image), "promptTokensDetails (images)", image)?;
        let cached_parts = self.cached_parts.unwrap_or_default();
        let whole = Whole { count: cached.min(audio), name: "the cached or the heard tokens" };
        let cached_audio = part(Some(cached_parts.audio), "cacheTokensDetails (audio)", whole)?;
        let whole = Whole { count: (cached - cached_audio).min(image), name: "the cached or the seen tokens" };
        let cached_image = part(Some(cached_parts.image), "cacheTokensDetails (images)", whole)?;
        // What the cache held of sound is not always said. It stays sound then, the dearer of the two.
        let cached_text = (cached - cached_audio - cached_image).min(prompt - audio - image);
        let tool_prompts = self.tool_prompts.unwrap_or(0);
        Ok(Usage::NONE
            .with(Meter::InputTokens, prompt - audio - image - cached_text + tool_prompts)
            .with(Meter::CachedInputTokens, cached_text + cached_image)
            .with(Meter::AudioInputTokens, audio - cached_audio)
            .with(Meter::CachedAudioInputTokens, cached_audio)
            .with(Meter::ImageInputTokens, image - cached_image))
    }

    /// All counts as disjoint meters.
    pub(crate) fn usage(&self) -> Result<Usage, BadUsage> {
        let usage = self.prompt_usage()?;
        let prompt = self.prompt.unwrap_or(0) + self.tool_prompts.unwrap_or(0);
        let thoughts = self.thoughts.unwrap_or(0);
        let others = prompt + thoughts;
        let candidates = match (self.candidates, self.total) {
            (Some(candidates), Some(total)) if others + candidates != total => return Err(BadUsage::TotalDiffers),
            (Some(candidates), _) => candidates,
            (None, Some(total)) => total.checked_sub(others).ok_or(BadUsage::TotalDiffers)?,
            (None, None) => 0,
        };
        let whole = Whole { count: candidates, name: "candidatesTokenCount" };
        let audio = part(Some(self.made.audio), "candidatesTokensDetails (audio)", whole)?;
        let rest = Whole { count: candidates - audio, ..whole };
        let image = part(Some(self.made.image), "candidatesTokensDetails (images)", rest)?;
        Ok(usage
            .with(Meter::OutputTokens, candidates - audio - image)
            .with(Meter::ReasoningTokens, thoughts)
            .with(Meter::AudioOutputTokens, audio)
            .with(Meter::ImageOutputTokens, image))
    }
}

/// Reads a list of token counts by modality, or null.
fn modalities(scanner: &mut Scanner<'_>) -> Result<Option<Modalities>, BadUsage> {
    if scanner.kind()? != Kind::Array {
        scanner.skip()?;
        return Ok(None);
    }
    let mut sum = Modalities::default();
    scanner.array(|scanner| {
        let (mut tokens, mut kind) = (0, Vec::new());
        details(scanner, |scanner, name| {
            match (name, scanner.kind()?) {
                (b"modality", Kind::String) => kind = scanner.string()?.bytes().into_owned(),
                (b"tokenCount", _) => tokens = count(scanner, "tokenCount")?.unwrap_or(0),
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        let sum = match &*kind {
            b"AUDIO" => &mut sum.audio,
            b"IMAGE" | b"VIDEO" => &mut sum.image,
            // A document is read as text and costs what text does.
            _ => return Ok(()),
        };
        // Each count is at most a billion, but nothing bounds their number.
        *sum = sum.saturating_add(tokens);
        Ok::<_, BadUsage>(())
    })?;
    Ok(Some(sum))
}
