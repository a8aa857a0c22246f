//! Phase: answers that are read whole before anything of them is sent.
//!
//! Short answers, answers of models that are not streamed, and failures. Once an answer is settled it is
//! sent, however long the log takes: the caller has paid for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response};
use http_body::Body as _;
use tokio::time::Sleep;
use tollgate_store::settlement::Flags;
use tracing::warn;

use crate::admit::Admission;
use crate::answer::AnswerBody;
use crate::call::Call;
use crate::caller::Presence;
use crate::core::Core;
use crate::forward::leaving_matters;
use crate::limits::{MODEL_ANSWER_BYTES_MAX, UPSTREAM_IDLE};
use crate::metering::AnswerMeter;
use crate::refuse::Refusal;
use crate::respond_headers;
use crate::settle::{settle, settle_nothing};
use crate::translation::Translation;
use crate::upstream::Answer;

/// An answer whose head has come and that is to be read whole.
pub(crate) struct Whole<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) call: &'a mut Call,
    pub(crate) presence: &'a Presence,
    pub(crate) head: http::response::Parts,
    pub(crate) answer: Answer,
    pub(crate) admission: Admission,
    /// What has passed of the request's body.
    pub(crate) sent: Arc<AtomicU64>,
    /// When the request was sent.
    pub(crate) forwarded: Instant,
    /// The most bytes that the route lets through.
    pub(crate) bytes_max: u64,
    /// Says the answer in the caller's format, if the upstream speaks another.
    pub(crate) translation: Option<Translation>,
}

impl Whole<'_> {
    /// Passes on what costs nothing: a failure, or a word about the protocol.
    ///
    /// # Errors
    /// 502 if it breaks off, 499 if its caller leaves and owes nothing for that.
    pub(crate) async fn pass_free(self) -> Result<Response<AnswerBody>, Refusal> {
        let Self { core, call, presence, head, answer, admission, bytes_max, .. } = self;
        let body = read(answer, bytes_max, &admission, presence).await.map_err(|why| broken_off(call, why))?;
        call.bytes_out = len(&body);
        let _ticket = settle_nothing(core, call, head.status.as_u16(), admission);
        Ok(with_length(head, body))
    }

    /// Settles the answer, and sends it once that is durable.
    ///
    /// # Errors
    /// 502 if it breaks off or is no answer, 499 if its caller leaves and owes nothing for that; it costs nothing then.
    pub(crate) async fn settle(self, mut meter: AnswerMeter) -> Result<Response<AnswerBody>, Refusal> {
        let Self { core, call, presence, mut head, answer, admission, sent, forwarded, bytes_max, translation } = self;
        let body = read(answer, bytes_max, &admission, presence).await.map_err(|why| broken_off(call, why))?;
        if presence.has_left() {
            call.flags = call.flags.with(Flags::CALLER_LEFT);
        }
        call.bytes_in = call.bytes_in.max(sent.load(Ordering::Relaxed));
        call.bytes_out = len(&body);
        let compute_ms = u64::try_from(forwarded.elapsed().as_millis()).unwrap_or(u64::MAX);
        let body = meter.whole(body).map_err(|why| broken_off(call, Unread::Upstream(why)))?;
        if meter.is_free() {
            let _ticket = settle_nothing(core, call, head.status.as_u16(), admission);
            return Ok(with_length(head, body));
        }
        meter.count_prompt(Some(&body)).await;
        let metered = meter.of_whole(&body).with_call(call.bytes_in, call.bytes_out, compute_ms);
        let body = match &translation {
            None => body,
            // Before it is settled: what cannot be said to the caller is not sold to it.
            Some(translation) => translation.answer(call, &body, &metered.usage)?,
        };
        let receipt = settle(core, call, head.status.as_u16(), admission, metered);
        respond_headers::receipt(&mut head.headers, &receipt);
        core.released(receipt.ticket).await;
        Ok(with_length(head, body))
    }
}

/// Why an answer was not read to its end.
pub(crate) enum Unread {
    /// Nothing is owed for it.
    CallerLeft,
    /// The upstream failed.
    Upstream(&'static str),
}

/// What the caller is told about it.
pub(crate) fn broken_off(call: &Call, why: Unread) -> Refusal {
    match why {
        Unread::CallerLeft => Refusal::caller_left(),
        Unread::Upstream(why) => {
            warn!(request = %call.id, why, "An answer could not be read");
            Refusal::upstream_failed()
        }
    }
}

/// Reads an answer to its end. It may stand still for [`UPSTREAM_IDLE`]; a caller who owes nothing for
/// what it does not receive ends it by leaving.
pub(crate) async fn read(
    mut answer: Answer,
    bytes_max: u64,
    admission: &Admission,
    presence: &Presence,
) -> Result<Bytes, Unread> {
    let most = bytes_max.min(MODEL_ANSWER_BYTES_MAX);
    let reading = read_frames(&mut answer, most);
    let body = match leaving_matters(admission) {
        false => reading.await,
        true => tokio::select! {
            body = reading => body,
            () = presence.left() => return Err(Unread::CallerLeft),
        },
    };
    body.map_err(Unread::Upstream)
}

async fn read_frames(answer: &mut Answer, most: u64) -> Result<Bytes, &'static str> {
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    let mut total = 0;
    while let Some(data) = next_data(answer).await? {
        total += len(&data);
        if total > most {
            return Err("it is larger than the route allows");
        }
        if first.is_empty() {
            first = data;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&data);
        }
    }
    // Most answers come in one piece, which is passed on as it is.
    Ok(if more.is_empty() { first } else { more.freeze() })
}

pub(crate) async fn next_data(answer: &mut Answer) -> Result<Option<Bytes>, &'static str> {
    let mut idle: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        loop {
            match Pin::new(&mut *answer).poll_frame(context) {
                // Trailers are dropped: nobody asked for them.
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Ok(Some(data))),
                    Err(_) => continue,
                },
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err("the upstream broke off")),
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending => {
                    let idle = idle.get_or_insert_with(|| Box::pin(tokio::time::sleep(UPSTREAM_IDLE)));
                    return idle.as_mut().poll(context).map(|()| Err("the upstream stood still"));
                }
            }
        }
    })
    .await
}

fn with_length(mut head: http::response::Parts, body: Bytes) -> Response<AnswerBody> {
    // An answer to HEAD, and one without content, keeps the length it has.
    if !body.is_empty() {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(len(&body)));
    }
    Response::from_parts(head, AnswerBody::whole(body))
}

fn len(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;
    use crate::upstream::UpstreamBody;
    use crate::upstream::tests::{accept, ask, serve, upstream};

    /// An answer that has begun like this, and the upstream's end of it.
    async fn begun(bytes: &str) -> (Answer, TcpStream) {
        let (upstream, listener) = upstream().await;
        let answering = async {
            let mut socket = accept(&listener).await;
            serve(&mut socket, bytes).await;
            socket
        };
        tokio::join!(ask(&upstream, UpstreamBody::Empty), answering)
    }

    #[tokio::test]
    async fn an_answer_may_be_as_large_as_the_route_allows() {
        let five = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
        let (mut answer, _open) = begun(five).await;
        assert_eq!(read_frames(&mut answer, 5).await, Ok(Bytes::from("abcde")));
        let (mut answer, _open) = begun(five).await;
        assert_eq!(read_frames(&mut answer, 4).await, Err("it is larger than the route allows"));
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_no_answer() {
        let (mut answer, socket) = begun("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").await;
        drop(socket);
        assert_eq!(read_frames(&mut answer, 5).await, Err("the upstream broke off"));
    }

    #[tokio::test]
    async fn an_upstream_that_stands_still_is_not_waited_for_for_ever() {
        let (mut answer, _open) = begun("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").await;
        // From here on, time passes as soon as nothing else happens.
        tokio::time::pause();
        let given_up = tokio::time::timeout(2 * UPSTREAM_IDLE, read_frames(&mut answer, 5)).await;
        assert_eq!(given_up, Ok(Err("the upstream stood still")));
    }
}
