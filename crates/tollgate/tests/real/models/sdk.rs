//! Unmodified SDKs of three providers, each against the upstreams of the others and its own: a question with a tool on
//! offer, the call, its result, the answer, whole and streamed.

use std::path::Path;

use serde_json::{Value, json};
use tollgate_core::money::Nanos;

use super::talk::{Delivery, PROMPT_TOKENS};
use super::{Stand, price};
use crate::harness::nanos;
use crate::{install, sdk};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anthropic_for_python() {
    converses(
        "anthropic-python",
        "requirements-anthropic.txt",
        "anthropic_python.py",
        &["chat", "gemini", "messages"],
        ["tool_use", "end_turn"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gemini_for_python() {
    converses(
        "genai-python",
        "requirements-genai.txt",
        "genai_python.py",
        &["chat", "messages", "gemini"],
        ["STOP", "STOP"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_of_openai_for_python() {
    converses(
        "openai-python",
        "requirements.txt",
        "responses_python.py",
        &["messages", "gemini", "responses"],
        ["completed", "completed"],
    )
    .await;
}

/// Lets `script` speak with each of `upstreams`; `ends` is why its two answers end.
async fn converses(sdk: &'static str, wanted: &'static str, script: &str, upstreams: &[&'static str], ends: [&str; 2]) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sdk");
    let list = sources.join(wanted);
    let folder = tokio::task::spawn_blocking(move || install::from_pip(sdk, &list)).await.unwrap();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let program = [text(&folder.join("bin/python")), text(&sources.join(script))];

    let stand = Stand::open().await;
    let both = |name| [(name, Delivery::Whole), (name, Delivery::Streamed)];
    let ways: Vec<(&str, Delivery)> = upstreams.iter().copied().flat_map(both).collect();
    let case = |&(upstream, delivery): &(&str, Delivery)| {
        let streamed = delivery == Delivery::Streamed;
        json!({ "name": format!("{upstream}, {delivery:?}"), "key": stand.buyer.key,
            "model": format!("at-{upstream}"), "streamed": streamed })
    };
    let cases: Vec<Value> = ways.iter().map(case).collect();
    let seen = sdk::run(&program, stand.node.gateway, &cases).await;

    let mut owed = Nanos::ZERO;
    for (seen, (upstream, _)) in seen.iter().zip(&ways) {
        assert_eq!((&seen["call"], &seen["ends"]), (&json!("look_up"), &json!(ends)), "{seen}");
        assert!(seen["arguments"]["place"].is_string(), "{seen}");
        assert!(seen["text"].as_str().is_some_and(|text| text.split(' ').count() > 10), "{seen}");
        assert_eq!(seen["tokens"][0][0], PROMPT_TOKENS, "{seen}");
        for tokens in seen["tokens"].as_array().unwrap() {
            let tokens = (tokens[0].as_u64().unwrap(), tokens[1].as_u64().unwrap());
            owed = owed.saturating_plus(price(upstream, tokens));
        }
    }
    stand.books_agree(2 * ways.len()).await;
    let calls = stand.admin.calls(&stand.buyer).await;
    assert_eq!(calls.iter().map(|call| nanos(&call["cost"])).sum::<Nanos>(), owed, "as the SDK was told");
}
