//! Sessions of people who signed in. They live in memory: a restart asks everybody to sign in again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tollgate_core::id::{CustomerId, KeyId};

use crate::secret::fingerprint;

/// A session that nobody uses ends.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// A session ends.
const LONGEST: Duration = Duration::from_secs(12 * 3_600);
/// The most sessions; beyond it the one that was idle longest ends.
const SESSIONS_MAX: usize = 10_000;

/// Who signed in, and with which key. What the key may do is asked anew each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) customer: CustomerId,
    pub(crate) key: KeyId,
}

/// Sessions by the hash of what is in the cookie: who reads memory or a dump cannot take one over.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

struct Session {
    member: Member,
    began: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.used) > IDLE || now.duration_since(self.began) > LONGEST
    }
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        // A panic while a map is changed leaves at worst one session more or less.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session under a cookie that was just made.
    pub(crate) fn begin(&self, cookie: &str, member: Member, now: Instant) {
        let mut sessions = self.lock();
        if sessions.len() >= SESSIONS_MAX {
            sessions.retain(|_, session| !session.is_over(now));
        }
        if sessions.len() >= SESSIONS_MAX
            && let Some(idlest) = sessions.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| id.clone())
        {
            sessions.remove(&idlest);
        }
        sessions.insert(id(cookie), Session { member, began: now, used: now });
    }

    /// Who has signed in with `cookie`.
    pub(crate) fn member(&self, cookie: &str, now: Instant) -> Option<Member> {
        let mut sessions = self.lock();
        let session = sessions.get_mut(&id(cookie))?;
        if session.is_over(now) {
            sessions.remove(&id(cookie));
            return None;
        }
        session.used = now;
        Some(session.member)
    }

    /// Ends a session.
    pub(crate) fn end(&self, cookie: &str) {
        self.lock().remove(&id(cookie));
    }
}

fn id(cookie: &str) -> String {
    fingerprint(&[cookie.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: Member = Member { customer: CustomerId::from_bits(1), key: KeyId::from_bits(2) };

    #[test]
    fn a_session_ends_when_it_is_idle_old_or_ended() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let minutes = |minutes: u64| start + Duration::from_secs(minutes * 60);
        sessions.begin("idle", MEMBER, start);
        assert_eq!(sessions.member("idle", minutes(29)), Some(MEMBER));
        assert_eq!(sessions.member("idle", minutes(60)), None);
        sessions.begin("old", MEMBER, start);
        for at in (0..720).step_by(20) {
            assert_eq!(sessions.member("old", minutes(at)), Some(MEMBER), "{at}");
        }
        assert_eq!(sessions.member("old", minutes(725)), None);
        sessions.begin("ended", MEMBER, start);
        sessions.end("ended");
        assert_eq!(sessions.member("ended", start), None);
        assert_eq!(sessions.member("guessed", start), None);
    }

    #[test]
    fn there_are_never_too_many() {
        let sessions = Sessions::default();
        let start = Instant::now();
        for number in 0..SESSIONS_MAX + 5 {
            sessions.begin(&number.to_string(), MEMBER, start + Duration::from_micros(number as u64));
        }
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
        assert_eq!(sessions.member("0", start + Duration::from_secs(1)), None, "the idlest ended");
    }
}
