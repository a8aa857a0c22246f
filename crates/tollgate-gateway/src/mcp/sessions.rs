//! MCP sessions: whose they are and what their clients declared.
//!
//! The server behind the gateway keeps a session and cannot tell one customer from another, because no
//! credential reaches it. So the gateway remembers which customer began which session; for any other it
//! does not exist. What is forgotten - the table is bounded and does not outlive the process - is left to the
//! server, to which a session id is secret enough.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use tollgate_core::id::CustomerId;
use tollgate_meter::mcp::Declared;

use crate::refuse::Refusal;

use super::SESSION_ID;

/// Sessions that are remembered in each of the two generations.
const REMEMBERED: usize = 50_000;

/// Longest session id that is taken from a caller or a server, in bytes.
pub(super) const ID_LEN_MAX: usize = 4_096;

/// The sessions that were begun on this node.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Generations>);

/// Two tables: when the young one is full it becomes the old one, and what nobody used since is forgotten.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<[u8]>, Session>,
    old: HashMap<Box<[u8]>, Session>,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    customer: CustomerId,
    declared: Declared,
}

impl Sessions {
    /// What the client of the session in `headers` declared; nothing is known without one.
    ///
    /// # Errors
    /// 404 if it belongs to another customer, 400 if it cannot be the id of one.
    pub(super) fn declared(&self, headers: &HeaderMap, customer: CustomerId) -> Result<Declared, Refusal> {
        let Some(id) = headers.get(SESSION_ID) else { return Ok(Declared::default()) };
        if headers.get_all(SESSION_ID).iter().count() > 1 || id.len() > ID_LEN_MAX {
            return Err(Refusal::bad_request("Mcp-Session-Id", "one id of a session"));
        }
        match self.find(id.as_bytes()) {
            Some(session) if session.customer != customer => Err(Refusal::unknown_session()),
            Some(session) => Ok(session.declared),
            None => Ok(Declared::default()),
        }
    }

    /// Remembers the session that an answer begins. One that is known stays whose it is; what its client
    /// declared last counts.
    pub(super) fn begin(&self, headers: &HeaderMap, customer: CustomerId, declared: Declared) {
        let Some(id) = headers.get(SESSION_ID).filter(|id| id.len() <= ID_LEN_MAX) else { return };
        if self.find(id.as_bytes()).is_none_or(|known| known.customer == customer) {
            self.put(id.as_bytes(), Session { customer, declared });
        }
    }

    fn find(&self, id: &[u8]) -> Option<Session> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = generations.young.get(id) {
            return Some(*session);
        }
        let session = generations.old.remove(id)?;
        generations.put(id, session);
        Some(session)
    }

    fn put(&self, id: &[u8], session: Session) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(id, session);
    }
}

impl Generations {
    fn put(&mut self, id: &[u8], session: Session) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id.into(), session);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn named(id: &str) -> HeaderMap {
        HeaderMap::from_iter([(SESSION_ID, HeaderValue::from_str(id).unwrap())])
    }

    #[test]
    fn a_session_belongs_to_the_customer_who_began_it() {
        let sessions = Sessions::default();
        let (ours, theirs) = (CustomerId::from_bits(1), CustomerId::from_bits(2));
        let declared = Declared { url_elicitation: true, payment: false };
        sessions.begin(&named("a"), ours, declared);
        sessions.begin(&named("a"), theirs, Declared::default());
        assert_eq!(sessions.declared(&named("a"), ours).unwrap(), declared);
        assert_eq!(sessions.declared(&named("a"), theirs).unwrap_err().code(), "unknown_session");
        assert_eq!(sessions.declared(&named("b"), theirs).unwrap(), Declared::default(), "the server knows better");
        assert_eq!(sessions.declared(&HeaderMap::new(), theirs).unwrap(), Declared::default());
        let long = named(&"x".repeat(ID_LEN_MAX + 1));
        assert_eq!(sessions.declared(&long, ours).unwrap_err().status(), 400);
    }

    #[test]
    fn what_is_used_is_remembered_and_the_rest_is_bounded() {
        let sessions = Sessions::default();
        let (ours, theirs) = (CustomerId::from_bits(1), CustomerId::from_bits(2));
        sessions.begin(&named("used"), ours, Declared::default());
        sessions.begin(&named("left"), ours, Declared::default());
        for number in 0..3 * REMEMBERED {
            sessions.begin(&named(&format!("s{number}")), ours, Declared::default());
            if number % 1_000 == 0 {
                assert!(sessions.declared(&named("used"), theirs).is_err());
            }
        }
        assert!(sessions.declared(&named("left"), theirs).is_ok(), "it was forgotten");
        let generations = sessions.0.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 2 * REMEMBERED);
    }
}
