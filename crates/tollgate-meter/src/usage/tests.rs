use proptest::prelude::*;
use tollgate_core::meter::{Meter, MeterSet};

use super::*;

fn of(usage: &str) -> Result<Option<Usage>, BadUsage> {
    let body =
        format!(r#"{{"id":"x","choices":[{{"message":{{"content":"\"usage\":{{}}"}}}}],"usage":{usage},"z":1}}"#);
    usage_of_body(Endpoint::ChatCompletions, body.as_bytes())
}

/// The meters of a report, and that they add up to its total.
fn meters(usage: &str) -> String {
    let meters = of(usage).unwrap().unwrap();
    let total = serde_json::from_str::<serde_json::Value>(usage).unwrap()["total_tokens"].as_u64();
    if let Some(total) = total {
        assert_eq!(meters.sum(MeterSet::TOKENS), total, "the meters add up to the provider's total: {usage}");
    }
    format!("{meters:?}")
}

#[test]
fn every_report_becomes_disjoint_meters_with_the_same_sum() {
    let reports: Vec<String> = [
        // OpenAI: parts inside the whole.
        r#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":192,"audio_tokens":0,"accepted_prediction_tokens":5,"rejected_prediction_tokens":7}}"#,
        // OpenAI with cache writes.
        r#"{"prompt_tokens":1500,"completion_tokens":10,"total_tokens":1510,"prompt_tokens_details":{"cached_tokens":1000,"cache_write_tokens":400}}"#,
        // Audio heard and spoken; the cached tokens overlap the audio.
        r#"{"prompt_tokens":100,"completion_tokens":90,"total_tokens":190,"prompt_tokens_details":{"audio_tokens":60,"cached_tokens":20},"completion_tokens_details":{"audio_tokens":70}}"#,
        r#"{"prompt_tokens":100,"completion_tokens":0,"total_tokens":100,"prompt_tokens_details":{"audio_tokens":90,"cached_tokens":50}}"#,
        // No details; null details; explicit zeros.
        r#"{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}"#,
        r#"{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":null}}"#,
        r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#,
        // DeepSeek and Moonshot.
        r#"{"prompt_tokens":20,"completion_tokens":3,"total_tokens":23,"prompt_cache_hit_tokens":16,"prompt_cache_miss_tokens":4}"#,
        r#"{"prompt_tokens":20,"completion_tokens":3,"total_tokens":23,"cached_tokens":16}"#,
        // xAI: reasoning on top of the completion. Gemini's compatible endpoint: only in the total.
        r#"{"prompt_tokens":12,"completion_tokens":9,"total_tokens":121,"completion_tokens_details":{"reasoning_tokens":100}}"#,
        r#"{"prompt_tokens":12,"completion_tokens":9,"total_tokens":121}"#,
    ]
    .iter()
    .map(|usage| meters(usage))
    .collect();
    insta::assert_snapshot!(reports.join("\n"), @"
    {InputTokens: 86, CachedInputTokens: 1920, OutputTokens: 108, ReasoningTokens: 192}
    {InputTokens: 100, CachedInputTokens: 1000, CacheWrite5mTokens: 400, OutputTokens: 10}
    {InputTokens: 20, CachedInputTokens: 20, OutputTokens: 20, AudioInputTokens: 60, AudioOutputTokens: 70}
    {CachedInputTokens: 10, AudioInputTokens: 90}
    {InputTokens: 5, OutputTokens: 7}
    {InputTokens: 5, OutputTokens: 7}
    {}
    {InputTokens: 4, CachedInputTokens: 16, OutputTokens: 3}
    {InputTokens: 4, CachedInputTokens: 16, OutputTokens: 3}
    {InputTokens: 12, OutputTokens: 9, ReasoningTokens: 100}
    {InputTokens: 12, OutputTokens: 9, ReasoningTokens: 100}
    ");
}

#[test]
fn an_embedding_has_no_completion() {
    let body = br#"{"object":"list","data":[{"embedding":[0.1,-2e-5]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    let usage = usage_of_body(Endpoint::Embeddings, body).unwrap().unwrap();
    assert_eq!(usage, Usage::NONE.with(Meter::InputTokens, 8));
    assert_eq!(usage_of_body(Endpoint::Completions, body), Err(BadUsage::Missing { field: "completion_tokens" }));
}

#[test]
fn absent_is_not_zero() {
    assert_eq!(of("null"), Ok(None));
    assert_eq!(usage_of_body(Endpoint::ChatCompletions, br#"{"error":{"message":"overloaded"}}"#), Ok(None));
    assert_eq!(of(r#"{"prompt_tokens":0,"completion_tokens":0}"#), Ok(Some(Usage::NONE)));
}

#[test]
fn reports_that_cannot_be_are_refused() {
    let verdicts: Vec<String> = [
        "[]",
        "7",
        "{}",
        r#"{"prompt_tokens":1}"#,
        r#"{"prompt_tokens":-1,"completion_tokens":1}"#,
        r#"{"prompt_tokens":1.5,"completion_tokens":1}"#,
        r#"{"prompt_tokens":1e2,"completion_tokens":1}"#,
        r#"{"prompt_tokens":"10","completion_tokens":1}"#,
        r#"{"prompt_tokens":1000000001,"completion_tokens":1}"#,
        r#"{"prompt_tokens":1,"completion_tokens":99999999999999999999999}"#,
        r#"{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":11}}"#,
        r#"{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":6,"cache_write_tokens":5}}"#,
        r#"{"prompt_tokens":10,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":2}}"#,
        r#"{"prompt_tokens":10,"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":3}}"#,
        r#"{"prompt_tokens":10,"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":-3}}"#,
        r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":14}"#,
        r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":20,"completion_tokens_details":{"reasoning_tokens":3}}"#,
        r#"{"prompt_tokens":1,"completion_tokens":1},"usage":{"prompt_tokens":2,"completion_tokens":2}"#,
    ]
    .iter()
    .map(|usage| of(usage).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @"
    usage: expected an object
    usage: expected an object
    usage.prompt_tokens is missing
    usage.completion_tokens is missing
    usage.prompt_tokens: expected a whole number that is not negative
    usage.prompt_tokens: expected a whole number that is not negative
    usage.prompt_tokens: expected a whole number that is not negative
    usage.prompt_tokens: expected a whole number that is not negative
    usage.prompt_tokens: more than a billion tokens
    usage.completion_tokens: more than a billion tokens
    usage.prompt_tokens_details.cached_tokens is more than prompt_tokens
    usage.prompt_tokens_details (cached_tokens and cache_write_tokens) is more than prompt_tokens
    usage.completion_tokens_details.reasoning_tokens is more than completion_tokens
    usage.completion_tokens_details.reasoning_tokens is more than completion_tokens
    usage.completion_tokens_details.reasoning_tokens: expected a whole number that is not negative
    usage.total_tokens is not the sum of the other counts
    usage.total_tokens is not the sum of the other counts
    usage: expected one report, found two
    ");
    for body in ["", "<html>", "[]", "{\"usage\":", "{} {}"] {
        let verdict = usage_of_body(Endpoint::ChatCompletions, body.as_bytes());
        assert!(matches!(verdict, Err(BadUsage::Unreadable { .. })), "{body}: {verdict:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_accepted_adds_up(
        prompt in 0_u64..100, completion in 0_u64..100, extra in 0_u64..20,
        cached in prop::option::of(0_u64..120), written in prop::option::of(0_u64..120), heard in prop::option::of(0_u64..120),
        reasoning in prop::option::of(0_u64..120), spoken in prop::option::of(0_u64..120),
    ) {
        let total = prompt + completion + extra;
        let report = serde_json::json!({"prompt_tokens":prompt,"completion_tokens":completion,"total_tokens":total,
            "prompt_tokens_details":{"cached_tokens":cached,"cache_write_tokens":written,"audio_tokens":heard},
            "completion_tokens_details":{"reasoning_tokens":reasoning,"audio_tokens":spoken}});
        if let Ok(usage) = of(&report.to_string()) {
            let usage = usage.unwrap();
            prop_assert_eq!(usage.sum(MeterSet::PROMPT_TOKENS), prompt);
            prop_assert_eq!(usage.sum(MeterSet::TOKENS), total);
        }
    }

    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = usage_of_body(Endpoint::ChatCompletions, &body);
    }
}
