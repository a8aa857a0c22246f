//! Several servers behind one route, each with a prefix.
//!
//! | what | goes to |
//! |---|---|
//! | a tool or prompt by name | the server of its prefix, which gets the name without it |
//! | the handshake, lists | all of them; the answers are put together |
//! | notifications, the end of a session | all of them |
//! | the stream on which a server speaks by itself | all of them, as one stream |
//! | the answer to a question of a server | the server that asked |
//! | everything else, resources among them | one after the other, until one knows the answer |
//!
//! Names of resources stay as they are: links to them stand in results, where nobody would find them.

mod gather;
mod joined;
mod send;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use tollgate_meter::mcp::list::Listed;
use tollgate_meter::mcp::{Id, Message, Name, Outcome, Request, answer, label};

use crate::admit::Admission;
use crate::answer::AnswerBody;
use crate::deliver::Carried;
use crate::metering::{AnswerMeter, is_event_stream};
use crate::refuse::Refusal;
use crate::respond_headers;
use crate::settle::{settle, settle_nothing};
use crate::upstream::UpstreamBody;

use super::ask::Asked;
use super::carry::{Admitted, Passing, head_of_message};
use super::{LAST_EVENT_ID, Listening, NAME, SESSION_ID};

use joined::Joined;

/// A request on its way to one or more of the servers.
struct Switch<'a> {
    admitted: Admitted<'a>,
    admission: Admission,
    /// The head as the client sent it.
    parts: Parts,
    session: Joined,
    forwarded: Instant,
}

pub(super) async fn carry(
    admitted: Admitted<'_>,
    admission: Admission,
    parts: Parts,
    asked: Asked,
) -> Result<Carried, Refusal> {
    let session = Joined::read(&parts.headers, admitted.mcp.servers.len())?;
    let switch = Switch { admitted, admission, parts, session, forwarded: Instant::now() };
    match &asked {
        Asked::Listen => switch.listen(&Bytes::new(), &asked).await,
        Asked::End => switch.tell_all(&Bytes::new(), StatusCode::NO_CONTENT).await,
        Asked::Message(Message::Notification { .. }, body) => switch.tell_all(body, StatusCode::ACCEPTED).await,
        Asked::Message(Message::Response { id, id_place }, body) => {
            let Some((index, own_id)) = label::taken_off(id) else {
                return switch.tell_all(body, StatusCode::ACCEPTED).await;
            };
            let body = label::spliced(body, id_place.clone(), own_id.as_bytes());
            switch.ask_one(index, body.into(), &asked).await
        }
        Asked::Message(Message::Request(request), body) => match &*request.method {
            "ping" => switch.answered(request, "{}", Outcome::Done).await,
            "initialize" => gather::initialize(switch, request, body).await,
            "server/discover" => gather::discover(switch, request, body).await,
            "subscriptions/listen" => switch.listen(body, &asked).await,
            method => match (Listed::of(method), request.name.as_ref().or(request.ref_name.as_ref())) {
                (Some(listed), _) => gather::lists(switch, request, listed, body).await,
                (None, Some(name)) => switch.by_name(name, body, request, &asked).await,
                (None, None) => switch.in_turn(request, body).await,
            },
        },
    }
}

impl Switch<'_> {
    /// To the server of a name, which gets it without its prefix.
    async fn by_name(
        mut self,
        name: &Name,
        body: &Bytes,
        request: &Request,
        asked: &Asked,
    ) -> Result<Carried, Refusal> {
        let servers = &self.admitted.mcp.servers;
        let found = servers.iter().enumerate().find_map(|(index, server)| {
            let own = name.text.strip_prefix(&*server.prefix).filter(|own| !own.is_empty())?;
            self.session.takes_part(index).then_some((index, own))
        });
        let Some((index, own)) = found else {
            let text =
                format!("Unknown name: {}. It begins with none of the prefixes that are served here.", name.text);
            let error = serde_json::json!({ "code": -32_602, "message": text });
            return self.failed(request, &error).await;
        };
        let quoted = serde_json::Value::from(own).to_string();
        let body = label::spliced(body, name.place.clone(), quoted.as_bytes());
        if self.parts.headers.contains_key(NAME) {
            self.parts.headers.insert(NAME, send::name_field(own));
        }
        self.ask_one(index, body.into(), asked).await
    }

    /// To one server, whose answer passes as it comes.
    async fn ask_one(self, index: usize, body: Bytes, asked: &Asked) -> Result<Carried, Refusal> {
        let Some(server) = self.admitted.mcp.servers.get(index) else { return Err(Refusal::unknown_session()) };
        let Self { mut admitted, admission, parts, session, forwarded } = self;
        let parts = send::parts_for(&parts, &session, index);
        let to = Arc::clone(&server.route);
        let (admission, mut head, answer) = admitted.forward(&to, admission, parts, UpstreamBody::Whole(body)).await?;
        head.headers.remove(SESSION_ID);
        let passing = Passing { head, answer, admission, forwarded, label: Some(index.to_string().into()) };
        admitted.pass(passing, asked).await
    }

    /// To all servers, whose answers nobody needs.
    async fn tell_all(self, body: &Bytes, status: StatusCode) -> Result<Carried, Refusal> {
        let sent = (0..self.admitted.mcp.servers.len()).map(|index| self.send(index, body.clone()));
        let answers = futures_util::future::join_all(sent).await;
        if answers.iter().all(Result::is_err)
            && let Some(Err(refusal)) = answers.into_iter().next()
        {
            return Err(refusal);
        }
        let _ticket = settle_nothing(self.admitted.core, self.admitted.call, status.as_u16(), self.admission);
        let mut response = Response::new(AnswerBody::empty());
        *response.status_mut() = status;
        Ok(Carried::Answer(response))
    }

    /// One stream of what all servers say; or of one of them, if the client wants to know what followed an
    /// event.
    async fn listen(mut self, body: &Bytes, asked: &Asked) -> Result<Carried, Refusal> {
        if let Some(last) = self.parts.headers.get(LAST_EVENT_ID) {
            let resumed = last.to_str().ok().and_then(|id| id.split_once('-'));
            let resumed = resumed.and_then(|(index, own)| Some((index.parse().ok()?, own.parse().ok()?)));
            let Some((index, own)) = resumed else {
                return Err(Refusal::bad_request("Last-Event-ID", "the id of an event that was sent from here"));
            };
            self.parts.headers.insert(LAST_EVENT_ID, own);
            return self.ask_one(index, body.clone(), asked).await;
        }
        let sent = (0..self.admitted.mcp.servers.len()).map(|index| self.send(index, body.clone()));
        let answers = futures_util::future::join_all(sent).await;
        let mut events = Listening::new(self.admitted.core, self.admitted.visible());
        let mut head = None;
        for (index, answer) in answers.into_iter().enumerate() {
            let Ok(response) = answer else { continue };
            let (parts, answer) = response.into_parts();
            if parts.status == StatusCode::OK && is_event_stream(&parts.headers) {
                events = events.with(answer, Some(index.to_string().into()));
                head = Some(parts.headers);
            }
        }
        let Some(mut headers) = head else { return Err(Refusal::method_not_allowed("POST, DELETE")) };
        headers.remove(http::header::CONTENT_LENGTH);
        headers.remove(SESSION_ID);
        Ok(self.admitted.listening(headers, self.admission, events))
    }

    /// To one server after the other, until one has a result; else the first one's error.
    async fn in_turn(self, request: &Request, body: &Bytes) -> Result<Carried, Refusal> {
        let mut first = None;
        for index in 0..self.admitted.mcp.servers.len() {
            if !self.session.takes_part(index) {
                continue;
            }
            let message = match self.reply(index, &request.id, body.clone()).await {
                Ok(message) => message,
                Err(refusal) if refusal.status() == 404 => return Err(refusal),
                Err(_) => continue,
            };
            match answer(&message, &request.id) {
                Ok(Some(Outcome::Failed)) => first = first.or(Some(message)),
                _ => return self.whole(request, message).await,
            }
        }
        match first {
            Some(message) => self.whole(request, message).await,
            None => Err(Refusal::upstream_failed()),
        }
    }

    /// Answers with a result that Tollgate wrote.
    async fn answered(self, request: &Request, result: &str, outcome: Outcome) -> Result<Carried, Refusal> {
        let member = if outcome == Outcome::Failed { "error" } else { "result" };
        let message = message_of(&request.id, member, result);
        self.whole(request, message).await
    }

    async fn failed(self, request: &Request, error: &serde_json::Value) -> Result<Carried, Refusal> {
        self.answered(request, &error.to_string(), Outcome::Failed).await
    }

    /// Settles a message that answers the request, and sends it once that is durable.
    async fn whole(self, request: &Request, message: Bytes) -> Result<Carried, Refusal> {
        let Self { admitted, admission, session, forwarded, .. } = self;
        let mut head = head_of_message();
        respond_headers::terms(&mut head.headers, &admission, None, None);
        session.write(request, &mut head.headers);
        let mut meter = AnswerMeter::Mcp(Box::new(admitted.meter(request, &head, None)));
        let call = admitted.call;
        call.bytes_out = u64::try_from(message.len()).unwrap_or(u64::MAX);
        let body = meter.whole(message).map_err(|_| Refusal::upstream_failed())?;
        if &*request.method == "initialize" {
            admitted.core.mcp_sessions.begin(&head.headers, admitted.key.customer.id, admitted.declared);
        }
        if meter.is_free() {
            let _ticket = settle_nothing(admitted.core, call, 200, admission);
        } else {
            let compute_ms = u64::try_from(forwarded.elapsed().as_millis()).unwrap_or(u64::MAX);
            let metered = meter.of_stream().with_call(call.bytes_in, call.bytes_out, compute_ms);
            let receipt = settle(admitted.core, call, 200, admission, metered);
            respond_headers::receipt(&mut head.headers, &receipt);
            admitted.core.released(receipt.ticket).await;
        }
        Ok(Carried::Answer(Response::from_parts(head, AnswerBody::whole(body))))
    }
}

/// The answer to the request `id`, with JSON as its result or error.
fn message_of(id: &Id, member: &str, json: &str) -> Bytes {
    Bytes::from(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"{member}\":{json}}}"))
}
