//! The model that speaks Gemini's format.

use serde_json::{Value, json};

use super::client::{Answer, post, started};
use crate::sandbox::{Sandbox, text};

const QUESTION: &str = "Who keeps the light on the northern harbour?";

async fn ask(sandbox: &Sandbox, call: &str, more: Value) -> Answer {
    let mut body = json!({ "contents": [{ "role": "user", "parts": [{ "text": QUESTION }] }] });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    post(sandbox, &format!("/v1beta/models/{call}"), &body).await
}

fn text_of(answer: &Value) -> &str {
    answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn content_has_the_usage_of_its_text_streamed_or_not() {
    let sandbox = started();
    let whole = ask(&sandbox, "sandbox-small:generateContent", json!({})).await.json();
    let (prompt, written) = (text::token_count(QUESTION) + 6, text::token_count(text_of(&whole)));
    let usage = json!({
        "promptTokenCount": prompt, "candidatesTokenCount": written, "totalTokenCount": prompt + written,
    });
    assert_eq!((&whole["usageMetadata"], &whole["candidates"][0]["finishReason"]), (&usage, &json!("STOP")));

    let events = ask(&sandbox, "sandbox-small:streamGenerateContent?alt=sse", json!({})).await.events();
    assert_eq!(events.iter().map(text_of).collect::<String>(), text_of(&whole));
    let (last, others) = events.split_last().unwrap();
    assert_eq!((&last["usageMetadata"], &last["candidates"][0]["finishReason"]), (&usage, &json!("STOP")));
    assert!(others.iter().all(|event| event["candidates"][0].get("finishReason").is_none()));
}

#[tokio::test]
async fn bounds_end_it_and_thoughts_are_counted_apart() {
    let sandbox = started();
    let bound = json!({ "generationConfig": { "maxOutputTokens": 5 } });
    let short = ask(&sandbox, "sandbox-large:generateContent", bound).await.json();
    assert_eq!(short["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(short["usageMetadata"]["candidatesTokenCount"], 5);
    let thought = ask(&sandbox, "sandbox-reasoning:generateContent", json!({})).await.json();
    let usage = &thought["usageMetadata"];
    assert!(usage["thoughtsTokenCount"].as_u64().unwrap() >= 32);
    assert_eq!(usage["candidatesTokenCount"], text::token_count(text_of(&thought)));
}

#[tokio::test]
async fn names_of_members_may_have_underscores() {
    let sandbox = started();
    let schema = json!({ "properties": { "place": { "type": "string" } }, "required": ["place"] });
    let declared = json!([{ "function_declarations": [{ "name": "look_up", "parameters_json_schema": schema }] }]);
    let offer = json!({ "tools": declared, "generation_config": { "max_output_tokens": 50 } });
    let called = ask(&sandbox, "sandbox-small:generateContent", offer).await.json();
    let call = &called["candidates"][0]["content"]["parts"][0]["functionCall"];
    assert!(call["args"]["place"].is_string(), "{called}");
}

#[tokio::test]
async fn counting_says_what_an_answer_would_report() {
    let sandbox = started();
    let counted = ask(&sandbox, "sandbox-small:countTokens", json!({})).await.json();
    assert_eq!(counted, json!({ "totalTokens": text::token_count(QUESTION) + 6 }));
}

#[tokio::test]
async fn mistakes_are_answered_as_google_does() {
    let sandbox = started();
    let kind = |answer: Answer| (answer.status.as_u16(), answer.json()["error"]["status"].as_str().unwrap().to_owned());
    for call in ["gemini-9:generateContent", "sandbox-small:embedContent", "sandbox-small"] {
        assert_eq!(kind(ask(&sandbox, call, json!({})).await), (404, "NOT_FOUND".to_owned()), "{call}");
    }
    let empty = ask(&sandbox, "sandbox-small:generateContent", json!({ "contents": [] })).await;
    assert_eq!(kind(empty), (400, "INVALID_ARGUMENT".to_owned()));
    let unframed = ask(&sandbox, "sandbox-small:streamGenerateContent", json!({})).await;
    assert_eq!(kind(unframed), (400, "INVALID_ARGUMENT".to_owned()));
    assert_eq!(kind(ask(&sandbox, "sandbox-error-500:generateContent", json!({})).await), (500, "INTERNAL".to_owned()));
}
