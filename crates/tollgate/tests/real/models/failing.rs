//! Upstreams that fail: who serves instead, who is told what, and what is owed.

use tollgate_core::money::Nanos;
use tollgate_meter::tokens::{self, Encoding};

use super::talk::{Ask, Caller, Delivery, PROMPT_TOKENS};
use super::{Stand, price, tokens as tokens_of};
use crate::harness::nanos;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_upstream_is_stepped_over_and_only_who_serves_is_paid() {
    let stand = Stand::open().await;
    let mut requests = 0;
    for caller in Caller::ALL {
        for delivery in [Delivery::Whole, Delivery::Streamed] {
            let call = caller.call(&stand.buyer.key, "falls-back", delivery, Ask::Question);
            let answer = call.header("x-sandbox-chunks", "9").send(stand.node.gateway).await;
            assert_eq!((answer.status, answer.is_whole), (200, true), "{caller:?}: {}", answer.text());
            let seen = caller.seen(&answer, delivery);
            assert!(seen.ended && seen.usage == Some((PROMPT_TOKENS, 9)), "{caller:?} {delivery:?}: {seen:?}");
            let tries = stand.site.sandbox.journal().requests_with_id(&answer.id());
            assert_eq!(tries, 3, "both that fail, and the one that serves");
            let logged = stand.admin.call(&answer.id()).await;
            assert_eq!(nanos(&logged["cost"]), price("gemini", (PROMPT_TOKENS, 9)), "{logged}");
            requests += 1;
        }
    }
    stand.books_agree(requests).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_nobody_serves_the_first_failure_is_told_in_the_callers_format() {
    let stand = Stand::open().await;
    for caller in Caller::ALL {
        let answer = caller.call(&stand.buyer.key, "fails", Delivery::Streamed, Ask::Question);
        let answer = answer.send(stand.node.gateway).await;
        assert_eq!(answer.status, 500, "{caller:?}: {}", answer.text());
        assert!(answer.json()["error"]["message"].is_string(), "{caller:?}: {}", answer.text());
        assert_eq!(stand.site.sandbox.journal().requests_with_id(&answer.id()), 2);
    }
    stand.books_agree(4).await;
    assert_eq!(stand.admin.booked(&stand.buyer).await, Nanos::units(50));
}

/// A refused key and an empty balance are the operator's matter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_operator_can_mend_is_unavailable_and_free() {
    let stand = Stand::open().await;
    let mut requests = 0;
    for model in ["at-refused", "at-unpaid", "at-exhausted"] {
        for caller in Caller::ALL {
            let call = caller.call(&stand.buyer.key, model, Delivery::Whole, Ask::Question);
            let answer = call.send(stand.node.gateway).await;
            assert_eq!((answer.status, &*answer.reason()), (503, "upstream_unavailable"), "{caller:?} {model}");
            assert!(!answer.text().contains("asked for status"), "{caller:?} {model}: {}", answer.text());
            let logged = stand.admin.call(&answer.id()).await;
            assert_eq!((&logged["cost"], &logged["reason"]), (&"0.00".into(), &"upstream_unavailable".into()));
            requests += 1;
        }
    }
    stand.books_agree(requests).await;
    assert_eq!(stand.admin.booked(&stand.buyer).await, Nanos::units(50));
}

/// What ends midway is no success, and what came of it is owed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_off_ends_with_the_callers_error_and_is_settled_for_what_came() {
    let stand = Stand::open().await;
    let mut requests = 0;
    let foreign = [("chat", Caller::Chat), ("messages", Caller::Messages), ("gemini", Caller::Gemini)];
    for kind in ["cut", "late"] {
        for (upstream, native) in foreign {
            for caller in Caller::ALL.into_iter().filter(|&caller| caller != native) {
                let about = format!("{caller:?} to {upstream}, {kind}");
                let call =
                    caller.call(&stand.buyer.key, &format!("{kind}-{upstream}"), Delivery::Streamed, Ask::Question);
                let answer = call.header("x-sandbox-chunks", "40").send(stand.node.gateway).await;
                let seen = caller.seen(&answer, Delivery::Streamed);
                assert_eq!(answer.status, 200, "{about}: {}", answer.text());
                assert!(!seen.ended && seen.error.is_some(), "{about}: {}", answer.text());
                assert!(!seen.text.is_empty(), "{about}");

                let logged = stand.admin.call(&answer.id()).await;
                let (input, output) = tokens_of(&logged);
                assert_eq!(nanos(&logged["cost"]), price(upstream, (input, output)), "{about}: {logged}");
                assert!(input > 0, "{about}: {logged}");
                match logged["usage_source"].as_str().unwrap_or_default() {
                    // Gemini says with every piece what it used so far.
                    "reported" => assert_eq!((upstream, output), ("gemini", 20), "{about}: {logged}"),
                    source => {
                        assert_eq!(source, "counted", "{about}: {logged}");
                        assert_eq!(output, tokens::count(&seen.text, Encoding::O200k), "{about}: {logged}");
                    }
                }
                requests += 1;
            }
        }
    }
    stand.books_agree(requests).await;
}

/// Nothing is known of what was used but the text: it is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_does_not_say_what_it_used_is_counted() {
    let stand = Stand::open().await;
    let mut requests = 0;
    for (upstream, caller) in [("messages", Caller::Chat), ("gemini", Caller::Messages), ("chat", Caller::Gemini)] {
        for delivery in [Delivery::Whole, Delivery::Streamed] {
            let call = caller.call(&stand.buyer.key, &format!("at-{upstream}"), delivery, Ask::Question);
            let answer = call.header("x-sandbox-usage", "missing").send(stand.node.gateway).await;
            let seen = caller.seen(&answer, delivery);
            let logged = stand.admin.call(&answer.id()).await;
            assert_eq!(logged["usage_source"], "counted", "{caller:?} {delivery:?}: {logged}");
            assert_eq!(seen.usage, Some(tokens_of(&logged)), "{caller:?} {delivery:?}: {}", answer.text());
            assert_eq!(tokens_of(&logged).1, tokens::count(&seen.text, Encoding::O200k), "{caller:?} {delivery:?}");
            requests += 1;
        }
    }
    stand.books_agree(requests).await;
}
