//! Bodies of forwarded requests.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// The body of a forwarded request.
#[derive(Debug)]
pub(crate) enum UpstreamBody {
    /// None.
    Empty,
    /// Read whole before.
    Whole(Bytes),
    /// Passed on as it arrives.
    Passing {
        incoming: Incoming,
        /// What has passed, for the meter.
        passed: Arc<AtomicU64>,
        /// The most that may.
        most: u64,
    },
}

/// Why a body that is passed on ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the caller stopped sending: {0}")]
    Caller(#[from] hyper::Error),
    #[error("the body is larger than the route allows")]
    TooLarge,
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            whole @ Self::Whole(_) => {
                let Self::Whole(bytes) = std::mem::replace(whole, Self::Empty) else { return Poll::Ready(None) };
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Passing { incoming, passed, most } => loop {
                let Some(frame) = ready!(Pin::new(&mut *incoming).poll_frame(context)) else {
                    return Poll::Ready(None);
                };
                let frame = frame?;
                // Trailers of a request are dropped: no route asks for them.
                let Ok(data) = frame.into_data() else { continue };
                let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                let total = passed.fetch_add(length, Ordering::Relaxed).saturating_add(length);
                if total > *most {
                    return Poll::Ready(Some(Err(BodyError::TooLarge)));
                }
                return Poll::Ready(Some(Ok(Frame::data(data))));
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Passing { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Self::Passing { incoming, .. } => incoming.size_hint(),
        }
    }
}
