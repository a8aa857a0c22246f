//! The path of a request to an MCP route, from authorization to its answer.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tollgate_core::decision::Precision;
use tollgate_core::meter::{Meter, Usage};
use tollgate_meter::mcp::list::Listed;
use tollgate_meter::mcp::{AnswerStream, Declared, Request as RpcRequest};

use crate::admit::{Admission, Round, admit};
use crate::answer::AnswerBody;
use crate::call::Call;
use crate::caller::Presence;
use crate::core::Core;
use crate::deliver::{Carried, RelayWithoutCall, is_free_of_charge};
use crate::directory::Key;
use crate::estimate::{Estimate, bound_of_rest};
use crate::forward::{Forwarded, NotForwarded, forward};
use crate::guest::Guest;
use crate::headers::clean_response;
use crate::limits::MODEL_ANSWER_BYTES_MAX;
use crate::metering::{AnswerMeter, is_event_stream};
use crate::refuse::{Dialect, Refusal};
use crate::respond_headers;
use crate::route::Route;
use crate::settle::settle_nothing;
use crate::upstream::{Answer, UpstreamBody};
use crate::whole::Whole;

use super::ask::Asked;
use super::meter::{BodyKind, Failures};
use super::visible::Visible;
use super::{Listening, Mcp, McpMeter, several};

/// A request that was admitted, with what its answer needs.
pub(super) struct Admitted<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) call: &'a mut Call,
    pub(super) presence: &'a Presence,
    pub(super) mcp: &'a Mcp,
    pub(super) key: &'a Key,
    /// The terms on which it is served.
    pub(super) route: Arc<Route>,
    pub(super) counts: Counts,
    /// What its client declared.
    pub(super) declared: Declared,
}

/// What a request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// A tool, or a prompt or resource with terms of its own: a call.
    Call,
    /// Part of the protocol: nothing.
    Nothing,
}

/// Each line is a phase: which session, what is asked, admit, forward.
pub(crate) async fn carry(guest: Guest<'_>, mcp: &Mcp, request: Request<Incoming>) -> Result<Carried, Refusal> {
    let Guest { core, call, snapshot, key, presence } = guest;
    let (mut parts, body) = request.into_parts();
    let known = core.mcp_sessions.declared(&parts.headers, key.customer.id)?;
    let asked = Asked::read(&parts.method, &parts.headers, body, mcp.protocol.request_bytes_max).await?;
    let declared = asked.request().and_then(|request| request.declared).unwrap_or(known);
    let route = Arc::clone(asked.request().map_or(&mcp.protocol, |request| mcp.terms(request)));
    if let Some(request) = asked.request() {
        call.rpc_id = Some(request.id.to_string().into());
        call.dialect = Dialect::Mcp(mcp.form(request, declared));
        call.model = tool_of(request).into();
    }
    if let Asked::Message(_, bytes) = &asked {
        call.bytes_in = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }
    call.route = Some(Arc::clone(&route));
    let counts = counts(asked.request(), mcp, &route);
    let mut estimate =
        Estimate { bound: bound(counts, &route, call.bytes_in), precision: Precision::Counted, model: None };
    let admission = admit(core, call, key, &route, snapshot, &mut estimate, Round::First).await?;
    call.admitted = Some(Instant::now());
    // What is to be metered must be readable, and its length may change.
    parts.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    parts.headers.remove(CONTENT_LENGTH);
    let admitted = Admitted { core, call, presence, mcp, key, route, counts, declared };
    match mcp.servers.is_empty() {
        true => one_server(admitted, admission, parts, asked).await,
        false => several::carry(admitted, admission, parts, asked).await,
    }
}

/// The only server gets what was sent as it was sent.
async fn one_server(
    mut admitted: Admitted<'_>,
    admission: Admission,
    parts: Parts,
    asked: Asked,
) -> Result<Carried, Refusal> {
    let body = match &asked {
        Asked::Message(_, bytes) => UpstreamBody::Whole(bytes.clone()),
        Asked::Listen | Asked::End => UpstreamBody::Empty,
    };
    let route = Arc::clone(&admitted.route);
    let forwarded = Instant::now();
    let (admission, head, answer) = admitted.forward(&route, admission, parts, body).await?;
    if head.status.is_success() && asked.request().is_some_and(|request| &*request.method == "initialize") {
        admitted.core.mcp_sessions.begin(&head.headers, admitted.key.customer.id, admitted.declared);
    }
    let passing = Passing { head, answer, admission, forwarded, label: None };
    admitted.pass(passing, &asked).await
}

/// An answer whose head has come, on its way to the caller.
pub(super) struct Passing {
    pub(super) head: http::response::Parts,
    pub(super) answer: Answer,
    pub(super) admission: Admission,
    /// When the request was sent.
    pub(super) forwarded: Instant,
    /// What marks where it comes from, if it could be one of several servers.
    pub(super) label: Option<Box<str>>,
}

impl Admitted<'_> {
    /// What its customer is shown of lists.
    pub(super) fn visible(&self) -> Visible {
        Visible::to(self.mcp, &self.key.customer)
    }

    /// Sends the request to the upstream of `to`.
    pub(super) async fn forward(
        &mut self,
        to: &Route,
        admission: Admission,
        parts: Parts,
        body: UpstreamBody,
    ) -> Result<(Admission, http::response::Parts, Answer), Refusal> {
        match forward(self.core, self.call, to, admission, parts, body, self.presence).await {
            Ok(Forwarded { admission, response }) => {
                let (mut head, answer) = response.into_parts();
                clean_response(&mut head.headers);
                Ok((admission, head, answer))
            }
            Err(NotForwarded::Failed(refusal)) => Err(refusal),
            Err(NotForwarded::CallerLeft(admission)) => {
                admission.release();
                Err(Refusal::caller_left())
            }
        }
    }

    /// Passes the answer of one server on: as a stream without end, as events, or whole.
    pub(super) async fn pass(self, passing: Passing, asked: &Asked) -> Result<Carried, Refusal> {
        let Passing { mut head, answer, admission, forwarded, label } = passing;
        respond_headers::terms(&mut head.headers, &admission, None, None);
        let is_stream = head.status == StatusCode::OK && is_event_stream(&head.headers);
        if is_stream && is_endless(asked) {
            head.headers.remove(CONTENT_LENGTH);
            let events = Listening::new(self.core, self.visible()).with(answer, label);
            return Ok(self.listening(head.headers, admission, events));
        }
        let is_free = is_free_of_charge(head.status.as_u16(), &self.route);
        let meter = asked.request().filter(|_| !is_free).map(|request| self.meter(request, &head, label));
        let (core, call, presence) = (self.core, self.call, self.presence);
        let (sent, bytes_max) = (Arc::<AtomicU64>::default(), self.route.response_bytes_max);
        match meter {
            Some(meter) if !meter.needs_whole() => {
                head.headers.remove(CONTENT_LENGTH);
                let (core, meter) = (Arc::clone(core), AnswerMeter::Mcp(Box::new(meter)));
                let relay = RelayWithoutCall {
                    core,
                    head,
                    answer,
                    meter,
                    translator: None,
                    admission,
                    sent,
                    forwarded,
                    length: None,
                };
                Ok(Carried::Relayed(Box::new(relay)))
            }
            meter => {
                let whole = Whole {
                    core,
                    call,
                    presence,
                    head,
                    answer,
                    admission,
                    sent,
                    forwarded,
                    bytes_max,
                    translation: None,
                };
                let answered = match meter {
                    Some(meter) => whole.settle(AnswerMeter::Mcp(Box::new(meter))).await,
                    None => whole.pass_free().await,
                };
                answered.map(Carried::Answer)
            }
        }
    }

    /// The answer that is a stream without end: what it cost, which is nothing, is written down now.
    pub(super) fn listening(self, headers: HeaderMap, admission: Admission, events: Listening) -> Carried {
        let _ticket = settle_nothing(self.core, self.call, 200, admission);
        let mut response = Response::new(AnswerBody::Listening(Box::new(events)));
        *response.headers_mut() = headers;
        Carried::Answer(response)
    }

    /// What an answer counts beside what is seen of the call; `None` if it counts nothing.
    fn usage(&self) -> Option<Usage> {
        let usage = Usage::NONE.with(Meter::ToolCalls, self.route.tool_calls);
        (self.counts == Counts::Call).then_some(usage)
    }

    /// The meter for the answer to `request`.
    pub(super) fn meter(
        &self,
        request: &RpcRequest,
        head: &http::response::Parts,
        label: Option<Box<str>>,
    ) -> McpMeter {
        let lists = Listed::of(&request.method).map(|listed| (listed, self.visible()));
        let failures = if self.route.charge_client_errors { Failures::Charged } else { Failures::Free };
        let body = if head.status.as_u16() >= 400 {
            BodyKind::Failed
        } else if is_event_stream(&head.headers) {
            let most = self.route.response_bytes_max.min(MODEL_ANSWER_BYTES_MAX);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            BodyKind::Events(Box::new(AnswerStream::new(Some(request.id.clone()), most).labelled(label)))
        } else {
            BodyKind::Message
        };
        McpMeter::new(request.id.clone(), lists, self.usage(), failures, body)
    }
}

/// Whether a stream has no answer in it that would end it.
fn is_endless(asked: &Asked) -> bool {
    match asked {
        Asked::Listen => true,
        Asked::End => false,
        Asked::Message(..) => asked.request().is_some_and(|request| &*request.method == "subscriptions/listen"),
    }
}

/// The tool, prompt or resource as it is logged.
fn tool_of(request: &RpcRequest) -> &str {
    match &*request.method {
        "tools/call" | "prompts/get" => request.name.as_ref().map_or("", |name| &*name.text),
        _ => "",
    }
}

/// Whether it counts at all: tools do, and what has terms of its own.
fn counts(request: Option<&RpcRequest>, mcp: &Mcp, route: &Arc<Route>) -> Counts {
    match Arc::ptr_eq(route, &mcp.protocol) || request.is_none() {
        true => Counts::Nothing,
        false => Counts::Call,
    }
}

/// What it can use at most. What belongs to the protocol takes nothing from a quota of calls.
fn bound(counts: Counts, route: &Route, bytes_in: u64) -> Usage {
    match counts {
        Counts::Nothing => Usage::NONE,
        Counts::Call => bound_of_rest(route, bytes_in),
    }
}

/// The head of an answer that Tollgate puts together itself.
pub(super) fn head_of_message() -> http::response::Parts {
    let (mut head, ()) = Response::new(()).into_parts();
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    head
}
