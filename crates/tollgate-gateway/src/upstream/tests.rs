//! Connections to an upstream that the test plays itself.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tollgate_store::definition::{UpstreamDefinition, UpstreamFormat};

use super::{Answer, SendError, Upstream, UpstreamBody};

/// The longest that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A whole answer.
const SHORT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An upstream, and the listener at its address.
pub(crate) async fn upstream() -> (Upstream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let definition = UpstreamDefinition {
        url: format!("http://{}", listener.local_addr().unwrap()),
        key: String::new(),
        provider: String::new(),
        format: UpstreamFormat::Openai,
        keys: Vec::new(),
        headers: BTreeMap::new(),
        connect_timeout_ms: 20_000,
        idle_connections_max: 8,
        concurrency_max: None,
        wait_max_ms: 0,
        cool_down_ms: 0,
    };
    (Upstream::new(&definition, Vec::new()).unwrap(), listener)
}

/// Sends a request and gives the body of its answer.
pub(crate) async fn ask(upstream: &Upstream, body: UpstreamBody) -> Answer {
    in_time(upstream.send(0, request(body), PATIENCE)).await.unwrap().into_body()
}

fn request(body: UpstreamBody) -> Request<UpstreamBody> {
    Request::post("/").header("host", "upstream").body(body).unwrap()
}

/// Reads the head of a request and sends `answer`.
pub(crate) async fn serve(socket: &mut TcpStream, answer: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(in_time(socket.read_u8()).await.unwrap());
    }
    socket.write_all(answer.as_bytes()).await.unwrap();
}

pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    in_time(listener.accept()).await.unwrap().0
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.unwrap()
}

/// Asks, answers on `socket` and reads the answer to its end.
async fn exchange(upstream: &Upstream, socket: &mut TcpStream) -> Bytes {
    let (answer, ()) = tokio::join!(ask(upstream, UpstreamBody::Empty), serve(socket, SHORT));
    answer.collect().await.unwrap().to_bytes()
}

/// Opens a connection and lets it rest.
async fn rested(upstream: &Upstream, listener: &TcpListener) -> TcpStream {
    let asked = async { ask(upstream, UpstreamBody::Empty).await.collect().await.unwrap().to_bytes() };
    let answered = async {
        let mut socket = accept(listener).await;
        serve(&mut socket, SHORT).await;
        socket
    };
    let (body, socket) = tokio::join!(asked, answered);
    assert_eq!(body, "ok");
    socket
}

#[tokio::test]
async fn a_connection_that_rests_is_used_again() {
    let (upstream, listener) = upstream().await;
    let mut socket = rested(&upstream, &listener).await;
    assert_eq!(exchange(&upstream, &mut socket).await, "ok");
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_rested_is_replaced() {
    let (upstream, listener) = upstream().await;
    drop(rested(&upstream, &listener).await);
    // The end has arrived, or nobody could know of it.
    in_time(async {
        while upstream.idle.open(0) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let _second = rested(&upstream, &listener).await;
}

#[tokio::test]
async fn a_connection_that_is_still_busy_with_its_last_request_is_replaced() {
    let (upstream, listener) = upstream().await;
    // More than the buffers between the two can take: it is answered before all of it was sent.
    let large = UpstreamBody::Whole(vec![b'x'; 64 * 1024 * 1024].into());
    let asked = async { ask(&upstream, large).await.collect().await.unwrap().to_bytes() };
    let answered = async {
        let mut socket = accept(&listener).await;
        serve(&mut socket, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly").await;
        socket
    };
    let (body, _busy) = tokio::join!(asked, answered);
    assert_eq!(body, "early");
    let _second = rested(&upstream, &listener).await;
}

#[tokio::test]
async fn the_rest_of_an_answer_is_read_for_the_next_request() {
    let (upstream, listener) = upstream().await;
    let answered = async {
        let mut socket = accept(&listener).await;
        serve(&mut socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
        socket
    };
    let (mut answer, mut socket) = tokio::join!(ask(&upstream, UpstreamBody::Empty), answered);
    assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
    answer.read_rest();
    socket.write_all(b"0\r\n\r\n").await.unwrap();
    in_time(async {
        while upstream.idle.open(0) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(exchange(&upstream, &mut socket).await, "ok");
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_given_up() {
    let (upstream, listener) = upstream().await;
    let silent = async {
        let mut socket = accept(&listener).await;
        serve(&mut socket, "").await;
        socket
    };
    let sent = upstream.send(0, request(UpstreamBody::Empty), Duration::from_millis(50));
    let (sent, _open) = in_time(async { tokio::join!(sent, silent) }).await;
    assert!(matches!(sent, Err(SendError::TooSlow)), "{sent:?}");
}
