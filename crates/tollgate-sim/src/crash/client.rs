//! A client over one connection that is kept, and the admin API through it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tollgate_core::money::Nanos;

pub(super) const TOKEN: &str = "token-of-the-crash-test";

/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is kept.
pub(super) struct Client {
    to: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

/// An answer that came to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Client {
    pub(super) async fn connect(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await.context("connect")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { to, sender })
    }

    /// Sends a request and returns its answer once it is complete.
    pub(super) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply> {
        let mut request = Request::builder().method(method).uri(path).header("host", self.to.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        let exchange = async {
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
        };
        timeout(PATIENCE, exchange).await.map_err(|_| anyhow!("no answer to {path} within {PATIENCE:?}"))?
    }

    /// Asks the admin API.
    pub(super) async fn admin(
        &mut self,
        method: &str,
        path: &str,
        once: Option<&str>,
        body: Option<Value>,
    ) -> Result<Value> {
        let (bearer, path) = (format!("Bearer {TOKEN}"), format!("/admin/v1{path}"));
        let mut headers = vec![("authorization", &*bearer)];
        headers.extend(once.map(|name| ("idempotency-key", name)));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        let reply = self.send(method, &path, &headers, &body).await?;
        ensure!((200..300).contains(&reply.status), "{method} {path}: {} {}", reply.status, reply.text());
        Ok(serde_json::from_slice(&reply.body)?)
    }
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What it cost, if the answer says so: streams end after their headers.
    pub(super) fn cost(&self) -> Result<Option<Nanos>> {
        match self.header("tollgate-cost").split_once(' ') {
            None => Ok(None),
            Some((amount, _)) => Ok(Some(amount.parse()?)),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The text in a member of `value`.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str> {
    value[member].as_str().with_context(|| format!("{member} is missing in {value}"))
}

/// The amount in a member of `value`.
pub(super) fn amount(value: &Value, member: &str) -> Result<Nanos> {
    Ok(text(value, member)?.parse()?)
}
