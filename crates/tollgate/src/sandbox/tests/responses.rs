//! The model that answers at `/v1/responses`.

use serde_json::{Value, json};

use super::client::{Answer, NOW_SECONDS, post, started};
use crate::sandbox::{Sandbox, text};

const QUESTION: &str = "Who keeps the light on the northern harbour?";

async fn ask(sandbox: &Sandbox, model: &str, more: Value) -> Answer {
    let mut body = json!({ "model": model, "input": QUESTION });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    post(sandbox, "/v1/responses", &body).await
}

fn text_of(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_response_has_the_usage_of_its_text_streamed_or_not() {
    let sandbox = started();
    let whole = ask(&sandbox, "sandbox-small", json!({})).await.json();
    assert_eq!((&whole["status"], &whole["created_at"]), (&json!("completed"), &json!(NOW_SECONDS)));
    let (prompt, written) = (text::token_count(QUESTION) + 6, text::token_count(text_of(&whole)));
    assert_eq!(whole["usage"]["input_tokens"], prompt);
    assert_eq!(whole["usage"]["output_tokens"], written);

    let events = ask(&sandbox, "sandbox-small", json!({ "stream": true })).await.events();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
    }
    let deltas = events.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(deltas.collect::<String>(), text_of(&whole));
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["response"]), (&json!("response.completed"), &whole));
}

#[tokio::test]
async fn an_answer_that_is_bounded_is_incomplete() {
    let sandbox = started();
    let short = ask(&sandbox, "sandbox-large", json!({ "max_output_tokens": 5 })).await.json();
    assert_eq!((&short["status"], &short["usage"]["output_tokens"]), (&json!("incomplete"), &json!(5)));
    assert_eq!(short["incomplete_details"]["reason"], "max_output_tokens");
    let streamed = ask(&sandbox, "sandbox-large", json!({ "max_output_tokens": 5, "stream": true })).await.events();
    assert_eq!(streamed.last().unwrap()["type"], "response.incomplete");
}

#[tokio::test]
async fn mistakes_are_answered_as_openai_does() {
    let sandbox = started();
    let unknown = ask(&sandbox, "gpt-9", json!({})).await;
    assert_eq!((unknown.status.as_u16(), unknown.json()["error"]["code"].clone()), (404, "model_not_found".into()));
    let unasked = ask(&sandbox, "sandbox-small", json!({ "input": null })).await;
    assert_eq!((unasked.status.as_u16(), unasked.json()["error"]["param"].clone()), (400, "input".into()));
}
