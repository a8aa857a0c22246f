//! Routes that speak the Model Context Protocol (Streamable HTTP).
//!
//! A call of a tool is what is paid for: it is judged and held for like any request, and the event or body
//! that answers it waits until its settlement is durable. Everything else - the handshake, lists,
//! notifications, the stream on which a server speaks by itself - is admitted and costs nothing. Lists show
//! what the customer's plan opens.
//!
//! Reading order: [`carry`] is the path, [`ask`] what was sent, [`terms`] what it costs, [`meter`] how it
//! ended. One server behind a route gets every byte as it was sent; [`several`] puts more than one behind a
//! prefix each.

mod ask;
mod carry;
mod listening;
mod meter;
mod sessions;
mod several;
mod terms;
mod visible;

pub(crate) use carry::carry;
pub(crate) use listening::Listening;
pub(crate) use meter::McpMeter;
pub(crate) use sessions::Sessions;
pub(crate) use terms::{Mcp, Parts, compile};

use http::HeaderName;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[cfg(test)]
mod tests;
