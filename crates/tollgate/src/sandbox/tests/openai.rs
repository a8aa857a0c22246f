//! The model that speaks the OpenAI format.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderValue;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::client::{Answer, NOW_SECONDS, get, head_of, post, request, send, started};
use crate::sandbox::{Sandbox, text};

const CHAT: &str = "/v1/chat/completions";
const QUESTION: &str = "Who keeps the light on the northern harbour?";

/// A chat request for `model`, with further members.
fn chat(model: &str, more: &Value) -> Value {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": QUESTION }] });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

async fn ask(sandbox: &Sandbox, model: &str, more: Value) -> Answer {
    post(sandbox, CHAT, &chat(model, &more)).await
}

/// The text of one choice of a stream.
fn streamed_text(answer: &Answer, choice: usize) -> String {
    let events = answer.events();
    let choices = events.iter().flat_map(|event| event["choices"].as_array().cloned().unwrap_or_default());
    choices
        .filter(|said| said["index"] == choice)
        .filter_map(|said| said["delta"]["content"].as_str().map(str::to_owned))
        .collect()
}

fn text_of(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap()
}

#[tokio::test]
async fn the_usage_is_that_of_the_text() {
    let sandbox = started();
    let answer = ask(&sandbox, "sandbox-small", json!({})).await.json();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["created"], NOW_SECONDS);
    assert_eq!(answer["model"], "sandbox-small");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");

    let (prompt, written) = (text::token_count(QUESTION) + 6, text::token_count(text_of(&answer)));
    assert!((16..48).contains(&written));
    let usage = &answer["usage"];
    assert_eq!(usage["prompt_tokens"], prompt);
    assert_eq!(usage["completion_tokens"], written);
    assert_eq!(usage["total_tokens"], prompt + written);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(ask(&sandbox, "sandbox-small", json!({})).await.json(), answer, "the same again");
}

#[tokio::test]
async fn a_stream_says_the_same_and_reports_usage_when_asked() {
    let sandbox = started();
    let whole = ask(&sandbox, "sandbox-large", json!({})).await.json();
    let plain = ask(&sandbox, "sandbox-large", json!({ "stream": true })).await;
    assert_eq!(plain.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(streamed_text(&plain, 0), text_of(&whole));
    assert_eq!(plain.events().last().unwrap(), "[DONE]");
    assert!(plain.events().iter().all(|event| event.get("usage").is_none()));

    let options = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let with_usage = ask(&sandbox, "sandbox-large", options).await;
    let events = with_usage.events();
    let (usage, others) = events[..events.len() - 1].split_last().unwrap();
    assert_eq!(usage["usage"], whole["usage"]);
    assert_eq!(usage["choices"], json!([]));
    assert!(others.iter().all(|event| event["usage"].is_null() && event.get("usage").is_some()));
    assert_eq!(others.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert_eq!(streamed_text(&with_usage, 0), text_of(&whole));
}

#[tokio::test]
async fn bounds_and_stop_texts_end_the_answer() {
    let sandbox = started();
    for bound in ["max_tokens", "max_completion_tokens"] {
        let answer = ask(&sandbox, "sandbox-large", json!({ bound: 5 })).await.json();
        assert_eq!(answer["choices"][0]["finish_reason"], "length");
        assert_eq!(answer["usage"]["completion_tokens"], 5);
        assert_eq!(text::token_count(text_of(&answer)), 5);
    }
    let stopped = ask(&sandbox, "sandbox-echo", json!({ "stop": [" northern", " light"] })).await.json();
    assert_eq!(text_of(&stopped), "Who keeps the");
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    assert_eq!(stopped["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn several_choices_are_several_answers() {
    let sandbox = started();
    let whole = ask(&sandbox, "sandbox-small", json!({ "n": 3 })).await.json();
    let texts: Vec<_> =
        whole["choices"].as_array().unwrap().iter().map(|said| said["message"]["content"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 3);
    assert_ne!(texts[0], texts[1]);
    assert_eq!(whole["usage"]["completion_tokens"], texts.iter().map(|text| text::token_count(text)).sum::<usize>());

    let stream = ask(&sandbox, "sandbox-small", json!({ "n": 3, "stream": true })).await;
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(streamed_text(&stream, index), *text);
    }
}

#[tokio::test]
async fn echo_repeats_the_last_user_message() {
    let sandbox = started();
    let messages = json!([
        { "role": "user", "content": "first" },
        { "role": "user", "content": [{ "type": "text", "text": "größe \"quoted\"\n" }, { "type": "image_url" }] },
        { "role": "assistant", "content": null },
    ]);
    let answer = ask(&sandbox, "sandbox-echo", json!({ "messages": messages })).await.json();
    assert_eq!(text_of(&answer), "größe \"quoted\"\n");
    assert_eq!(answer["usage"]["prompt_tokens"], 1 + 8 + 85 + 4 * 3);
    let stream = ask(&sandbox, "sandbox-echo", json!({ "messages": messages, "stream": true })).await;
    assert_eq!(streamed_text(&stream, 0), "größe \"quoted\"\n");
}

#[tokio::test]
async fn reasoning_and_caching_are_reported() {
    let sandbox = started();
    let answer = ask(&sandbox, "sandbox-reasoning", json!({})).await.json();
    let reasoning = answer["usage"]["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    assert!(reasoning >= 32);
    let written = text::token_count(text_of(&answer)) as u64;
    assert_eq!(answer["usage"]["completion_tokens"], reasoning + written);

    let bounded = ask(&sandbox, "sandbox-reasoning", json!({ "max_completion_tokens": 10 })).await.json();
    assert_eq!(text_of(&bounded), "");
    assert_eq!(bounded["choices"][0]["finish_reason"], "length");
    assert_eq!(bounded["usage"]["completion_tokens"], 10);

    let long = json!([{ "role": "user", "content": " word".repeat(1_300) }]);
    let cached = ask(&sandbox, "sandbox-small", json!({ "messages": long })).await.json();
    assert_eq!(cached["usage"]["prompt_tokens"], 1_306);
    assert_eq!(cached["usage"]["prompt_tokens_details"]["cached_tokens"], 1_280);
}

#[tokio::test]
async fn a_model_can_hide_or_invent_its_usage() {
    let sandbox = started();
    let options = json!({ "stream": true, "stream_options": { "include_usage": true } });
    assert!(ask(&sandbox, "sandbox-no-usage", json!({})).await.json().get("usage").is_none());
    let hidden = ask(&sandbox, "sandbox-no-usage", options.clone()).await.events();
    assert!(hidden.iter().all(|event| event.get("usage").is_none()));

    assert_eq!(ask(&sandbox, "sandbox-wrong-usage", json!({})).await.json()["usage"]["prompt_tokens"], -7);
    let invented = ask(&sandbox, "sandbox-wrong-usage", options).await.events();
    assert_eq!(invented[invented.len() - 2]["usage"]["total_tokens"], 3);
}

#[tokio::test]
async fn a_model_can_fail_in_every_way() {
    let sandbox = started();
    let failed = ask(&sandbox, "sandbox-error-500", json!({})).await;
    assert_eq!((failed.status.as_u16(), failed.json()["error"]["type"].clone()), (500, "server_error".into()));

    for stream in [true, false] {
        let cut = ask(&sandbox, "sandbox-cut", json!({ "stream": stream })).await;
        assert!(cut.status == 200 && cut.broken && !cut.body.is_empty());
        let late = ask(&sandbox, "sandbox-error-after-200", json!({ "stream": stream })).await;
        assert!(late.status == 200 && !late.broken);
        let last = if stream { late.events().pop().unwrap() } else { late.json() };
        assert_eq!(last["error"]["type"], "server_error");
    }
    let hang = head_of(&sandbox, request("POST", CHAT, &chat("sandbox-hang", &json!({})).to_string()));
    assert!(timeout(Duration::from_millis(50), hang).await.is_err());

    let started_at = Instant::now();
    ask(&sandbox, "sandbox-slow", json!({ "stream": true, "max_tokens": 2 })).await;
    assert!(started_at.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn headers_shape_a_stream() {
    let sandbox = started();
    let mut asked = request("POST", CHAT, &chat("sandbox-small", &json!({ "stream": true })).to_string());
    asked.headers_mut().insert("x-sandbox-chunks", HeaderValue::from_static("7"));
    asked.headers_mut().insert("x-sandbox-chunk-gap-ms", HeaderValue::from_static("10"));
    let started_at = Instant::now();
    let answer = send(&sandbox, asked).await;
    assert!(started_at.elapsed() >= Duration::from_millis(70));
    // The opening, seven tokens, the end and the mark.
    assert_eq!(answer.events().len(), 10);
    assert_eq!(text::token_count(&streamed_text(&answer, 0)), 7);
}

#[tokio::test]
async fn mistakes_are_answered_as_openai_does() {
    let sandbox = started();
    let unknown = ask(&sandbox, "gpt-9", json!({})).await;
    assert_eq!((unknown.status.as_u16(), unknown.json()["error"]["code"].clone()), (404, "model_not_found".into()));

    let malformed = send(&sandbox, request("POST", CHAT, "{not json")).await;
    assert_eq!(malformed.status, 400);
    assert_eq!(malformed.json()["error"]["type"], "invalid_request_error");

    let cases = [
        (json!({ "messages": [] }), "messages"),
        (json!({ "model": null }), "model"),
        (json!({ "max_tokens": -5 }), "max_tokens"),
        (json!({ "max_completion_tokens": 0 }), "max_completion_tokens"),
        (json!({ "n": 1000 }), "n"),
    ];
    for (more, param) in cases {
        let refused = ask(&sandbox, "sandbox-small", more).await;
        assert_eq!((refused.status.as_u16(), refused.json()["error"]["param"].clone()), (400, param.into()));
    }
    assert_eq!(ask(&sandbox, "sandbox-small", json!({ "n": "two" })).await.status, 400);
    assert_eq!(get(&sandbox, CHAT).await.status, 405);
}

#[tokio::test]
async fn embeddings_follow_from_the_words() {
    let sandbox = started();
    let input = json!(["the harbour light", "the harbour lamp", "winter bread"]);
    let asked = json!({ "model": "sandbox-embedding", "input": input });
    let answer = post(&sandbox, "/v1/embeddings", &asked).await.json();
    assert_eq!(answer["usage"], json!({ "prompt_tokens": 8, "total_tokens": 8 }));
    let vectors: Vec<Vec<f64>> = (0..3)
        .map(|index| {
            answer["data"][index]["embedding"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
        })
        .collect();
    let likeness = |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum::<f64>();
    assert!((likeness(0, 0) - 1.0).abs() < 1e-4);
    assert!(likeness(0, 1) > likeness(0, 2));

    let packed =
        json!({ "model": "sandbox-embedding", "input": "light", "dimensions": 8, "encoding_format": "base64" });
    let packed = post(&sandbox, "/v1/embeddings", &packed).await.json();
    assert_eq!(BASE64.decode(packed["data"][0]["embedding"].as_str().unwrap()).unwrap().len(), 8 * 4);
    let wrong = json!({ "model": "sandbox-embedding", "input": "light", "dimensions": 0 });
    assert_eq!(post(&sandbox, "/v1/embeddings", &wrong).await.status, 400);
}

#[tokio::test]
async fn models_are_listed() {
    let sandbox = started();
    let list = get(&sandbox, "/v1/models").await.json();
    assert_eq!(list["object"], "list");
    assert_eq!(list["data"].as_array().unwrap().len(), 12);
    assert_eq!(get(&sandbox, "/v1/models/sandbox-echo").await.json()["id"], "sandbox-echo");
    assert_eq!(get(&sandbox, "/v1/models/gpt-9").await.json()["error"]["code"], "model_not_found");
}
