//! A stream on which servers speak by themselves, for as long as anybody listens.
//!
//! It was admitted when it began and costs nothing, so it holds nothing either. What passes is filtered
//! like a list, because the answer to an earlier request may come this way.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tokio::time::Sleep;
use tollgate_meter::mcp::AnswerStream;

use crate::core::Core;
use crate::limits::{LISTENING_IDLE, MODEL_ANSWER_BYTES_MAX};
use crate::relay::CutOff;
use crate::upstream::Answer;

use super::visible::Visible;

/// The body of such a stream.
pub(crate) struct Listening {
    sources: Vec<Source>,
    visible: Visible,
    idle: Option<Pin<Box<Sleep>>>,
    /// Ends when the gateway stops.
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// What one server says.
struct Source {
    answer: Answer,
    events: AnswerStream,
}

impl Listening {
    pub(super) fn new(core: &Arc<Core>, visible: Visible) -> Self {
        let supervisor = core.supervisor.clone();
        let stopping = Box::pin(async move { supervisor.stopping().await });
        Self { sources: Vec::new(), visible, idle: None, stopping }
    }

    /// Listens to `answer` too, whose events are marked with `label`.
    pub(super) fn with(mut self, answer: Answer, label: Option<Box<str>>) -> Self {
        let event_len_max = usize::try_from(MODEL_ANSWER_BYTES_MAX).unwrap_or(usize::MAX);
        self.sources.push(Source { answer, events: AnswerStream::new(None, event_len_max).labelled(label) });
        self
    }

    /// The next events. The stream ends where the last server ends it, when nobody has said anything for
    /// [`LISTENING_IDLE`], and when the gateway stops: clients come back to such a stream by themselves.
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        if self.stopping.as_mut().poll(context).is_ready() {
            self.sources.clear();
        }
        let mut at = 0;
        while let Some(source) = self.sources.get_mut(at) {
            match source.poll(context, &self.visible) {
                Poll::Pending => at += 1,
                Poll::Ready(Said::Nothing) => {
                    self.sources.remove(at);
                }
                Poll::Ready(Said::Events(bytes)) => {
                    self.idle = None;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Poll::Ready(Said::Broken(why)) => {
                    self.sources.clear();
                    return Poll::Ready(Some(Err(CutOff(why))));
                }
            }
        }
        let idle = self.idle.get_or_insert_with(|| Box::pin(tokio::time::sleep(LISTENING_IDLE)));
        if self.sources.is_empty() || idle.as_mut().poll(context).is_ready() {
            self.sources.clear();
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

/// What a server says next.
enum Said {
    Events(Bytes),
    /// It has ended.
    Nothing,
    Broken(&'static str),
}

impl Source {
    fn poll(&mut self, context: &mut Context<'_>, visible: &Visible) -> Poll<Said> {
        loop {
            let frame = match Pin::new(&mut self.answer).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Said::Broken("the upstream broke off")),
                Poll::Ready(None) => return Poll::Ready(Said::Nothing),
                Poll::Pending => return Poll::Pending,
            };
            // Trailers are dropped: nobody asked for them.
            let Ok(data) = frame.into_data() else { continue };
            match self.events.push(data, |message| visible.filtered_anyway(message)) {
                Ok(bytes) if bytes.is_empty() => (),
                Ok(bytes) => return Poll::Ready(Said::Events(bytes)),
                Err(_) => return Poll::Ready(Said::Broken("an event of the stream is too large")),
            }
        }
    }
}
