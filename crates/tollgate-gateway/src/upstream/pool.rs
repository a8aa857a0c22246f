//! Connections that are kept open, by core: a connection is used by the core that opened it.
//!
//! One request at a time uses a connection, so a long stream never stands in another request's way. The
//! one used last is used first; those that nobody needs age and are closed.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep, timeout};
use tracing::debug;

use crate::limits::{END_WITHIN, READY_WITHIN, UPSTREAM_KEPT};

use crate::models::Turn;

use super::{Upstream, UpstreamBody};

/// A connection that one request at a time uses.
#[derive(Debug)]
struct Line {
    sender: SendRequest<UpstreamBody>,
    /// Runs out when the upstream takes too long. It belongs to the connection and not to the request:
    /// moving a timer that runs costs less than making one.
    patience: Pin<Box<Sleep>>,
}

/// Connections that nobody uses at the moment, by core.
#[derive(Debug)]
pub(super) struct Idle {
    by_core: [Arc<Mutex<Vec<Resting>>>; 64],
    most: usize,
}

#[derive(Debug)]
struct Resting {
    line: Line,
    since: Instant,
}

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// No connection could be opened: nothing was sent.
    #[error("could not connect: {0}")]
    Connect(#[source] std::io::Error),
    /// The connection broke or made no sense; the upstream may have seen the request.
    #[error("no valid answer: {0}")]
    Answer(#[source] hyper::Error),
    /// It took longer than the route allows.
    #[error("no answer in time")]
    TooSlow,
}

/// The body of an answer. When it was read to its end, its connection is free again; when it is dropped
/// before, the connection is closed.
#[derive(Debug)]
pub(crate) struct Answer {
    incoming: Incoming,
    lease: Option<Lease>,
    /// The turn at the upstream that it takes, where turns are counted.
    _turn: Option<Turn>,
}

#[derive(Debug)]
struct Lease {
    line: Line,
    resting: Arc<Mutex<Vec<Resting>>>,
    most: usize,
}

impl Idle {
    pub(super) fn new(most: usize) -> Self {
        Self { by_core: std::array::from_fn(|_| Arc::default()), most }
    }

    fn of(&self, core: usize) -> Arc<Mutex<Vec<Resting>>> {
        Arc::clone(&self.by_core[core % 64])
    }

    /// How many connections of `core` rest and are open.
    #[cfg(test)]
    pub(super) fn open(&self, core: usize) -> usize {
        lock(&self.of(core)).iter().filter(|resting| !resting.line.sender.is_closed()).count()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connection used last that is still open. Those that have rested too long are closed.
fn take(resting: &Mutex<Vec<Resting>>) -> Option<Line> {
    let mut resting = lock(resting);
    loop {
        let Resting { line, since } = resting.pop()?;
        if since.elapsed() > UPSTREAM_KEPT {
            // All others have rested longer.
            resting.clear();
            return None;
        }
        if !line.sender.is_closed() {
            return Some(line);
        }
    }
}

impl Upstream {
    /// Sends `request` from `core` and waits for the head of the answer, for at most `time_max`.
    ///
    /// A connection that was closed while it rested is replaced without anybody noticing, as long as
    /// nothing of the request was sent on it.
    pub(crate) async fn send(
        &self,
        core: usize,
        mut request: Request<UpstreamBody>,
        time_max: Duration,
    ) -> Result<Response<Answer>, SendError> {
        let resting = self.idle.of(core);
        let deadline = Instant::now() + time_max;
        loop {
            let (mut line, is_fresh) = match take(&resting) {
                Some(line) => (line, false),
                // Boxed: few requests open a connection, and their state should not weigh on the others.
                None => (Box::pin(self.open()).await.map_err(SendError::Connect)?, true),
            };
            if !is_fresh {
                // One whose last request is still being sent, or that is closing, is left alone.
                line.patience.as_mut().reset(Instant::now() + READY_WITHIN);
                if !matches!(before(&mut line.patience, line.sender.ready()).await, Some(Ok(()))) {
                    continue;
                }
            }
            line.patience.as_mut().reset(deadline);
            let sending = line.sender.try_send_request(request);
            match before(&mut line.patience, sending).await.ok_or(SendError::TooSlow)? {
                Ok(response) => {
                    let lease = Lease { line, resting, most: self.idle.most };
                    return Ok(response.map(|incoming| Answer::new(incoming, lease)));
                }
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if !is_fresh => request = unsent,
                    _ => return Err(SendError::Answer(failed.into_error())),
                },
            }
        }
    }

    async fn open(&self) -> std::io::Result<Line> {
        let connection = self.connector.connect().await?;
        let (sender, connection) =
            http1::Builder::new().handshake(TokioIo::new(connection)).await.map_err(std::io::Error::other)?;
        let name = self.name().to_owned();
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                debug!(upstream = name, %error, "Upstream connection ended");
            }
        });
        Ok(Line { sender, patience: Box::pin(tokio::time::sleep(Duration::ZERO)) })
    }
}

/// What `work` comes to; `None` if `patience` runs out before.
async fn before<T>(patience: &mut Pin<Box<Sleep>>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => patience.as_mut().poll(context).map(|()| None),
    })
    .await
}

impl Answer {
    fn new(incoming: Incoming, lease: Lease) -> Self {
        let mut answer = Self { incoming, lease: Some(lease), _turn: None };
        answer.rest_if_read();
        answer
    }

    /// The answer takes `turn` for as long as it lasts.
    pub(crate) fn with_turn(self, turn: Option<Turn>) -> Self {
        Self { _turn: turn, ..self }
    }

    /// The body as hyper knows it, for an upgraded connection: the connection does not rest any more.
    pub(crate) fn into_incoming(self) -> Incoming {
        self.incoming
    }

    /// Reads the end of an answer of which nothing more is wanted, so that its connection can be used again.
    pub(crate) fn read_rest(mut self) {
        if self.lease.is_none() {
            return;
        }
        tokio::spawn(async move {
            // Whoever goes on sending is not worth waiting for.
            let _ = timeout(END_WITHIN, async { while let Some(Ok(_)) = self.frame().await {} }).await;
        });
    }

    fn rest_if_read(&mut self) {
        if self.incoming.is_end_stream() {
            self.rest();
        }
    }

    fn rest(&mut self) {
        let Some(Lease { line, resting, most }) = self.lease.take() else { return };
        let mut resting = lock(&resting);
        if resting.len() < most && !line.sender.is_closed() {
            resting.push(Resting { line, since: Instant::now() });
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.incoming).poll_frame(context);
        match &frame {
            Poll::Ready(Some(Ok(_))) => self.rest_if_read(),
            Poll::Ready(None) => self.rest(),
            Poll::Ready(Some(Err(_))) => self.lease = None,
            Poll::Pending => (),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
