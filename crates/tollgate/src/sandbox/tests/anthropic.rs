//! The model that speaks Anthropic's format.

use serde_json::{Value, json};

use super::client::{Answer, post, post_with, started};
use crate::sandbox::{Sandbox, text};

const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");
const QUESTION: &str = "Who keeps the light on the northern harbour?";

async fn ask(sandbox: &Sandbox, model: &str, more: Value) -> Answer {
    let messages = json!([{ "role": "user", "content": QUESTION }]);
    let mut body = json!({ "model": model, "max_tokens": 500, "system": "Be brief.", "messages": messages });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    post_with(sandbox, "/v1/messages", &body, &[VERSION]).await
}

#[tokio::test]
async fn a_message_has_the_usage_of_its_text_streamed_or_not() {
    let sandbox = started();
    let whole = ask(&sandbox, "sandbox-small", json!({})).await.json();
    assert_eq!((&whole["type"], &whole["stop_reason"]), (&json!("message"), &json!("end_turn")));
    let said = whole["content"][0]["text"].as_str().unwrap();
    let prompt = text::token_count(QUESTION) + text::token_count("Be brief.") + 9;
    assert_eq!(whole["usage"]["input_tokens"], prompt);
    assert_eq!(whole["usage"]["output_tokens"], text::token_count(said));

    let events = ask(&sandbox, "sandbox-small", json!({ "stream": true })).await.events();
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], prompt);
    let deltas = events.iter().filter_map(|event| event["delta"]["text"].as_str());
    assert_eq!(deltas.collect::<String>(), said);
    let kinds: Vec<_> = events[events.len() - 3..].iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["content_block_stop", "message_delta", "message_stop"]);
    let end = &events[events.len() - 2];
    assert_eq!((&end["usage"], &end["delta"]["stop_reason"]), (&whole["usage"], &whole["stop_reason"]));
}

#[tokio::test]
async fn bounds_and_stop_sequences_end_it() {
    let sandbox = started();
    let short = ask(&sandbox, "sandbox-large", json!({ "max_tokens": 5 })).await.json();
    assert_eq!((&short["stop_reason"], &short["usage"]["output_tokens"]), (&json!("max_tokens"), &json!(5)));
    let stopped = ask(&sandbox, "sandbox-echo", json!({ "stop_sequences": [" light"] })).await.json();
    assert_eq!(stopped["content"][0]["text"], "Who keeps the");
    assert_eq!((&stopped["stop_reason"], &stopped["stop_sequence"]), (&json!("stop_sequence"), &json!(" light")));
}

#[tokio::test]
async fn what_is_read_from_the_cache_is_counted_apart() {
    let sandbox = started();
    let long = json!([{ "role": "user", "content": " word".repeat(1_300) }]);
    let usage = ask(&sandbox, "sandbox-small", json!({ "messages": long })).await.json()["usage"].clone();
    let prompt = 1_300 + text::token_count("Be brief.") + 9;
    assert_eq!(usage["cache_read_input_tokens"], (prompt - 1) / 128 * 128);
    assert_eq!(usage["input_tokens"], prompt - (prompt - 1) / 128 * 128);
}

#[tokio::test]
async fn counting_says_what_a_message_would_report() {
    let sandbox = started();
    let body = json!({ "model": "sandbox-small", "messages": [{ "role": "user", "content": QUESTION }] });
    let counted = post_with(&sandbox, "/v1/messages/count_tokens", &body, &[VERSION]).await.json();
    assert_eq!(counted, json!({ "input_tokens": text::token_count(QUESTION) + 6 }));
}

#[tokio::test]
async fn mistakes_are_answered_as_anthropic_does() {
    let sandbox = started();
    let kind = |answer: Answer| (answer.status.as_u16(), answer.json()["error"]["type"].as_str().unwrap().to_owned());
    assert_eq!(kind(ask(&sandbox, "claude-9", json!({})).await), (404, "not_found_error".to_owned()));
    for more in [json!({ "max_tokens": null }), json!({ "max_tokens": 0 }), json!({ "messages": [] })] {
        assert_eq!(kind(ask(&sandbox, "sandbox-small", more).await), (400, "invalid_request_error".to_owned()));
    }
    let unversioned = post(&sandbox, "/v1/messages", &json!({})).await;
    assert_eq!(kind(unversioned), (400, "invalid_request_error".to_owned()));
    assert_eq!(kind(ask(&sandbox, "sandbox-error-500", json!({})).await), (500, "api_error".to_owned()));
}
