//! A thin client: one request on a connection of its own, or several on one that is kept.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tollgate_core::money::Nanos;

use super::in_time;

/// A request that is being put together.
#[derive(Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the answer came to its end; false if the connection broke.
    pub(crate) is_whole: bool,
}

/// An answer whose head has come. Dropping it closes the connection, as a caller does who leaves.
pub(crate) struct Open {
    response: Response<Incoming>,
    _wire: Wire,
}

/// A connection that is kept.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    _wire: Wire,
}

struct Wire(JoinHandle<()>);

impl Drop for Wire {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Call {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: &str, body: &Value) -> Self {
        Self::new(Method::POST, path).header("content-type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The body as it is sent.
    pub(crate) fn sent_body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// The request as hyper knows it, for the authority `host`.
    pub(crate) fn request(&self, host: &str) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(&self.method).uri(&self.path).header("host", host);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body.clone())).expect("the tests write requests that can be sent")
    }

    /// Sends it on a connection of its own and reads the whole answer.
    pub(crate) async fn send(&self, to: SocketAddr) -> Answer {
        self.open(to).await.whole().await
    }

    /// Sends it on a connection of its own and returns when the head of the answer is there.
    pub(crate) async fn open(&self, to: SocketAddr) -> Open {
        let Connection { mut sender, _wire } = Connection::open(to).await;
        let request = self.request(&to.to_string());
        let answered = in_time(&self.path, sender.send_request(request)).await;
        let response = answered.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path));
        Open { response, _wire }
    }
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap_or_else(|error| panic!("cannot connect to {to}: {error}"));
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a fresh connection");
        let wire = Wire(tokio::spawn(async move {
            // How a connection ends is seen by whoever reads the answer.
            let _ = connection.await;
        }));
        Self { sender, _wire: wire }
    }

    /// Sends `call` and reads the whole answer; the connection stays open.
    pub(crate) async fn send(&mut self, call: &Call) -> Answer {
        in_time("the connection is ready", self.sender.ready()).await.expect("the connection is open");
        let response = in_time("an answer", self.sender.send_request(call.request("gateway")));
        Answer::of(response.await.expect("an answer on a connection that is kept")).await
    }
}

impl Open {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(crate) fn id(&self) -> String {
        text(self.response.headers(), "x-request-id")
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Option<Bytes> {
        loop {
            let frame = in_time("the answer goes on", self.response.body_mut().frame()).await?;
            match frame.expect("the answer is not cut").into_data() {
                Ok(data) => return Some(data),
                Err(_) => continue,
            }
        }
    }

    /// Reads the rest.
    pub(crate) async fn whole(self) -> Answer {
        let Self { response, _wire } = self;
        Answer::of(response).await
    }
}

impl Answer {
    /// Reads an answer to its end, or to where it breaks off.
    pub(crate) async fn of(response: Response<Incoming>) -> Self {
        let (head, mut incoming) = response.into_parts();
        let (mut body, mut is_whole) = (Vec::new(), true);
        while let Some(frame) = in_time("the answer goes on", incoming.frame()).await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => body.extend_from_slice(&data),
                Ok(Err(_)) => (),
                Err(_) => is_whole = false,
            }
        }
        Self { status: head.status.as_u16(), headers: head.headers, body: body.into(), is_whole }
    }

    /// The value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> String {
        text(&self.headers, name)
    }

    pub(crate) fn id(&self) -> String {
        self.header("x-request-id")
    }

    pub(crate) fn reason(&self) -> String {
        self.header("tollgate-reason")
    }

    /// What it cost, by its header.
    pub(crate) fn cost(&self) -> Nanos {
        let cost = self.header("tollgate-cost");
        let amount = cost.split_once(' ').map_or("", |(amount, _)| amount);
        amount.parse().unwrap_or_else(|error| panic!("Tollgate-Cost {cost:?}: {error}; {}", self.text()))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
