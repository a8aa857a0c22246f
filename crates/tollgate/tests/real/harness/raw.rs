//! A socket and bytes, for what no client would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::in_time;

/// A connection as bytes.
pub(crate) struct Raw {
    stream: TcpStream,
    /// What came and was not taken yet.
    buffer: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(to).await.expect("the gateway accepts"), buffer: Vec::new() }
    }

    /// The next connection to an upstream that the test plays itself.
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = in_time("a connection", listener.accept()).await.expect("the listener works");
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        in_time("the bytes are taken", self.stream.write_all(bytes.as_ref())).await.expect("the connection is open");
    }

    /// Sends what may be refused before all of it was taken.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = in_time("the bytes are taken or refused", self.stream.write_all(bytes.as_ref())).await;
    }

    /// Everything up to and with `end`.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(place) = find(&self.buffer, end.as_bytes()) {
                let taken: Vec<u8> = self.buffer.drain(..place + end.len()).collect();
                return String::from_utf8_lossy(&taken).into_owned();
            }
            assert!(self.more().await, "the connection ended before {end:?}: {}", self.seen());
        }
    }

    /// Exactly so many bytes.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.more().await, "the connection ended: {}", self.seen());
        }
        self.buffer.drain(..count).collect()
    }

    /// Everything until the other side closes.
    pub(crate) async fn rest(&mut self) -> String {
        while self.more().await {}
        self.seen()
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }

    async fn more(&mut self) -> bool {
        self.buffer.reserve(16 * 1024);
        // A reset is an end as well.
        let read = in_time("bytes or an end", self.stream.read_buf(&mut self.buffer)).await.unwrap_or(0);
        read > 0
    }
}

/// A request for the WebSocket of the sandbox.
pub(crate) fn handshake(key: &str) -> String {
    format!(
        "GET /rest/ws HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {key}\r\n\r\n"
    )
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
