//! What a client posts.

use std::ops::Range;

use super::Id;
use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody, Member};

/// Members whose meaning decides what is priced, forwarded and answered.
const GUARDED: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];

/// The same inside `params`.
const GUARDED_PARAMS: &[&str] = &["name", "uri", "ref", "_meta", "capabilities", "protocolVersion"];

/// Longest method, tool name or protocol version, in bytes. The protocol asks for names of at most 128.
const NAME_LEN_MAX: usize = 512;

/// Longest URI of a resource, in bytes.
const URI_LEN_MAX: usize = 8 * 1024;

/// Where a request of the revision of 2026 says what its client can do: there is no handshake any more.
const CAPABILITIES_OF_REQUEST: &[u8] = b"io.modelcontextprotocol/clientCapabilities";

/// One JSON-RPC message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// It wants an answer.
    Request(Box<Request>),
    /// It wants none.
    Notification {
        /// Its method.
        method: Box<str>,
    },
    /// The answer to something that the server asked.
    Response {
        /// The id that the server gave.
        id: Id,
        /// Where the id stands.
        id_place: Range<usize>,
    },
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Echoed by the answer.
    pub id: Id,
    /// `tools/call`, `tools/list`, ...
    pub method: Box<str>,
    /// `params.name`: the tool or prompt it is about.
    pub name: Option<Name>,
    /// `params.uri`: the resource it is about.
    pub uri: Option<Box<str>>,
    /// `params.ref.name`: the prompt that is to be completed.
    pub ref_name: Option<Name>,
    /// What the client says of itself in this message; `None` if it says nothing.
    pub declared: Option<Declared>,
    /// `params.protocolVersion`: the revision that a handshake proposes.
    pub version: Option<Box<str>>,
}

/// A name in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What it says.
    pub text: Box<str>,
    /// Where it stands in the message, with its quotes.
    pub place: Range<usize>,
}

/// What a client declared of itself, as far as refusals depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Declared {
    /// It can send its user to a URL (`elicitation.url`).
    pub url_elicitation: bool,
    /// It knows the payment extension (`experimental.payment`).
    pub payment: bool,
}

impl Message {
    /// Reads `body`, without building a tree of it.
    ///
    /// # Errors
    /// [`BadBody`] for what two parsers could read differently ([`json_guard::check`]), for batches, which
    /// the protocol dropped in 2025, and for whatever is no message.
    pub fn parse(body: &[u8]) -> Result<Self, BadBody> {
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            return Err(BadBody::new("body", "one message: batches are no part of the protocol any more"));
        }
        let mut draft = Draft::default();
        json_guard::members_of_body(body, GUARDED, |scanner, member| draft.member(scanner, member))?;
        draft.finish()
    }
}

/// A message of which some members have been read.
#[derive(Default)]
struct Draft {
    is_2_0: bool,
    id: Option<(Id, Range<usize>)>,
    method: Option<Box<str>>,
    is_response: bool,
    name: Option<Name>,
    uri: Option<Box<str>>,
    ref_name: Option<Name>,
    declared: Option<Declared>,
    version: Option<Box<str>>,
}

impl Draft {
    fn member(&mut self, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
        match member.name {
            b"jsonrpc" => {
                self.is_2_0 = scanner.kind()? == Kind::String && *scanner.string()?.bytes() == *b"2.0";
                if self.is_2_0 { Ok(()) } else { Err(BadBody::new("jsonrpc", "\"2.0\"")) }
            }
            b"id" => {
                let start = scanner.at();
                let id = Id::read(scanner)?;
                self.id = Some((id, start..scanner.at()));
                Ok(())
            }
            b"method" => {
                self.method = Some(text(scanner, "method", NAME_LEN_MAX)?.text);
                Ok(())
            }
            b"params" => self.params(scanner).map_err(|error| json_guard::within(member.name, error)),
            b"result" | b"error" => {
                self.is_response = true;
                json_guard::skip(scanner)
            }
            _ => json_guard::value(scanner, member),
        }
    }

    fn params(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        if scanner.kind()? != Kind::Object {
            return Err(BadBody::new("", "an object"));
        }
        json_guard::members(scanner, |scanner, member| {
            json_guard::in_proper_case(member.name, GUARDED_PARAMS)?;
            match member.name {
                b"name" => {
                    self.name = Some(text(scanner, "name", NAME_LEN_MAX)?);
                    Ok(())
                }
                b"uri" => {
                    self.uri = Some(text(scanner, "uri", URI_LEN_MAX)?.text);
                    Ok(())
                }
                b"ref" => self.reference(scanner).map_err(|error| json_guard::within(member.name, error)),
                b"protocolVersion" => {
                    self.version = Some(text(scanner, "protocolVersion", NAME_LEN_MAX)?.text);
                    Ok(())
                }
                b"capabilities" => {
                    self.declared = Some(declared(scanner)?);
                    Ok(())
                }
                b"_meta" => self.meta(scanner),
                _ => json_guard::skip(scanner),
            }
        })
    }

    /// What a completion is asked for.
    fn reference(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        if scanner.kind()? != Kind::Object {
            return Err(BadBody::new("", "an object"));
        }
        json_guard::members(scanner, |scanner, member| match member.name {
            b"name" => {
                self.ref_name = Some(text(scanner, "name", NAME_LEN_MAX)?);
                Ok(())
            }
            _ => json_guard::skip(scanner),
        })
    }

    fn meta(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        if scanner.kind()? != Kind::Object {
            return json_guard::skip(scanner);
        }
        json_guard::members(scanner, |scanner, member| match member.name {
            CAPABILITIES_OF_REQUEST => {
                self.declared = Some(declared(scanner)?);
                Ok(())
            }
            _ => json_guard::skip(scanner),
        })
    }

    fn finish(self) -> Result<Message, BadBody> {
        if !self.is_2_0 {
            return Err(BadBody::new("jsonrpc", "\"2.0\""));
        }
        match (self.method, self.id, self.is_response) {
            (Some(method), Some((id, _)), false) => {
                let Self { name, uri, ref_name, declared, version, .. } = self;
                Ok(Message::Request(Box::new(Request { id, method, name, uri, ref_name, declared, version })))
            }
            (Some(method), None, false) => Ok(Message::Notification { method }),
            (None, Some((id, id_place)), true) => Ok(Message::Response { id, id_place }),
            (Some(_), _, true) => Err(BadBody::new("method", "either a method or a result, and not both")),
            (None, _, _) => Err(BadBody::new("method", "a request, a notification or a response")),
        }
    }
}

/// Reads a text of 1 to `most` bytes without control characters, and where it stands.
fn text(scanner: &mut Scanner<'_>, field: &str, most: usize) -> Result<Name, BadBody> {
    let expected = || BadBody::new(field, format!("a text of 1 to {most} bytes without control characters"));
    if scanner.kind()? != Kind::String {
        return Err(expected());
    }
    let start = scanner.at();
    let text = scanner.string()?.text();
    if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        return Err(expected());
    }
    Ok(Name { text: text.into(), place: start..scanner.at() })
}

/// Reads `capabilities`.
fn declared(scanner: &mut Scanner<'_>) -> Result<Declared, BadBody> {
    let mut declared = Declared::default();
    each_member(scanner, |scanner, name| match name {
        b"elicitation" => each_member(scanner, |scanner, name| {
            declared.url_elicitation |= name == b"url" && scanner.kind()? == Kind::Object;
            json_guard::skip(scanner)
        }),
        b"experimental" => each_member(scanner, |scanner, name| {
            declared.payment |= name == b"payment" && scanner.kind()? == Kind::Object;
            json_guard::skip(scanner)
        }),
        _ => json_guard::skip(scanner),
    })?;
    Ok(declared)
}

/// Walks over an object; what is none is passed over, because nothing that is priced depends on it.
fn each_member(
    scanner: &mut Scanner<'_>,
    mut member: impl FnMut(&mut Scanner<'_>, &[u8]) -> Result<(), BadBody>,
) -> Result<(), BadBody> {
    if scanner.kind()? != Kind::Object {
        return json_guard::skip(scanner);
    }
    json_guard::members(scanner, |scanner, current| member(scanner, current.name))
}
