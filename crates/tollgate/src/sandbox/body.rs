//! Bodies of answers: whole ones, and ones that follow a script.
//!
//! A script is a lazy sequence of steps, so that an answer can be paced, cut short, left hanging or
//! endless without a task of its own and without being built in advance.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Body {
    /// All of it, at once; its length is announced.
    Whole(Bytes),
    /// Step by step.
    Scripted(Script),
    /// What the caller sends, as it arrives.
    Mirrored(Incoming),
}

/// One thing that happens in a scripted body.
#[derive(Debug)]
pub(super) enum Step {
    /// Send these bytes; what is sent without a wait between may share a packet.
    Send(Bytes),
    /// Wait until this long after the last wait ended, so that a slow reader does not stretch the pace.
    Wait(Duration),
    /// Let what was sent leave, then close the connection in the middle of the answer.
    Cut,
}

/// A body that follows its steps.
pub(super) struct Script {
    steps: Box<dyn Iterator<Item = Step> + Send>,
    waiting: Option<Pin<Box<Sleep>>>,
    /// When the last wait was to end.
    paced_at: Option<Instant>,
    cutting: bool,
}

impl Body {
    pub(super) fn empty() -> Self {
        Self::Whole(Bytes::new())
    }

    pub(super) fn scripted(steps: impl IntoIterator<Item = Step, IntoIter: Send + 'static>) -> Self {
        Self::Scripted(Script { steps: Box::new(steps.into_iter()), waiting: None, paced_at: None, cutting: false })
    }
}

impl Script {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                ready!(waiting.as_mut().poll(cx));
                self.waiting = None;
            }
            if self.cutting {
                return Poll::Ready(Some(Err(io::Error::other("cut here on purpose"))));
            }
            match self.steps.next() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Step::Wait(Duration::ZERO)) => (),
                Some(Step::Wait(gap)) => {
                    let due = self.paced_at.unwrap_or_else(Instant::now) + gap;
                    self.paced_at = Some(due);
                    self.waiting = Some(Box::pin(sleep_until(due)));
                }
                Some(Step::Cut) => {
                    // The server writes what it has while the body is pending, and drops it on an error.
                    self.cutting = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Scripted(script) => script.poll_data(cx).map(|step| step.map(|data| data.map(Frame::data))),
            Self::Mirrored(incoming) => Pin::new(incoming).poll_frame(cx).map_err(io::Error::other),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Scripted(_) => false,
            Self::Mirrored(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Scripted(_) => SizeHint::default(),
            Self::Mirrored(incoming) => incoming.size_hint(),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("cutting", &self.cutting).finish_non_exhaustive()
    }
}
