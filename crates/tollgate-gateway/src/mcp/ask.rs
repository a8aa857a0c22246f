//! Phase: what a client of an MCP route sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use hyper::body::Incoming;
use tollgate_meter::mcp::{Message, Request};

use crate::estimate::read_whole;
use crate::head_check::is_json;
use crate::refuse::Refusal;

use super::{METHOD, NAME};

/// What a client sends.
#[derive(Debug)]
pub(super) enum Asked {
    /// `POST` of a message, with its bytes.
    Message(Message, Bytes),
    /// `GET`: what does the server say by itself; or, with `Last-Event-ID`, what followed.
    Listen,
    /// `DELETE`: the session is over.
    End,
}

impl Asked {
    /// Reads it.
    ///
    /// # Errors
    /// 405, 400 naming the field, 413.
    pub(super) async fn read(
        method: &Method,
        headers: &HeaderMap,
        body: Incoming,
        bytes_max: u64,
    ) -> Result<Self, Refusal> {
        match *method {
            Method::GET => return Ok(Self::Listen),
            Method::DELETE => return Ok(Self::End),
            Method::POST => (),
            _ => return Err(Refusal::method_not_allowed("GET, POST, DELETE")),
        }
        if !is_json(headers) {
            return Err(Refusal::bad_request("content-type", "application/json"));
        }
        let bytes = read_whole(body, bytes_max).await?;
        let message = Message::parse(&bytes)?;
        if let Message::Request(request) = &message {
            agree(headers, request)?;
        }
        Ok(Self::Message(message, bytes))
    }

    /// The request, if it is one.
    pub(super) fn request(&self) -> Option<&Request> {
        match self {
            Self::Message(Message::Request(request), _) => Some(request),
            Self::Message(..) | Self::Listen | Self::End => None,
        }
    }
}

/// Headers that repeat what the message says must say the same: an upstream may go by them (transports of
/// 2026-07-28, standard headers).
fn agree(headers: &HeaderMap, request: &Request) -> Result<(), Refusal> {
    let same = |header: HeaderName, shown: &'static str, expected: Option<&str>| match headers.get(&header) {
        None => Ok(()),
        Some(value) if decoded(value.as_bytes()).as_deref() == expected.map(str::as_bytes) => Ok(()),
        Some(_) => Err(Refusal::bad_request(shown, "the same as in the body")),
    };
    same(METHOD, "Mcp-Method", Some(&request.method))?;
    let about = match &*request.method {
        "tools/call" | "prompts/get" => request.name.as_ref().map(|name| &*name.text),
        "resources/read" => request.uri.as_deref(),
        // Other methods have names of other kinds, and nothing is priced by them.
        _ => return Ok(()),
    };
    same(NAME, "Mcp-Name", about)
}

/// The value of a header that may be written in base64 because it is not plain text.
fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    match value.strip_prefix(b"=?base64?").and_then(|rest| rest.strip_suffix(b"?=")) {
        Some(encoded) => STANDARD.decode(encoded).ok(),
        None => Some(value.to_vec()),
    }
}
