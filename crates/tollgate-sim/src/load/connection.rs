//! One request and its answer over a connection that is kept.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Timing;
use super::response::ResponseReader;
use super::sse::Deltas;

/// Also the longest head of an answer.
const BUFFER_BYTES: usize = 64 * 1024;

/// A connection, opened when it is needed and again after a failure.
pub(super) struct Connection {
    addr: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Box<[u8]>,
}

/// What is seen of one answer.
#[derive(Debug)]
pub(super) struct Sight {
    timing: Timing,
    pub(super) status: u16,
    pub(super) body_bytes: u64,
    /// When the first byte of the body came; only if streams are timed.
    pub(super) first_byte_at: Option<Instant>,
    /// When content deltas came; only if streams are timed.
    pub(super) deltas_at: Vec<Instant>,
    deltas: Deltas,
}

impl Sight {
    pub(super) fn new(timing: Timing) -> Self {
        let (deltas_at, deltas) = (Vec::new(), Deltas::default());
        Self { timing, status: 0, body_bytes: 0, first_byte_at: None, deltas_at, deltas }
    }

    fn body(&mut self, bytes: &[u8], now: Option<Instant>) {
        self.body_bytes += bytes.len() as u64;
        if let Some(now) = now {
            self.first_byte_at.get_or_insert(now);
            for _ in 0..self.deltas.count(bytes) {
                self.deltas_at.push(now);
            }
        }
    }
}

impl Connection {
    pub(super) fn new(addr: SocketAddr) -> Self {
        Self { addr, stream: None, buffer: vec![0; BUFFER_BYTES].into() }
    }

    /// Opens the connection if it is not open.
    pub(super) async fn open(&mut self) -> Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.addr).await.context("connect")?;
            stream.set_nodelay(true).context("connect")?;
            self.stream = Some(stream);
        }
        self.stream.as_mut().context("the connection was just opened")
    }

    /// Sends `request` and reads the answer to its end. After an error the connection is closed.
    pub(super) async fn exchange(&mut self, request: &[u8], sight: &mut Sight) -> Result<()> {
        match self.try_exchange(request, sight).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.stream = None;
                Ok(())
            }
            Err(error) => {
                self.stream = None;
                Err(error)
            }
        }
    }

    /// Returns whether the connection can be used again.
    async fn try_exchange(&mut self, request: &[u8], sight: &mut Sight) -> Result<bool> {
        self.open().await?.write_all(request).await.context("write")?;
        let Some(stream) = &mut self.stream else { bail!("not connected") };
        let mut reader = ResponseReader::default();
        let mut waiting = 0;
        while !reader.is_done() {
            ensure!(waiting < self.buffer.len(), "the head of the answer is too long");
            let read = stream.read(&mut self.buffer[waiting..]).await.context("read")?;
            if read == 0 {
                reader.end_of_input()?;
                break;
            }
            let now = (sight.timing == Timing::Stream).then(Instant::now);
            let filled = waiting + read;
            let taken = reader.read(&self.buffer[..filled], |bytes| sight.body(bytes, now))?;
            ensure!(!reader.is_done() || taken == filled, "more bytes than the answer has");
            self.buffer.copy_within(taken..filled, 0);
            waiting = filled - taken;
        }
        sight.status = reader.status();
        Ok(!reader.closes())
    }
}
