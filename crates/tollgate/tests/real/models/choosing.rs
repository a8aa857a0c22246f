//! Who serves a name, and which names there are.

use serde_json::{Value, json};

use super::talk::{Ask, Caller, Delivery};
use super::{PRICES, Stand};
use crate::harness::{Call, Connection};

/// Enough that a share of a quarter is seen: its standard deviation is six.
const REQUESTS: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_share_a_name_by_their_weights() {
    let stand = Stand::open().await;
    let call = Caller::Chat.call(&stand.buyer.key, "shared", Delivery::Whole, Ask::Question);
    let mut connection = Connection::open(stand.node.gateway).await;
    for _ in 0..REQUESTS {
        let answer = connection.send(&call.clone().header("x-sandbox-chunks", "1")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let journal = stand.site.sandbox.journal();
    let (chat, messages) = (journal.requests("/v1/chat/completions"), journal.requests("/v1/messages"));
    assert_eq!(chat + messages, REQUESTS);
    assert!((15..=85).contains(&messages), "a quarter of {REQUESTS}, and it was {messages}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_reached_by_its_upstreams_name_too() {
    let stand = Stand::open().await;
    for (upstream, _) in PRICES {
        let model = format!("{upstream}/sandbox-small");
        let call = Caller::Chat.call(&stand.buyer.key, &model, Delivery::Whole, Ask::Question);
        let answer = call.header("x-sandbox-chunks", "2").send(stand.node.gateway).await;
        assert_eq!(answer.status, 200, "{upstream}: {}", answer.text());
        assert_eq!(answer.cost(), super::price(upstream, (super::talk::PROMPT_TOKENS, 2)), "{upstream}");
    }
}

/// Callers of Gemini name a model in the path, where a slash would cut its name in two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_name_is_no_name() {
    let stand = Stand::open().await;
    let body = json!({ "contents": [{ "parts": [{ "text": "Who keeps the light" }] }] });
    let call = |name: &str| Call::post(&format!("/v1/models/{name}:generateContent"), &body).key(&stand.buyer.key);
    assert_eq!(call("at-gemini").send(stand.node.gateway).await.status, 200);
    assert_eq!(call("gemini/sandbox-small").send(stand.node.gateway).await.status, 404);
    stand.books_agree(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_plan_opens_is_listed() {
    let stand = Stand::open().await;
    let two = stand.admin.buyer("two", "5.00").await;
    let listed = async |key: &str| -> Vec<String> {
        let answer = Call::get("/v1/models").key(key).send(stand.node.gateway).await;
        let models = answer.json()["data"].as_array().cloned().unwrap();
        models.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&two.key).await, ["at-messages", "shared"]);
    let everything = listed(&stand.buyer.key).await;
    for name in ["at-chat", "at-gemini", "falls-back", "sandbox-small", "shared"] {
        assert!(everything.iter().any(|listed| listed == name), "{name} is not in {everything:?}");
    }
    let one = |name: &str, key: &str| Call::get(&format!("/v1/models/{name}")).key(key);
    let known = one("shared", &two.key).send(stand.node.gateway).await;
    assert_eq!((known.status, &known.json()["id"]), (200, &Value::from("shared")));
    assert_eq!(one("at-chat", &two.key).send(stand.node.gateway).await.status, 404);
}
