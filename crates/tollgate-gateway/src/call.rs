//! A call: what is known of one request while it is under way, for its answer and for the log.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderValue};
use http::{Method, Request, Uri};
use tollgate_core::id::RequestId;
use tollgate_core::time::Timestamp;
use tollgate_meter::translate::Framing;
use tollgate_store::settlement::Flags;

use crate::directory::Key;
use crate::headers::{owned_value, value};
use crate::limits::LOGGED_PATH_BYTES;
use crate::refuse::{Context, Dialect, McpForm};
use crate::route::Route;

/// The other end of a connection, and how it is told to upstreams.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) field: HeaderValue,
}

impl Peer {
    pub(crate) fn at(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, field: value(&address.to_string()) }
    }
}

/// What is known of one request while it is under way.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: RequestId,
    /// The id as the caller and the upstream see it.
    pub(crate) id_field: HeaderValue,
    pub(crate) arrived_at: Timestamp,
    pub(crate) began: Instant,
    pub(crate) peer: Peer,
    pub(crate) method: Method,
    uri: Uri,
    /// The form of a refusal, as far as it is known.
    pub(crate) dialect: Dialect,
    language: Option<Box<str>>,
    /// How often the client says it has tried before.
    pub(crate) retry: u32,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) key: Option<Arc<Key>>,
    /// The model or the tool that was asked for.
    pub(crate) model: Box<str>,
    /// The id of its JSON-RPC request, as JSON.
    pub(crate) rpc_id: Option<Box<str>>,
    /// When it was admitted.
    pub(crate) admitted: Option<Instant>,
    pub(crate) upstream_us: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) flags: Flags,
}

impl Call {
    pub(crate) fn new<B>(id: RequestId, arrived_at: Timestamp, peer: Peer, request: &Request<B>) -> Self {
        let headers = request.headers();
        Self {
            id,
            id_field: owned_value(id.to_string()),
            arrived_at,
            began: Instant::now(),
            peer,
            method: request.method().clone(),
            uri: request.uri().clone(),
            dialect: Dialect::negotiate(request.method(), headers),
            language: language(headers),
            retry: header_number(headers, "x-stainless-retry-count"),
            route: None,
            key: None,
            model: Box::default(),
            rpc_id: None,
            admitted: None,
            upstream_us: 0,
            bytes_in: 0,
            bytes_out: 0,
            flags: Flags::default(),
        }
    }

    /// The route was found; its requests may have a dialect of their own.
    pub(crate) fn on_route(&mut self, route: &Arc<Route>, headers: &HeaderMap) {
        if let Some(llm) = route.llm {
            self.dialect = Dialect::of_llm(llm, headers);
        }
        if route.mcp.is_some() {
            self.dialect = Dialect::Mcp(McpForm::Http);
        }
        self.route = Some(Arc::clone(route));
    }

    /// How a caller of Gemini wants a stream framed: as events only if it says so.
    pub(crate) fn gemini_framing(&self) -> Framing {
        match self.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse")) {
            true => Framing::Sse,
            false => Framing::JsonArray,
        }
    }

    /// The path as it is logged.
    pub(crate) fn path(&self) -> &str {
        let path = self.uri.path();
        // Paths are ASCII here, or refused before anything else was done with them.
        path.get(..LOGGED_PATH_BYTES).unwrap_or(path)
    }

    /// What a refusal says about the request.
    pub(crate) fn context(&self) -> Context {
        Context {
            request_id: self.id.to_string(),
            endpoint: format!("{} {}", self.method, self.path()),
            occurred_at: self.arrived_at.to_string(),
            customer: self.key.as_ref().map(|key| key.customer.id.to_string()),
            application: self.key.as_ref().map(|key| key.application.to_string()),
            key: self.key.as_ref().map(|key| key.id.to_string()),
            language: self.language.as_deref().map(str::to_owned),
            rpc_id: self.rpc_id.clone(),
        }
    }

    /// Microseconds since it arrived.
    pub(crate) fn total_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Microseconds it took to judge it.
    pub(crate) fn gate_us(&self) -> u64 {
        let until = self.admitted.unwrap_or_else(Instant::now);
        u64::try_from(until.duration_since(self.began).as_micros()).unwrap_or(u64::MAX)
    }
}

/// The language that the caller prefers, without its region.
fn language(headers: &HeaderMap) -> Option<Box<str>> {
    let first = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?.split([',', ';', '-']).next()?.trim();
    (!first.is_empty() && first.len() <= 8 && first != "*").then(|| first.to_ascii_lowercase().into())
}

fn header_number(headers: &HeaderMap, name: &str) -> u32 {
    headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}
