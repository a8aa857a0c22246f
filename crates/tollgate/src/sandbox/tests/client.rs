//! A sandbox and somebody who asks it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tollgate_core::time::{Clock, Timestamp};

use crate::sandbox::Sandbox;

/// When it is, for the sandbox of these tests.
pub(super) const NOW_SECONDS: i64 = 1_795_000_000;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(NOW_SECONDS)
    }
}

/// A sandbox on a free port.
pub(super) fn started() -> Sandbox {
    Sandbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(Fixed)).unwrap()
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether the connection broke before the answer ended.
    pub(super) broken: bool,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// The data of the events of a stream; `[DONE]` becomes a string. A name must be the type of its data.
    pub(super) fn events(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.body).unwrap();
        let data = text.split("\n\n").filter(|event| !event.is_empty()).map(|event| {
            let (name, data) = event.split_once("data: ").unwrap();
            assert!(name.is_empty() || data.contains(&format!("\"type\":\"{}\"", &name[7..name.len() - 1])), "{event}");
            data
        });
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// Sends a request on a connection of its own and returns as soon as the head of the answer is there.
pub(super) async fn head_of(sandbox: &Sandbox, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let stream = TcpStream::connect(sandbox.addr()).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await.unwrap()
}

/// Sends a request and reads all of the answer.
pub(super) async fn send(sandbox: &Sandbox, request: Request<Full<Bytes>>) -> Answer {
    let (head, mut incoming) = head_of(sandbox, request).await.into_parts();
    let (mut body, mut broken) = (Vec::new(), false);
    while let Some(frame) = timeout(Duration::from_secs(5), incoming.frame()).await.expect("the answer goes on") {
        match frame {
            Ok(frame) => body.extend(frame.into_data().unwrap()),
            Err(_) => broken = true,
        }
    }
    Answer { status: head.status, headers: head.headers, body: body.into(), broken }
}

/// `GET path`
pub(super) async fn get(sandbox: &Sandbox, path: &str) -> Answer {
    send(sandbox, request("GET", path, "")).await
}

/// `POST path` with a JSON body
pub(super) async fn post(sandbox: &Sandbox, path: &str, body: &Value) -> Answer {
    send(sandbox, request("POST", path, &body.to_string())).await
}

/// `POST path` with a JSON body and headers
pub(super) async fn post_with(
    sandbox: &Sandbox,
    path: &str,
    body: &Value,
    headers: &[(&'static str, &'static str)],
) -> Answer {
    let mut request = request("POST", path, &body.to_string());
    for &(name, value) in headers {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    send(sandbox, request).await
}

pub(super) fn request(method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(path).header("host", "sandbox");
    request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()
}
