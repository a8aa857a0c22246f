//! The demo sells its models to callers of every format.

use tollgate_core::money::Nanos;

use super::seen::Seen;
use super::talk::{Ask, Caller, Delivery};
use crate::harness::{Demo, nanos};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demos_models_answer_in_every_format() {
    let demo = Demo::start().await;
    let key = demo.scenario("ok").key();
    for model in ["sandbox-small", "sandbox-messages", "sandbox-contents", "sandbox-any"] {
        for caller in Caller::ALL {
            for delivery in [Delivery::Whole, Delivery::Streamed] {
                let answer = caller.call(key, model, delivery, Ask::Question).send(demo.gateway).await;
                let about = format!("{caller:?} to {model}, {delivery:?}: {}", answer.text());
                assert_eq!((answer.status, answer.is_whole), (200, true), "{about}");
                let Seen { text, usage, ended, error, .. } = caller.seen(&answer, delivery);
                assert!(ended && error.is_none() && !text.is_empty() && usage.is_some(), "{about}");
                let logged = demo.admin.call(&answer.id()).await;
                assert!(nanos(&logged["cost"]) > Nanos::ZERO, "{logged}");
            }
        }
    }
    demo.admin.ledger_is_sound().await;
}
