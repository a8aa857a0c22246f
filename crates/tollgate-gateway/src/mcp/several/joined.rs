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
