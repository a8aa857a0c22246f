//! A balance cannot be spent twice, however many ask at the same instant.

use tokio::task::JoinSet;
use tollgate_core::money::Nanos;

use super::harness::{Call, Site, fresh_database};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_at_once_against_a_balance_for_a_hundred_on_sqlite() {
    race(&Site::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_at_once_against_a_balance_for_a_hundred_on_postgres() {
    if let Some(url) = fresh_database().await {
        race(&Site::with_store(&url)).await;
    }
}

async fn race(site: &Site) {
    let (node, admin) = site.start().await;
    // A call costs a cent.
    let buyer = admin.buyer("generated", "1.00").await;
    let call = Call::get("/rest/echo").key(&buyer.key);
    let mut racing = JoinSet::new();
    for _ in 0..500 {
        let (call, gateway) = (call.clone(), node.gateway);
        racing.spawn(async move { call.send(gateway).await });
    }
    let answers = racing.join_all().await;

    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(402)), (100, 400));
    for answer in &answers {
        match answer.status {
            200 => assert_eq!(answer.cost().to_string(), "0.01"),
            _ => assert_eq!(answer.reason(), "insufficient_balance"),
        }
    }
    assert_eq!(site.sandbox.journal().requests("/rest/echo"), 100, "only what is paid for is forwarded");
    assert_eq!(admin.balance(&buyer).await, Nanos::ZERO);
    assert_eq!(admin.booked(&buyer).await, Nanos::ZERO);
    let calls = admin.calls(&buyer).await;
    assert_eq!(calls.len(), 500);
    assert_eq!(calls.iter().filter(|call| call["cost"] == "0.01").count(), 100);
    admin.ledger_is_sound().await;

    // What was acknowledged is seen by the very next request.
    admin.top_up(&buyer, "0.01").await;
    let served = call.send(node.gateway).await;
    assert_eq!(served.status, 200, "{}", served.text());
    let refused = call.send(node.gateway).await;
    assert_eq!((refused.status, refused.reason().as_str()), (402, "insufficient_balance"));
    assert_eq!(admin.booked(&buyer).await, Nanos::ZERO);
    admin.ledger_is_sound().await;
}
