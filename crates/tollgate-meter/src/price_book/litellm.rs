//! Imports `model_prices_and_context_window.json` of LiteLLM: USD per token, some 4,500 models.
//!
//! Its keys are combinatorial (`cache_creation_input_token_cost_above_1hr_above_200k_tokens_flex`).
//! Read are the standard prices and their tiers; batch, flex and priority prices are not, because
//! requests for other service tiers do not pass. The list has no one who checks each figure, so its
//! rows are unverified until another list agrees.

use std::collections::btree_map::{BTreeMap, Entry};

use jiff::civil::Date;
use tollgate_core::meter::Meter;

use super::figure::{self, Per};
use super::import::{Draft, Fields, Output, always_searches, read};
use super::merging::combined;
use super::{Import, ModelPrice, Rejected, Rejection, Status, Terms, UnreadableList};

/// The name under which rows say where they come from.
const SOURCE: &str = "litellm";

/// What is read, and the meter it prices. Tokens of pictures and videos are one meter, for which the
/// dearer of both prices holds.
const FIGURES: &[(&str, Meter)] = &[
    ("input_cost_per_token", Meter::InputTokens),
    ("input_cost_per_image_token", Meter::ImageInputTokens),
    ("input_cost_per_video_token", Meter::ImageInputTokens),
    ("output_cost_per_token", Meter::OutputTokens),
    ("output_cost_per_image_token", Meter::ImageOutputTokens),
    ("output_cost_per_video_token", Meter::ImageOutputTokens),
    ("cache_read_input_token_cost", Meter::CachedInputTokens),
    ("input_cost_per_token_cache_hit", Meter::CachedInputTokens),
    ("cache_creation_input_token_cost", Meter::CacheWrite5mTokens),
    ("cache_creation_input_token_cost_above_1hr", Meter::CacheWrite1hTokens),
    ("output_cost_per_reasoning_token", Meter::ReasoningTokens),
    ("input_cost_per_audio_token", Meter::AudioInputTokens),
    ("output_cost_per_audio_token", Meter::AudioOutputTokens),
    ("input_cost_per_request", Meter::Calls),
    ("cache_read_input_audio_token_cost", Meter::CachedAudioInputTokens),
    ("output_cost_per_image", Meter::Images),
];

/// What is read besides in rows of these modes: elsewhere the same fields state another way to count
/// what is priced by tokens already.
const MEDIA: &[(&str, &str, Meter)] = &[
    ("image_generation", "input_cost_per_image", Meter::Images),
    ("audio_transcription", "input_cost_per_second", Meter::AudioInputSeconds),
    ("audio_speech", "input_cost_per_character", Meter::InputCharacters),
];
const PICTURES: &[Meter] = &[Meter::Images, Meter::ImageOutputTokens, Meter::OutputTokens];
const SPEECH: &[Meter] = &[Meter::InputCharacters, Meter::AudioOutputTokens, Meter::OutputTokens];
const TRANSCRIPTS: &[Meter] = &[Meter::AudioInputSeconds, Meter::AudioInputTokens, Meter::InputTokens];

/// The list's names for providers that the other list names differently. `vertex_ai-...` and the
/// like are one provider each.
const PROVIDERS: &[(&str, &str)] = &[
    ("azure_text", "azure"),
    ("bedrock", "aws"),
    ("bedrock_converse", "aws"),
    ("cohere_chat", "cohere"),
    ("fireworks_ai", "fireworks"),
    ("fireworks_ai-embedding-models", "fireworks"),
    ("gemini", "google"),
    ("github_copilot", "github-copilot"),
    ("meta_llama", "meta"),
    ("moonshot", "moonshotai"),
    ("text-completion-openai", "openai"),
    ("together_ai", "together"),
    ("voyage", "voyageai"),
    ("xai", "x-ai"),
];

/// Reads the list as it was on the day `dated`.
///
/// # Errors
/// [`UnreadableList`] if `json` is no JSON object. A single bad row is in [`Import::rejected`].
pub fn import_litellm(json: &str, dated: Date) -> Result<Import, UnreadableList> {
    let list: Fields<'_> = serde_json::from_str(json)?;
    let mut rejected = Vec::new();
    let mut rows: BTreeMap<(Box<str>, Box<str>), ModelPrice> = BTreeMap::new();
    for (key, value) in list {
        let mut reject = |why| rejected.push(Rejected { model: key.as_str().into(), why });
        let row = match read::<Fields<'_>>("the row", value).and_then(|fields| row(&key, &fields, dated)) {
            Ok(row) => row,
            Err(why) => {
                reject(why);
                continue;
            }
        };
        match rows.entry((row.provider.clone(), row.model.clone())) {
            Entry::Vacant(free) => drop(free.insert(row)),
            // The same model with and without its prefix; rarely at another price.
            Entry::Occupied(mut taken) => {
                if taken.get().terms != row.terms {
                    reject(Rejection::NameTaken);
                }
                let dearer = combined(taken.get(), &row).0;
                taken.insert(ModelPrice { status: Status::Unverified, ..dearer });
            }
        }
    }
    Ok(Import { rows: rows.into_values().collect(), rejected })
}

fn row(key: &str, fields: &Fields<'_>, dated: Date) -> Result<ModelPrice, Rejection> {
    let text = |field: &str| match fields.get(field) {
        Some(value) => read::<String>(field, value),
        None => Err(Rejection::Unreadable(field.into())),
    };
    let limit = |field: &str| fields.get(field).and_then(|value| figure::whole(value.get())).filter(|&limit| limit > 0);
    let mode = text("mode")?;
    let output = match mode.as_str() {
        "chat" | "completion" | "responses" => Output::Text,
        "embedding" | "moderation" => Output::Any,
        "image_generation" => Output::Media(PICTURES),
        "audio_speech" => Output::Media(SPEECH),
        "audio_transcription" => Output::Media(TRANSCRIPTS),
        other => return Err(Rejection::Mode(other.into())),
    };
    let listed_provider = text("litellm_provider")?;
    let (provider, model) = (provider(&listed_provider), model(key, &listed_provider));
    let mut draft = Draft::default();
    for (field, value) in fields {
        if value.get() == "null" {
            continue;
        }
        let of_media = MEDIA.iter().find(|(of_mode, known, _)| *of_mode == mode && *known == field);
        if let Some(&(.., meter)) = of_media {
            draft.add(0, field, value.get(), meter, Per::One)?;
        } else if let Some((above, meter)) = tier_and_meter(field) {
            draft.add(above, field, value.get(), meter, Per::One)?;
        }
    }
    if let Some(value) = fields.get("tiered_pricing") {
        add_tiers(&mut draft, &read::<Vec<Fields<'_>>>("tiered_pricing", value)?)?;
    }
    if always_searches(provider, model)
        && let Some(value) = fields.get("search_context_cost_per_query")
    {
        for (field, value) in &read::<Fields<'_>>("search_context_cost_per_query", value)? {
            draft.add(0, field, value.get(), Meter::Calls, Per::One)?;
        }
    }
    Ok(ModelPrice {
        provider: provider.into(),
        model: model.into(),
        aliases: Box::default(),
        terms: Terms::Priced(draft.finish(output)?),
        context_window: limit("max_input_tokens"),
        output_max: limit("max_output_tokens"),
        source: SOURCE.into(),
        verified_on: dated,
        status: Status::Unverified,
    })
}

/// Which meter a field prices, and above which length of the prompt.
fn tier_and_meter(field: &str) -> Option<(u64, Meter)> {
    let meter_of = |field: &str| FIGURES.iter().find(|(known, _)| *known == field).map(|&(_, meter)| meter);
    if let Some(meter) = meter_of(field) {
        return Some((0, meter));
    }
    let (figure, above) = field.rsplit_once("_above_")?;
    let thousands = above.strip_suffix("k_tokens")?.parse::<u64>().ok()?;
    Some((thousands.checked_mul(1_000)?, meter_of(figure)?))
}

/// Adds the tiers of a row that lists them by range of prompt tokens.
fn add_tiers(draft: &mut Draft, tiers: &[Fields<'_>]) -> Result<(), Rejection> {
    for tier in tiers {
        let range = tier.get("range").ok_or_else(|| Rejection::Unreadable("tiered_pricing.range".into()))?;
        let bounds = read::<Vec<&serde_json::value::RawValue>>("tiered_pricing.range", range)?;
        let above = bounds
            .first()
            .and_then(|bound| figure::whole(bound.get()))
            .ok_or_else(|| Rejection::Unreadable("tiered_pricing.range".into()))?;
        for (field, value) in tier {
            if let Some((0, meter)) = tier_and_meter(field) {
                draft.add(above, field, value.get(), meter, Per::One)?;
            }
        }
    }
    Ok(())
}

fn provider(listed: &str) -> &str {
    let known = PROVIDERS.iter().find(|(theirs, _)| *theirs == listed).map(|&(_, ours)| ours);
    known.unwrap_or(if listed.starts_with("vertex_ai") { "vertex_ai" } else { listed })
}

/// The id that requests name: the key without the prefix by which LiteLLM chooses the provider.
fn model<'a>(key: &'a str, provider: &str) -> &'a str {
    match key.split_once('/') {
        Some((prefix, model)) if provider.starts_with(&prefix.replace('-', "_")) || provider == prefix => model,
        _ => key,
    }
}
