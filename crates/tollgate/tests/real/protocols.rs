//! The ways in which programs speak HTTP.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::harness::{Admin, Buyer, Call, Node, Raw, Site, handshake, until};

async fn open() -> (Site, Node, Admin, Buyer) {
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    (site, node, admin, buyer)
}

/// The rest of the five dollars after so many calls of a cent.
async fn were_paid(admin: &Admin, buyer: &Buyer, calls: i64) {
    let cents = 500 - calls;
    let left = format!("{}.{:02}", cents / 100, cents % 100);
    until(&format!("{left} are left"), || async { (admin.booked(buyer).await.to_string() == left).then_some(()) })
        .await;
    admin.ledger_is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_without_being_asked_first() {
    let (site, node, admin, buyer) = open().await;
    let stream = TcpStream::connect(node.gateway).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut running = JoinSet::new();
    for number in 0..20 {
        let (mut sender, key) = (sender.clone(), buyer.key.clone());
        running.spawn(async move {
            let body = Bytes::from(format!("message {number}"));
            let request = Request::post("http://gateway/rest/echo").header("authorization", format!("Bearer {key}"));
            let response = sender.send_request(request.body(Full::new(body.clone())).unwrap()).await.unwrap();
            assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
        });
    }
    running.join_all().await;
    let refused = Request::get("http://gateway/rest/echo").body(Full::default()).unwrap();
    let refused = sender.clone().send_request(refused).await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["tollgate-reason"]),
        (401, &"api_key_missing".parse().unwrap())
    );
    assert_eq!(site.sandbox.journal().requests("/rest/echo"), 20);
    were_paid(&admin, &buyer, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_is_one_call() {
    let (site, node, admin, buyer) = open().await;
    let mut raw = Raw::connect(node.gateway).await;
    raw.send(handshake("tg_live_0000000000000000_unknown")).await;
    assert!(raw.until("\r\n\r\n").await.starts_with("HTTP/1.1 401 "));
    assert_eq!(site.sandbox.journal().requests("/rest/ws"), 0);

    let mut raw = Raw::connect(node.gateway).await;
    raw.send(handshake(&buyer.key)).await;
    let head = raw.until("\r\n\r\n").await.to_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    // RFC 6455, 1.3: the answer to this very key.
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    for message in ["Hello", "a second message"] {
        raw.send(masked(0x81, message.as_bytes())).await;
        let echoed = raw.take(2 + message.len()).await;
        assert_eq!((echoed[0], usize::from(echoed[1])), (0x81, message.len()));
        assert_eq!(&echoed[2..], message.as_bytes());
    }
    raw.send(masked(0x88, &[0x03, 0xe8])).await;
    assert_eq!(raw.take(4).await, [0x88, 2, 0x03, 0xe8]);
    drop(raw);
    were_paid(&admin, &buyer, 1).await;
    let calls = admin.calls(&buyer).await;
    let socket = calls.iter().find(|call| call["status"] == 101).unwrap();
    assert_eq!((&socket["cost"], &socket["streamed"]), (&"0.01".into(), &true.into()), "{socket}");
}

/// A frame as clients send it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    let hidden = payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [first, 0x80 | length].into_iter().chain(MASK).chain(hidden).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_in_chunks() {
    let (_site, node, admin, buyer) = open().await;
    let mut raw = Raw::connect(node.gateway).await;
    let head = format!(
        "POST /rest/echo HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\nContent-Type: text/plain\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        buyer.key
    );
    raw.send(head).await;
    for piece in ["5\r\nHello\r\n", "2\r\n, \r\n", "5\r\nworld\r\n", "0\r\n\r\n"] {
        raw.send(piece).await;
    }
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(unchunked(&answer), "Hello, world", "{answer}");
    were_paid(&admin, &buyer, 1).await;
    assert_eq!(admin.calls(&buyer).await[0]["bytes_in"], 12);
}

/// The body of an answer, with or without chunks around it.
fn unchunked(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if !head.to_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let mut rest = body;
    let mut whole = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&after[..size]);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    whole
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_head() {
    let (_site, node, admin, buyer) = open().await;
    let mut raw = Raw::connect(node.gateway).await;
    let key = &buyer.key;
    raw.send(format!("HEAD /rest/bytes/1234 HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\r\n")).await;
    let head = raw.until("\r\n\r\n").await.to_lowercase();
    assert!(head.starts_with("http/1.1 200 ") && head.contains("content-length: 1234\r\n"), "{head}");
    // If a body followed, the next answer would not begin here.
    raw.send(format!("GET /rest/bytes/3 HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\r\n")).await;
    assert!(raw.until("\r\n\r\n").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(raw.take(3).await, b"xxx");
    let refused = Call::new(Method::HEAD, "/rest/bytes/1").send(node.gateway).await;
    assert_eq!((refused.status, refused.body.len()), (401, 0));
    were_paid(&admin, &buyer, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_waits_to_be_asked_for() {
    let (site, node, admin, buyer) = open().await;
    let head = |key: &str| {
        format!(
            "POST /rest/echo HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\nContent-Length: 5\r\n\
             Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
    };
    let mut raw = Raw::connect(node.gateway).await;
    raw.send(head(&buyer.key)).await;
    assert_eq!(raw.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("Hello").await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && unchunked(&answer) == "Hello", "{answer}");

    // Who is refused is not asked for the body.
    let mut raw = Raw::connect(node.gateway).await;
    raw.send(head("tg_live_0000000000000000_unknown")).await;
    let refused = raw.rest().await;
    assert!(refused.starts_with("HTTP/1.1 401 ") && !refused.contains("100 Continue"), "{refused}");
    assert_eq!(site.sandbox.journal().requests("/rest/echo"), 1);
    were_paid(&admin, &buyer, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_before_their_answers() {
    let (site, node, admin, buyer) = open().await;
    let key = &buyer.key;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\r\n");
    let mut raw = Raw::connect(node.gateway).await;
    raw.send([get("/rest/slow/30"), get("/rest/bytes/2"), get("/no/such/route"), get("/rest/bytes/4")].concat()).await;
    let mut statuses = Vec::new();
    let mut bodies = Vec::new();
    for _ in 0..4 {
        let head = raw.until("\r\n\r\n").await.to_lowercase();
        let length = head.split_once("content-length: ").and_then(|(_, after)| after.split("\r\n").next());
        let length: usize = length.unwrap_or_else(|| panic!("{head}")).parse().unwrap();
        statuses.push(head[9..12].to_owned());
        bodies.push(String::from_utf8(raw.take(length).await).unwrap());
    }
    assert_eq!(statuses, ["200", "200", "404", "200"]);
    assert!(bodies[0].contains("slept_ms"), "{bodies:?}");
    assert_eq!((bodies[1].as_str(), bodies[3].as_str()), ("xx", "xxxx"));
    assert_eq!(site.sandbox.journal().requests("/rest"), 3);
    were_paid(&admin, &buyer, 3).await;
}
