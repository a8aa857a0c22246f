//! The sessions that several servers keep, as one id that the client keeps.
//!
//! The id carries them, so that it outlives the process and any node can serve it. It is no secret towards
//! its owner and needs no signature: whoever makes one up names sessions of servers, which are secret enough.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use tollgate_meter::mcp::Request;

use crate::refuse::Refusal;

use super::super::SESSION_ID;
use super::super::sessions::ID_LEN_MAX;

/// The sessions of one client.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Joined {
    /// By server; `None` for one that did not take part. Nothing is known without a session.
    servers: Option<Vec<Option<Own>>>,
}

/// What one server keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Own {
    /// Its id, if it keeps a session.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// The revision that it chose.
    #[serde(rename = "v")]
    pub(super) version: String,
}

impl Joined {
    /// The sessions that a request names.
    ///
    /// # Errors
    /// 404 if it is no id that was given out for so many servers: the client then begins a new session.
    pub(super) fn read(headers: &HeaderMap, servers: usize) -> Result<Self, Refusal> {
        let Some(id) = headers.get(SESSION_ID) else { return Ok(Self::default()) };
        let read = URL_SAFE_NO_PAD.decode(id.as_bytes()).ok();
        let read = read.and_then(|json| serde_json::from_slice::<Vec<Option<Own>>>(&json).ok());
        match read.filter(|read| read.len() == servers) {
            Some(servers) => Ok(Self { servers: Some(servers) }),
            None => Err(Refusal::unknown_session()),
        }
    }

    /// The session that begins with what the servers answered.
    pub(super) const fn begun(servers: Vec<Option<Own>>) -> Self {
        Self { servers: Some(servers) }
    }

    /// What the server at `index` keeps.
    pub(super) fn own(&self, index: usize) -> Option<&Own> {
        self.servers.as_ref()?.get(index)?.as_ref()
    }

    /// Whether the server at `index` can be asked.
    pub(super) fn takes_part(&self, index: usize) -> bool {
        self.servers.is_none() || self.own(index).is_some()
    }

    /// Tells the client its id, where a session begins and a server keeps one.
    pub(super) fn write(&self, request: &Request, headers: &mut HeaderMap) {
        let Some(servers) = self.servers.as_ref().filter(|_| &*request.method == "initialize") else { return };
        let keeps_one = servers.iter().flatten().any(|own| own.id.is_some());
        let json = serde_json::to_vec(servers).unwrap_or_default();
        let id = URL_SAFE_NO_PAD.encode(json);
        if let Ok(id) = HeaderValue::try_from(id)
            && keeps_one
            && id.len() <= ID_LEN_MAX
        {
            headers.insert(SESSION_ID, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_meter::mcp::Message;

    use super::*;

    fn request(method: &str) -> Request {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
        match Message::parse(body.as_bytes()).unwrap() {
            Message::Request(request) => *request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_given_out_is_read_again() {
        let own = |id: Option<&str>| Some(Own { id: id.map(str::to_owned), version: "2025-11-25".to_owned() });
        let joined = Joined::begun(vec![own(Some("a\u{e9}-1")), None, own(None)]);
        let mut headers = HeaderMap::new();
        joined.write(&request("tools/list"), &mut headers);
        assert!(headers.is_empty(), "a session is named where it begins");
        joined.write(&request("initialize"), &mut headers);
        let read = Joined::read(&headers, 3).unwrap();
        assert_eq!(read, joined);
        assert_eq!([0, 1, 2, 3].map(|index| read.takes_part(index)), [true, false, true, false]);
        assert_eq!(Joined::read(&headers, 2).unwrap_err().code(), "unknown_session", "servers were added or left");
    }

    #[test]
    fn without_sessions_of_servers_there_is_none_and_everybody_takes_part() {
        let mut headers = HeaderMap::new();
        let own = Own { id: None, version: "2025-11-25".to_owned() };
        Joined::begun(vec![Some(own)]).write(&request("initialize"), &mut headers);
        let read = Joined::read(&headers, 1).unwrap();
        assert!(headers.is_empty() && read.takes_part(0) && read.own(0).is_none());
    }

    #[test]
    fn what_was_not_given_out_is_no_session() {
        for id in ["", "x", "bnVsbA", "W10", "WzFd", "e30", "sandbox-1"] {
            let headers = HeaderMap::from_iter([(SESSION_ID, HeaderValue::from_static(id))]);
            assert_eq!(Joined::read(&headers, 1).unwrap_err().status(), 404, "{id:?}");
        }
    }
}
