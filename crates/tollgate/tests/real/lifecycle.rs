//! Stopping, reloading and starting again: what was promised is kept.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::Signal;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tollgate_core::money::Nanos;

use super::harness::{Call, Connection, Raw, Site, handshake, nanos, until};

fn stream(key: &str, tokens: u64, gap_ms: u64) -> Call {
    let messages = json!([{ "role": "user", "content": "Who keeps the light?" }]);
    let body = json!({ "model": "sandbox-small", "messages": messages, "stream": true, "max_tokens": 500 });
    let call = Call::post("/v1/chat/completions", &body).key(key);
    call.header("x-sandbox-chunks", &tokens.to_string()).header("x-sandbox-chunk-gap-ms", &gap_ms.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_when_it_is_stopped_is_completed_and_settled() {
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    let mut open = stream(&buyer.key, 60, 50).open(node.gateway).await;
    let id = open.id();
    assert!(open.piece().await.is_some());
    let gateway = node.gateway;
    node.process.signal(Signal::TERM);

    refuses_connections(gateway).await;
    let answer = open.whole().await;
    assert!(answer.is_whole && answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    let ended = node.process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);

    let (_node, admin) = site.start().await;
    let logged = admin.call(&id).await;
    assert_eq!((&logged["usage_source"], &logged["usage"]["output_tokens"]), (&json!("reported"), &json!(60)));
    let cost = logged["cost"].as_str().unwrap().parse().unwrap();
    let spent = Nanos::units(5).saturating_minus(admin.booked(&buyer).await);
    assert_eq!(spent, cost);
    admin.ledger_is_sound().await;
}

/// What lasts longer than the grace: what was delivered by then is owed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stop_cuts_is_settled_as_it_is() {
    let site = Site::new();
    site.replace("shutdown_seconds = 20", "shutdown_seconds = 1");
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    let mut tokens = stream(&buyer.key, 400, 100).open(node.gateway).await;
    let mut bytes = Call::get("/rest/stream/1000/100").key(&buyer.key).open(node.gateway).await;
    let mut socket = Raw::connect(node.gateway).await;
    socket.send(handshake(&buyer.key)).await;
    let switched = socket.until("\r\n\r\n").await;
    assert!(switched.starts_with("HTTP/1.1 101 "), "{switched}");
    // The first event of a model only says who speaks.
    for _ in 0..3 {
        assert!(tokens.piece().await.is_some());
    }
    assert!(bytes.piece().await.is_some());
    let (tokens_id, bytes_id) = (tokens.id(), bytes.id());

    let ended = node.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(!tokens.whole().await.is_whole, "nobody takes it for whole");

    let (_node, admin) = site.start().await;
    let calls = admin.calls(&buyer).await;
    let call = |id: &str| calls.iter().find(|call| call["id"] == *id).unwrap_or_else(|| panic!("{id}: {calls:?}"));
    assert_eq!(call(&bytes_id)["cost"], "0.01", "{}", call(&bytes_id));
    let model = call(&tokens_id);
    assert!(model["usage"]["output_tokens"].as_u64().is_some_and(|tokens| (1..400).contains(&tokens)), "{model}");
    let socket = calls.iter().find(|call| call["status"] == 101).unwrap_or_else(|| panic!("{calls:?}"));
    assert_eq!(socket["cost"], "0.01", "{socket}");
    let costs: Nanos = calls.iter().map(|call| nanos(&call["cost"])).sum();
    assert_eq!(admin.booked(&buyer).await, Nanos::units(5).saturating_minus(costs));
    admin.ledger_is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stop_cuts_over_http2_is_settled_as_well() {
    let site = Site::new();
    site.replace("shutdown_seconds = 20", "shutdown_seconds = 1");
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    let mut answer = over_http2(node.gateway, &buyer.key).await;
    assert!(answer.body_mut().frame().await.unwrap().is_ok());
    let ended = node.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);

    let (_node, admin) = site.start().await;
    let calls = admin.calls(&buyer).await;
    let costs: Vec<_> = calls.iter().map(|call| (&call["id"], &call["cost"])).collect();
    let id = json!(answer.headers()["x-request-id"].to_str().unwrap());
    assert_eq!(costs, [(&id, &json!("0.01"))]);
    assert_eq!(admin.booked(&buyer).await.to_string(), "4.99");
    admin.ledger_is_sound().await;
}

/// An answer over HTTP/2 that has begun. The connection lives until the test ends.
async fn over_http2(gateway: SocketAddr, key: &str) -> Response<Incoming> {
    let stream = TcpStream::connect(gateway).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://gateway/rest/stream/1000/100").header("authorization", format!("Bearer {key}"));
    let response = sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

async fn refuses_connections(gateway: SocketAddr) {
    until("new connections are refused", || async { TcpStream::connect(gateway).await.is_err().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_puts_a_new_price_in_force_and_a_broken_file_changes_nothing() {
    let site = Site::new();
    let (mut node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    let call = Call::get("/rest/echo").key(&buyer.key);
    let mut kept = Connection::open(node.gateway).await;
    assert_eq!(kept.send(&call).await.cost().to_string(), "0.01");
    let mut running = stream(&buyer.key, 40, 50).open(node.gateway).await;
    assert!(running.piece().await.is_some());

    site.replace("per_call = \"0.01\"", "per_call = \"0.02\"");
    let seen = node.process.log_len();
    node.process.signal(Signal::HUP);
    node.process.logged(seen, "The configuration was reloaded").await;
    assert_eq!(kept.send(&call).await.cost().to_string(), "0.02", "on the connection that was open before");
    assert_eq!(call.send(node.gateway).await.cost().to_string(), "0.02");

    site.replace("per_call = \"0.02\"", "per_cal = \"0.03\"");
    let seen = node.process.log_len();
    node.process.signal(Signal::HUP);
    node.process.logged(seen, "was not reloaded; the one before stays in force").await;
    let complaint = node.process.logged(seen, "per_cal").await;
    assert!(complaint.contains("tollgate.toml:"), "{complaint}");
    assert_eq!(kept.send(&call).await.cost().to_string(), "0.02");

    let answer = running.whole().await;
    assert!(answer.is_whole && answer.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(site.sandbox.journal().requests("/rest/echo"), 4);
    admin.ledger_is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_balances_and_counters() {
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("five", "5.00").await;
    let caps = json!({ "caps": [{ "amount": "0.04", "period": "month" }] });
    let call = Call::get("/rest/echo").key(&buyer.key);
    for _ in 0..3 {
        assert_eq!(call.send(node.gateway).await.status, 200);
    }
    admin.patch(&format!("/customers/{}", buyer.customer), caps).await;
    assert_eq!(call.send(node.gateway).await.status, 200);
    let before = admin.standing(&buyer).await;
    assert_eq!(node.stop().await.code, Some(0));

    let (node, admin) = site.start().await;
    assert_eq!(admin.standing(&buyer).await, before);
    assert_eq!((&before["balance"]["total"], &before["quotas"][0]["used"]), (&json!("4.96"), &json!(4)));
    // The cap began to count when it was set.
    assert_eq!(before["spend_caps"][0]["spent"], "0.01");
    assert_eq!(call.send(node.gateway).await.status, 200);
    let refused = call.send(node.gateway).await;
    assert_eq!((refused.status, refused.reason().as_str()), (402, "quota_exceeded"), "{}", refused.text());
    assert_eq!(node.stop().await.code, Some(0));

    let (node, admin) = site.start().await;
    assert_eq!(call.send(node.gateway).await.reason(), "quota_exceeded");
    assert_eq!(admin.booked(&buyer).await.to_string(), "4.95");
    admin.ledger_is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_was_opened_before_a_restart_is_good_after_it() {
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("five", "5.00").await;
    let request = Call::get("/rest/echo").key(&buyer.key).send(node.gateway).await.id();
    let path = format!("/r/{request}/create_key");
    let sheet = Call::get(&path).key(&buyer.key).header("accept", "application/json").send(node.control).await;
    let form = json!({ "token": sheet.json()["token"], "name": "after the restart" });
    node.process.signal(Signal::KILL);
    node.process.ended().await;

    let (node, _admin) = site.start().await;
    let send = Call::post(&path, &form).key(&buyer.key).header("accept", "application/json");
    let created = send.send(node.control).await;
    assert_eq!(created.status, 200, "{}", created.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_under_way_holds_a_stop_as_long_as_the_configuration_says() {
    let site = Site::new();
    site.replace("shutdown_seconds = 20", "shutdown_seconds = 1");
    let (node, _admin) = site.start().await;
    let mut page = TcpStream::connect(node.control).await.unwrap();
    let half = "POST /sign-in HTTP/1.1\r\nhost: x\r\nsec-fetch-site: same-origin\r\ncontent-length: 9\r\n\r\nhalf";
    page.write_all(half.as_bytes()).await.unwrap();
    // Whether it has arrived is not to be seen from outside; a request behind it has.
    assert_eq!(Call::get("/healthz").send(node.control).await.status, 200);
    let began = tokio::time::Instant::now();
    let ended = node.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
