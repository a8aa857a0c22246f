//! The meter's figures in each format's own shape.
//!
//! The meter keeps disjoint buckets; formats report sums that overlap. Nothing is counted here: what a
//! caller reads is what was billed.

use tollgate_core::meter::{Meter, MeterSet, Usage};

use super::json::Json;

fn cache_writes(usage: &Usage) -> u64 {
    usage.get(Meter::CacheWrite5mTokens).saturating_add(usage.get(Meter::CacheWrite1hTokens))
}

fn total(usage: &Usage) -> u64 {
    usage.sum(MeterSet::TOKENS)
}

/// Chat completions: prompt and completion include their parts.
pub(crate) fn write_chat(usage: &Usage, json: &mut Json) {
    json.object().key("prompt_tokens").count(usage.sum(MeterSet::PROMPT_TOKENS));
    json.key("completion_tokens").count(usage.sum(MeterSet::GENERATED_TOKENS));
    json.key("total_tokens").count(total(usage));
    json.key("prompt_tokens_details").object().key("cached_tokens").count(usage.get(Meter::CachedInputTokens));
    json.key("cache_write_tokens").count(cache_writes(usage));
    json.key("audio_tokens").count(usage.get(Meter::AudioInputTokens)).end_object();
    json.key("completion_tokens_details").object().key("reasoning_tokens").count(usage.get(Meter::ReasoningTokens));
    json.key("audio_tokens").count(usage.get(Meter::AudioOutputTokens));
    json.key("accepted_prediction_tokens").count(0).key("rejected_prediction_tokens").count(0).end_object();
    json.end_object();
}

/// Responses: as chat completions, under other names.
pub(crate) fn write_responses(usage: &Usage, json: &mut Json) {
    json.object().key("input_tokens").count(usage.sum(MeterSet::PROMPT_TOKENS));
    json.key("input_tokens_details").object().key("cached_tokens").count(usage.get(Meter::CachedInputTokens));
    json.key("cache_write_tokens").count(cache_writes(usage)).end_object();
    json.key("output_tokens").count(usage.sum(MeterSet::GENERATED_TOKENS));
    json.key("output_tokens_details").object();
    json.key("reasoning_tokens").count(usage.get(Meter::ReasoningTokens)).end_object();
    json.key("total_tokens").count(total(usage)).end_object();
}

/// Messages: the cache stands beside the input, reasoning is part of the output. `None` is written as zeros,
/// because the report is required.
pub(crate) fn write_messages(usage: Option<&Usage>, json: &mut Json) {
    let usage = usage.copied().unwrap_or(Usage::NONE);
    let input = usage.get(Meter::InputTokens).saturating_add(usage.get(Meter::AudioInputTokens));
    json.object().key("input_tokens").count(input);
    json.key("cache_creation_input_tokens").count(cache_writes(&usage));
    json.key("cache_read_input_tokens").count(usage.get(Meter::CachedInputTokens));
    json.key("cache_creation").object();
    json.key("ephemeral_5m_input_tokens").count(usage.get(Meter::CacheWrite5mTokens));
    json.key("ephemeral_1h_input_tokens").count(usage.get(Meter::CacheWrite1hTokens)).end_object();
    json.key("output_tokens").count(usage.sum(MeterSet::GENERATED_TOKENS));
    json.key("output_tokens_details").object();
    json.key("thinking_tokens").count(usage.get(Meter::ReasoningTokens)).end_object();
    json.end_object();
}

/// Gemini: the prompt includes the cache, thoughts stand beside the candidates. Zeros of parts are left out,
/// as Google does.
pub(crate) fn write_gemini(usage: &Usage, json: &mut Json) {
    let candidates = usage.get(Meter::OutputTokens).saturating_add(usage.get(Meter::AudioOutputTokens));
    json.object().key("promptTokenCount").count(usage.sum(MeterSet::PROMPT_TOKENS));
    json.key("candidatesTokenCount").count(candidates);
    for (name, meter) in
        [("cachedContentTokenCount", Meter::CachedInputTokens), ("thoughtsTokenCount", Meter::ReasoningTokens)]
    {
        if usage.get(meter) > 0 {
            json.key(name).count(usage.get(meter));
        }
    }
    json.key("totalTokenCount").count(total(usage)).end_object();
}
