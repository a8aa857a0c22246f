//! The REST service, the journal, and how a sandbox ends.

use std::time::Duration;

use http::HeaderValue;
use http::header::{CONNECTION, UPGRADE};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::client::{get, head_of, request, send, started};

#[tokio::test]
async fn echo_shows_what_arrived() {
    let sandbox = started();
    let mut asked = request("GET", "/rest/echo?a=1&b", "");
    asked.headers_mut().append("x-many", HeaderValue::from_static("one"));
    asked.headers_mut().append("x-many", HeaderValue::from_static("two"));
    let seen = send(&sandbox, asked).await.json();
    assert_eq!(seen["method"], "GET");
    assert_eq!(seen["path"], "/rest/echo");
    assert_eq!(seen["query"], "a=1&b");
    assert_eq!(seen["headers"], json!({ "host": ["sandbox"], "x-many": ["one", "two"] }));
}

#[tokio::test]
async fn echo_sends_a_body_back_as_it_came() {
    let sandbox = started();
    let sent = "line\n".repeat(50_000);
    let mut asked = request("POST", "/rest/echo", &sent);
    asked.headers_mut().insert("content-type", HeaderValue::from_static("text/x-lines"));
    let answer = send(&sandbox, asked).await;
    assert_eq!(answer.header("content-type"), "text/x-lines");
    assert_eq!(answer.header("content-length"), "250000");
    assert!(answer.body == sent);
}

#[tokio::test]
async fn bytes_are_announced_and_complete() {
    let sandbox = started();
    for count in [0, 1, 128, 65_536, 65_537, 1_000_000] {
        let answer = get(&sandbox, &format!("/rest/bytes/{count}")).await;
        assert_eq!(answer.header("content-length"), count.to_string());
        assert_eq!(answer.body.len(), count);
        assert!(!answer.broken);
    }
    assert_eq!(get(&sandbox, "/rest/bytes/many").await.status, 400);
}

#[tokio::test]
async fn chunks_come_one_by_one_at_their_pace() {
    let sandbox = started();
    let started_at = Instant::now();
    let mut body = head_of(&sandbox, request("GET", "/rest/stream/3/100", "")).await.into_body();
    let mut seen = Vec::new();
    while let Some(frame) = body.frame().await {
        seen.push((frame.unwrap().into_data().unwrap(), started_at.elapsed()));
    }
    let texts: Vec<_> = seen.iter().map(|(text, _)| text.as_ref()).collect();
    assert_eq!(texts, [b"chunk 0\n", b"chunk 1\n", b"chunk 2\n"]);
    assert!(seen[0].1 < Duration::from_millis(100), "{seen:?}");
    assert!(seen[1].1 >= Duration::from_millis(100) && seen[2].1 >= Duration::from_millis(200), "{seen:?}");
}

#[tokio::test]
async fn any_status_can_be_had() {
    let sandbox = started();
    for status in [200, 204, 304, 404, 418, 503] {
        assert_eq!(get(&sandbox, &format!("/rest/status/{status}")).await.status, status);
    }
    for wrong in ["100", "99", "ok"] {
        assert_eq!(get(&sandbox, &format!("/rest/status/{wrong}")).await.status, 400);
    }
    assert_eq!(get(&sandbox, "/rest/report").await.json()["price"]["amount"], "5.00");
    assert_eq!(get(&sandbox, "/elsewhere").await.status, 404);
}

#[tokio::test]
async fn an_upstream_can_be_slow_silent_endless_or_cut_off() {
    let sandbox = started();
    let started_at = Instant::now();
    assert_eq!(get(&sandbox, "/rest/slow/30").await.status, 200);
    assert!(started_at.elapsed() >= Duration::from_millis(30));

    let hang = head_of(&sandbox, request("GET", "/rest/hang", ""));
    assert!(timeout(Duration::from_millis(50), hang).await.is_err());

    let mut endless = head_of(&sandbox, request("GET", "/rest/endless", "")).await.into_body();
    assert_eq!(endless.frame().await.unwrap().unwrap().into_data().unwrap(), ".");
    assert!(timeout(Duration::from_millis(50), endless.frame()).await.is_err());

    let cut = get(&sandbox, "/rest/cut/1000").await;
    assert_eq!((cut.header("content-length"), cut.body.len(), cut.broken), ("1000", 500, true));
}

#[tokio::test]
async fn a_websocket_sends_messages_back() {
    let sandbox = started();
    assert_eq!(get(&sandbox, "/rest/ws").await.status, 426);

    let mut asked = request("GET", "/rest/ws", "");
    let headers = asked.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
    headers.insert("sec-websocket-key", HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
    let answer = head_of(&sandbox, asked).await;
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

    let mut socket = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    socket.write_all(b"\x81\x82\0\0\0\0hi").await.unwrap();
    let mut echoed = [0; 4];
    socket.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"\x81\x02hi");

    drop(sandbox);
    let ended = timeout(Duration::from_secs(5), socket.read_u8()).await;
    assert!(ended.expect("a dropped sandbox closes its sockets").is_err());
}

#[tokio::test]
async fn the_journal_tells_what_arrived() {
    let sandbox = started();
    let mut asked = request("GET", "/rest/echo", "");
    asked.headers_mut().insert("x-request-id", HeaderValue::from_static("req_1"));
    send(&sandbox, asked).await;
    get(&sandbox, "/rest/bytes/3").await;
    get(&sandbox, "/elsewhere").await;

    let all = get(&sandbox, "/sandbox/requests").await.json();
    assert_eq!(all, json!({ "total": 3, "paths": { "/rest/bytes": 1, "/rest/echo": 1, "other": 1 } }));
    let one = get(&sandbox, "/sandbox/requests?id=req_1").await.json();
    assert_eq!(one, json!({ "id": "req_1", "count": 1 }));
    assert_eq!(get(&sandbox, "/sandbox/requests?id=req_2").await.json()["count"], 0);
    assert_eq!(sandbox.journal().requests("/rest"), 2);
    assert_eq!(sandbox.journal().requests_with_id("req_1"), 1);
}

#[tokio::test]
async fn stopping_lets_an_answer_finish_and_takes_no_more() {
    let sandbox = started();
    let addr = sandbox.addr();
    let mut answer = head_of(&sandbox, request("GET", "/rest/stream/3/50", "")).await.into_body();
    let stopping = tokio::spawn(sandbox.stop());
    let mut chunks = 0;
    while let Some(frame) = answer.frame().await {
        frame.unwrap();
        chunks += 1;
    }
    assert_eq!(chunks, 3);
    stopping.await.unwrap();
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn stopping_does_not_wait_for_an_answer_that_never_ends() {
    let sandbox = started();
    let mut endless = head_of(&sandbox, request("GET", "/rest/endless", "")).await.into_body();
    endless.frame().await.unwrap().unwrap();
    timeout(Duration::from_secs(5), sandbox.stop()).await.unwrap();
    let rest = timeout(Duration::from_secs(5), async { while let Some(Ok(_)) = endless.frame().await {} }).await;
    assert!(rest.is_ok(), "the connection is closed");
}
