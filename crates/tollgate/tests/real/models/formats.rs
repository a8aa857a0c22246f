//! Every caller's format against every upstream's: what is said arrives, and is paid for once.

use serde_json::json;
use tollgate_core::money::Nanos;

use super::seen::Seen;
use super::talk::{Ask, Caller, Delivery, PROMPT_TOKENS};
use super::{PRICES, Stand, price, tokens};
use crate::harness::Call;

/// The tokens of every answer in text.
const CHUNKS: u64 = 9;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_caller_reaches_every_upstream_and_pays_what_it_reported() {
    let stand = Stand::open().await;
    let mut requests = 0;
    for (upstream, _) in PRICES {
        for caller in Caller::ALL {
            for delivery in [Delivery::Whole, Delivery::Streamed] {
                let about = format!("{caller:?} to {upstream}, {delivery:?}");
                let (seen, cost) = served(&stand, caller, upstream, delivery, Ask::Question).await;
                assert!(seen.call.is_none() && seen.text.split(' ').count() > 3, "{about}: {seen:?}");
                assert_eq!(seen.usage, Some((PROMPT_TOKENS, CHUNKS)), "{about}");
                assert_eq!(cost, price(upstream, (PROMPT_TOKENS, CHUNKS)), "{about}");

                let (seen, _) = served(&stand, caller, upstream, delivery, Ask::Tool).await;
                let call = seen.call.unwrap_or_else(|| panic!("{about}: no call"));
                assert_eq!((&*call.name, call.arguments["place"].is_string()), ("look_up", true), "{about}: {call:?}");

                let (seen, _) = served(&stand, caller, upstream, delivery, Ask::Result(&call)).await;
                assert!(seen.call.is_none() && !seen.text.is_empty(), "{about}: {seen:?}");
                let (input, output) = seen.usage.unwrap();
                assert!(input > PROMPT_TOKENS && output == CHUNKS, "{about}: call and result are part of the prompt");
                requests += 3;
            }
        }
    }
    stand.books_agree(requests).await;
}

/// Sends a request that is served by `upstream`; what is seen, and what it cost.
async fn served(stand: &Stand, caller: Caller, upstream: &str, delivery: Delivery, ask: Ask<'_>) -> (Seen, Nanos) {
    let about = format!("{caller:?} to {upstream}, {delivery:?}, {ask:?}");
    let call = caller.call(&stand.buyer.key, &format!("at-{upstream}"), delivery, ask);
    let answer = call.header("x-sandbox-chunks", &CHUNKS.to_string()).send(stand.node.gateway).await;
    assert_eq!((answer.status, answer.is_whole), (200, true), "{about}: {}", answer.text());
    let id = answer.id();
    assert_eq!(stand.site.sandbox.journal().requests_with_id(&id), 1, "{about}");

    let seen = caller.seen(&answer, delivery);
    assert!(seen.ended && seen.error.is_none(), "{about}: {}", answer.text());
    let logged = stand.admin.call(&id).await;
    assert_eq!(logged["usage_source"], "reported", "{about}: {logged}");
    assert_eq!(logged["streamed"] == true, delivery == Delivery::Streamed, "{about}: {logged}");
    assert_eq!(seen.usage, Some(tokens(&logged)), "{about}: the caller is told what is charged");
    let cost: Nanos = logged["cost"].as_str().unwrap().parse().unwrap();
    assert_eq!(cost, price(upstream, tokens(&logged)), "{about}");
    (seen, cost)
}

/// Without `alt=sse` a stream of Gemini's is one JSON array.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gemini_caller_gets_the_framing_that_it_asks_for() {
    let stand = Stand::open().await;
    let body = json!({ "contents": [{ "parts": [{ "text": "Who keeps the light" }] }] });
    let call = Call::post("/v1beta/models/at-messages:streamGenerateContent", &body).key(&stand.buyer.key);
    let answer = call.send(stand.node.gateway).await;
    assert_eq!((answer.status, answer.is_whole), (200, true), "{}", answer.text());
    assert!(answer.header("content-type").starts_with("application/json"), "{}", answer.header("content-type"));
    let pieces = answer.json();
    let last = pieces.as_array().and_then(|pieces| pieces.last()).unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    stand.books_agree(1).await;
}

/// Counting is free, and asked of an upstream that can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counting_costs_nothing() {
    let stand = Stand::open().await;
    let messages = json!([{ "role": "user", "content": "Who keeps the light" }]);
    let of_messages = json!({ "model": "at-messages", "messages": messages });
    let of_gemini = json!({ "contents": [{ "parts": [{ "text": "Who keeps the light" }] }] });
    let (path, gemini) = ("/v1/messages/count_tokens", "/v1beta/models/at-gemini:countTokens");
    for (path, body, member) in [(path, of_messages, "input_tokens"), (gemini, of_gemini, "totalTokens")] {
        let answer = Call::post(path, &body).key(&stand.buyer.key).send(stand.node.gateway).await;
        assert_eq!((answer.status, answer.json()[member].as_u64()), (200, Some(10)), "{}", answer.text());
    }
    stand.books_agree(2).await;
    assert_eq!(stand.admin.booked(&stand.buyer).await, Nanos::units(50));
}
