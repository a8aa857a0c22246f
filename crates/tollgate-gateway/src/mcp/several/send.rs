//! Asking one of several servers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::HeaderValue;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tollgate_meter::mcp::{AnswerStream, Id};
use tollgate_meter::sse::Event;

use crate::forward::{failed, upstream_request};
use crate::headers::value;
use crate::limits::MODEL_ANSWER_BYTES_MAX;
use crate::metering::is_event_stream;
use crate::refuse::Refusal;
use crate::upstream::{Answer, UpstreamBody};
use crate::whole::{self, Unread};

use super::super::{PROTOCOL_VERSION, SESSION_ID};
use super::{Joined, Switch};

/// The head for the server at `index`: its own session and revision.
pub(super) fn parts_for(parts: &Parts, session: &Joined, index: usize) -> Parts {
    let (mut own, ()) = Request::new(()).into_parts();
    own.method = parts.method.clone();
    own.uri = parts.uri.clone();
    own.headers = parts.headers.clone();
    own.headers.remove(SESSION_ID);
    if let Some(kept) = session.own(index) {
        own.headers.insert(PROTOCOL_VERSION, value(&kept.version));
        if let Some(id) = &kept.id {
            own.headers.insert(SESSION_ID, value(id));
        }
    }
    own
}

/// A name as a header: in base64 where it is not plain text.
pub(super) fn name_field(name: &str) -> HeaderValue {
    let is_plain = name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && name.trim() == name;
    match is_plain {
        true => value(name),
        false => value(&format!("=?base64?{}?=", STANDARD.encode(name))),
    }
}

impl Switch<'_> {
    /// Sends `body` to the server at `index` and waits for the head of its answer. That it may be sent, the
    /// admission of the switch proves.
    pub(super) async fn send(&self, index: usize, body: Bytes) -> Result<Response<Answer>, Refusal> {
        let (core, call) = (self.admitted.core, &*self.admitted.call);
        let unknown = || Refusal::upstream_failed();
        let to = &self.admitted.mcp.servers.get(index).ok_or_else(unknown)?.route;
        let parts = parts_for(&self.parts, &self.session, index);
        let body = if body.is_empty() { UpstreamBody::Empty } else { UpstreamBody::Whole(body) };
        let request = upstream_request(call, to, parts, body).map_err(|_| unknown())?;
        let sent = to.upstream.send(core.index, request, to.terms.time_max).await;
        sent.map_err(|error| failed(core, call, to, &to.upstream, &error))
    }

    /// The message with which the server at `index` answers the request `id`.
    pub(super) async fn reply(&self, index: usize, id: &Id, body: Bytes) -> Result<Bytes, Refusal> {
        let (_, message) = self.reply_with_session(index, id, body).await?;
        Ok(message)
    }

    /// The same, with the session that the answer begins.
    pub(super) async fn reply_with_session(
        &self,
        index: usize,
        id: &Id,
        body: Bytes,
    ) -> Result<(Option<String>, Bytes), Refusal> {
        let response = self.send(index, body).await?;
        let (head, answer) = response.into_parts();
        if head.status == StatusCode::NOT_FOUND && self.session.own(index).is_some() {
            // The server has forgotten its session; the client is to begin a new one with all of them.
            return Err(Refusal::unknown_session());
        }
        let session = head.headers.get(SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let most = self.admitted.route.response_bytes_max.min(MODEL_ANSWER_BYTES_MAX);
        let read = match is_event_stream(&head.headers) {
            true => answer_in_events(answer, id, most).await.map_err(Unread::Upstream),
            false => whole::read(answer, most, &self.admission, self.admitted.presence).await,
        };
        let message = read.map_err(|why| whole::broken_off(self.admitted.call, why))?;
        match tollgate_meter::mcp::answer(&message, id) {
            Ok(Some(_)) => Ok((session, message)),
            _ => Err(Refusal::upstream_failed()),
        }
    }
}

/// The message that answers the request `id` in a stream of events.
async fn answer_in_events(mut answer: Answer, id: &Id, bytes_max: u64) -> Result<Bytes, &'static str> {
    let mut stream = AnswerStream::new(Some(id.clone()), usize::try_from(bytes_max).unwrap_or(usize::MAX));
    let mut total = 0_u64;
    while let Some(data) = whole::next_data(&mut answer).await? {
        total = total.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if total > bytes_max {
            return Err("it is larger than the route allows");
        }
        stream.push(data, |_| None).map_err(|_| "an event of the stream is too large")?;
        if stream.outcome().is_some() {
            let event = stream.finish();
            let data = Event::read(&event).data.unwrap_or_default();
            return Ok(Bytes::copy_from_slice(&data));
        }
    }
    Err("the stream ended without the answer")
}
