//! What arrived: the proof that a refused request never reached its upstream.
//!
//! `GET /sandbox/requests` answers `{"total": 3, "paths": {"/rest/echo": 2, "/v1/models": 1}}`, and
//! `GET /sandbox/requests?id=ID` answers `{"id": ID, "count": 1}`: how often a request with this
//! `x-request-id` arrived. Ids are kept for the last 10,000 requests that had one. Asking does not count.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;

use super::endpoint::Endpoint;

/// Ids that a journal remembers unless told otherwise.
const REMEMBERED_MAX: usize = 10_000;

/// An id longer than this is not kept.
const ID_BYTES_MAX: usize = 256;

/// Counts of requests since the start.
#[derive(Debug)]
pub struct Journal {
    counts: [AtomicU64; Endpoint::COUNTED],
    connections: AtomicU64,
    remembered_max: usize,
    ids: Mutex<Ids>,
}

#[derive(Debug, Default)]
struct Ids {
    counts: HashMap<String, u64>,
    /// The ids from the one seen first to the one seen last; the first is forgotten first.
    order: VecDeque<String>,
}

impl Default for Journal {
    fn default() -> Self {
        Self::remembering(REMEMBERED_MAX)
    }
}

impl Journal {
    /// An empty journal that keeps up to `remembered_max` ids. With none, requests share no lock.
    #[must_use]
    pub fn remembering(remembered_max: usize) -> Self {
        Self { counts: Default::default(), connections: AtomicU64::new(0), remembered_max, ids: Mutex::default() }
    }

    /// Notes that a request for `endpoint` arrived.
    pub(super) fn note(&self, endpoint: Endpoint, headers: &HeaderMap) {
        let Some(count) = self.counts.get(endpoint as usize) else { return };
        count.fetch_add(1, Ordering::Relaxed);
        let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
        if let Some(id) = id.filter(|id| self.remembered_max > 0 && id.len() <= ID_BYTES_MAX) {
            self.remember(id);
        }
    }

    fn remember(&self, id: &str) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = ids.counts.get_mut(id) {
            *count += 1;
            return;
        }
        if ids.order.len() == self.remembered_max
            && let Some(oldest) = ids.order.pop_front()
        {
            ids.counts.remove(&oldest);
        }
        ids.order.push_back(id.to_owned());
        ids.counts.insert(id.to_owned(), 1);
    }

    /// Notes that somebody connected.
    pub(super) fn note_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections that were opened, whatever became of them.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Requests for paths that begin with `prefix`; with `""`, all of them.
    #[must_use]
    pub fn requests(&self, prefix: &str) -> u64 {
        self.by_path().filter(|(path, _)| path.starts_with(prefix)).map(|(_, count)| count).sum()
    }

    /// Requests that carried this `x-request-id`.
    #[must_use]
    pub fn requests_with_id(&self, id: &str) -> u64 {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.counts.get(id).copied().unwrap_or(0)
    }

    /// The paths that were asked for, and how often.
    pub(super) fn by_path(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Endpoint::counted().filter_map(|(path, endpoint)| {
            let count = self.counts.get(endpoint as usize)?.load(Ordering::Relaxed);
            (count > 0).then_some((path, count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(journal: &Journal, endpoint: Endpoint, id: &str) {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", id.parse().unwrap());
        journal.note(endpoint, &headers);
    }

    #[test]
    fn paths_and_ids_are_counted() {
        let journal = Journal::default();
        note(&journal, Endpoint::RestEcho, "a");
        note(&journal, Endpoint::RestEcho, "a");
        note(&journal, Endpoint::Models, "b");
        note(&journal, Endpoint::Unknown, "c");
        note(&journal, Endpoint::Journal, "d");
        assert_eq!(journal.requests(""), 4);
        assert_eq!(journal.requests("/rest"), 2);
        assert_eq!(journal.requests_with_id("a"), 2);
        assert_eq!(journal.requests_with_id("d"), 0);
    }

    #[test]
    fn the_oldest_id_is_forgotten_first() {
        let journal = Journal::remembering(2);
        for id in ["a", "b", "a", "c"] {
            note(&journal, Endpoint::RestEcho, id);
        }
        assert_eq!(["a", "b", "c"].map(|id| journal.requests_with_id(id)), [0, 1, 1]);
        assert_eq!(journal.requests("/rest/echo"), 4);
    }
}
