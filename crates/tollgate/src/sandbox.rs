//! Upstreams to sell: a REST service, language models and an MCP server that run inside the process.
//!
//! `tollgate demo` puts them behind the gateway, tests ask them what arrived, the bench uses them as
//! the service that every proxy forwards to. They answer the same request with the same bytes
//! every time, and the usage that a model reports is the usage of the text that it wrote.
//!
//! | path | answer |
//! |---|---|
//! | `GET /rest/echo` | method, path, query and every received header, as JSON |
//! | `POST /rest/echo` | the body that was sent, as it arrives, with its content type |
//! | `/rest/bytes/{n}` | n bytes with a Content-Length |
//! | `/rest/stream/{chunks}/{gap_ms}` | that many chunks, the gap before each but the first |
//! | `/rest/status/{code}` | an answer with this status, from 200 on |
//! | `/rest/slow/{ms}` | an answer after that time |
//! | `/rest/hang` | no answer, ever |
//! | `/rest/endless` | a byte a second, forever |
//! | `/rest/cut/{bytes}` | half of the Content-Length that it promised, then a closed connection |
//! | `/rest/report` | a document worth paying for |
//! | `/rest/ws` | a WebSocket that sends every message back |
//! | `/v1/chat/completions`, `/v1/responses`, `/v1/embeddings`, `/v1/models` | a language model, see `openai` |
//! | `/v1/messages`, `/v1/messages/count_tokens` | one that speaks Anthropic's format, see `anthropic` |
//! | `/v1beta/models/{model}:{verb}`, the same below `/v1` | one that speaks Gemini's, see `gemini` |
//! | `/mcp`, `/mcp/{anything}` | an MCP server, see `mcp` |
//! | `GET /sandbox/requests` | how often each path was asked for, see [`Journal`] |
//!
//! Reading order: `service` is the way of a request, `endpoint` the table above, `body` how an answer
//! is paced, cut or never ended; the rest is one file per kind of upstream. Of the models, `answer` is what
//! they say, whatever the format: the same messages get the same text, streamed or not, counted as `text`
//! and `prompt` say. `model` has their names and habits, `knobs` what request headers change, `deliver` how
//! answers travel. A format is the rest: how a request is read and an answer written.

mod answer;
mod anthropic;
mod body;
mod deliver;
mod endpoint;
mod fault;
mod gemini;
mod journal;
mod json;
mod knobs;
mod mcp;
mod model;
mod openai;
mod prompt;
mod rest;
mod service;
mod text;
mod tool;
mod usage;
mod websocket;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tollgate_core::time::Clock;

pub use journal::Journal;
pub use service::Service;

/// How long [`Sandbox::stop`] waits for answers under way; some of them never end.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// A running sandbox. Dropping it ends every connection at once; [`Sandbox::stop`] is gentler.
#[derive(Debug)]
pub struct Sandbox {
    addr: SocketAddr,
    service: Arc<Service>,
    stopping: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a sandbox on `bind` (port 0 takes a free one), on the tokio runtime it is called from.
    pub fn start(bind: SocketAddr, clock: Arc<dyn Clock>) -> io::Result<Self> {
        Self::serve(std::net::TcpListener::bind(bind)?, Arc::new(Service::new(clock, Journal::default())))
    }

    /// Serves what arrives at `listener`, on the tokio runtime it is called from. Several may share
    /// a `service`: the bench runs one per core.
    pub fn serve(listener: std::net::TcpListener, service: Arc<Service>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let addr = listener.local_addr()?;
        let stopping = watch::Sender::new(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&service), stopping.subscribe()));
        Ok(Self { addr, service, stopping, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has received.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        self.service.journal()
    }

    /// Takes no more connections, lets answers under way finish for a second, then ends them.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        // Both failures, a timeout and a task that is already gone, end in the abort of `drop`.
        let _ = timeout(STOP_WITHIN, &mut self.accepting).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts until told to stop, then waits for the connections. They belong to this task and end with it.
async fn accept(listener: TcpListener, service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of file descriptors, most likely: closing connections frees some.
                    sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
            _ = stopping.changed() => break,
        };
        service.journal().note_connection();
        connections.spawn(converse(stream, Arc::clone(&service), stopping.clone()));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Answers what comes over one connection, and after being told to stop only what is under way.
async fn converse(stream: TcpStream, service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    // Without it small answers still arrive, only later.
    let _ = stream.set_nodelay(true);
    let for_upgrades = stopping.clone();
    let answer = service_fn(move |request| Arc::clone(&service).answer(request, for_upgrades.clone()));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    // A caller that breaks off is no news to an upstream.
    let _ = connection.await;
}
