//! Bodies of answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::mcp::Listening;
use crate::relay::{CutOff, Relay};

/// The body of an answer to a caller.
pub(crate) enum AnswerBody {
    /// All of it, or what is left.
    Whole(Option<Bytes>),
    /// Passed on as it arrives from the upstream, its end held back until it is settled.
    Relayed(Relay),
    /// What a server says by itself, for as long as anybody listens.
    Listening(Box<Listening>),
}

impl AnswerBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    pub(crate) const fn empty() -> Self {
        Self::Whole(None)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relayed(relay) => Pin::new(relay).poll_frame(context),
            Self::Listening(listening) => listening.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Relayed(_) | Self::Listening(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
            }
            Self::Relayed(relay) => relay.size_hint(),
            Self::Listening(_) => SizeHint::default(),
        }
    }
}
