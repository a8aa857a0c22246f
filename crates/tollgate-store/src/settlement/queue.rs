//! The queue in front of the writer: entries as bytes, in the order in which they came.
//!
//! What waits is the next group of the log. The journal, where there is one, copies what it has not seen of
//! it and makes that durable before the writer takes the whole group.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::StoreError;

use super::entry::{Entry, decode_all};

/// Entries that wait for the next commit.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Bytes that wait, for whoever only wants to know whether there is room.
    bytes: AtomicUsize,
}

#[derive(Debug)]
struct Waiting {
    batch: Batch,
    /// The number that the log will give this group.
    group: i64,
    /// How much of it the journal has copied.
    journaled: Journaled,
}

#[derive(Debug, Clone, Copy, Default)]
struct Journaled {
    bytes: usize,
    entries: u32,
}

/// What became of an entry that was put into the queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pushed {
    pub(super) ticket: u64,
    /// Nothing waited for the writer before.
    pub(super) is_first: bool,
    /// Nothing waited for the journal before.
    pub(super) is_first_for_journal: bool,
}

/// What the journal has to make durable next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ahead {
    pub(super) group: i64,
    pub(super) entries: u32,
    /// The ticket after the last entry.
    pub(super) end: u64,
}

/// Entries that are committed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) payload: Vec<u8>,
    pub(super) entries: u32,
    pub(super) started_min: i64,
    pub(super) started_max: i64,
    /// The ticket of the entry after the last one.
    pub(super) end: u64,
}

/// The most bytes that wait. Beyond it nothing new is admitted until the database keeps up.
pub(super) const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most bytes in one group, so that a group is read back in one piece.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

thread_local! {
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Queue {
    /// An empty queue for groups from number `group` on.
    pub(super) fn new(group: i64) -> Self {
        let waiting = Waiting { batch: Batch::default(), group, journaled: Journaled::default() };
        Self { waiting: Mutex::new(waiting), bytes: AtomicUsize::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Encoding writes to memory and cannot panic half-way through an entry.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends `entry`.
    pub(super) fn push(&self, entry: &Entry<'_>) -> Pushed {
        // Encoded outside of the lock that all cores share.
        ENCODED.with_borrow_mut(|encoded| {
            encoded.clear();
            // Writing to a vector does not fail.
            let _ = minicbor::encode(entry, &mut *encoded);
            self.append(encoded, entry.started_at())
        })
    }

    fn append(&self, encoded: &[u8], started_at: i64) -> Pushed {
        let mut waiting = self.lock();
        let is_first_for_journal = waiting.journaled.bytes == waiting.batch.payload.len();
        let batch = &mut waiting.batch;
        let is_first = batch.entries == 0;
        if is_first {
            batch.started_min = i64::MAX;
            batch.started_max = i64::MIN;
        }
        batch.payload.extend_from_slice(encoded);
        batch.entries += 1;
        batch.started_min = batch.started_min.min(started_at);
        batch.started_max = batch.started_max.max(started_at);
        batch.end += 1;
        self.bytes.store(batch.payload.len(), Ordering::Relaxed);
        Pushed { ticket: batch.end - 1, is_first, is_first_for_journal }
    }

    /// Takes everything that waits; `empty` becomes the new, empty queue and lends its memory.
    pub(super) fn take(&self, empty: &mut Batch) {
        let mut waiting = self.lock();
        empty.payload.clear();
        empty.entries = 0;
        empty.end = waiting.batch.end;
        self.bytes.store(0, Ordering::Relaxed);
        std::mem::swap(&mut waiting.batch, empty);
        waiting.journaled = Journaled::default();
        if empty.entries > 0 {
            waiting.group += 1;
        }
    }

    /// Copies to `payload` what the journal has not seen; `None` if there is nothing.
    pub(super) fn copy_ahead(&self, payload: &mut Vec<u8>) -> Option<Ahead> {
        let mut waiting = self.lock();
        let Journaled { bytes, entries } = waiting.journaled;
        let unseen = waiting.batch.payload.get(bytes..).filter(|unseen| !unseen.is_empty())?;
        payload.clear();
        payload.extend_from_slice(unseen);
        waiting.journaled = Journaled { bytes: waiting.batch.payload.len(), entries: waiting.batch.entries };
        Some(Ahead { group: waiting.group, entries: waiting.batch.entries - entries, end: waiting.batch.end })
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().batch.entries == 0
    }
}

impl Batch {
    /// A group that was read back.
    pub(super) fn of(payload: Vec<u8>) -> Result<Self, StoreError> {
        let mut batch = Self { started_min: i64::MAX, started_max: i64::MIN, ..Self::default() };
        for entry in decode_all(&payload) {
            let started_at = entry?.started_at();
            batch.entries += 1;
            batch.started_min = batch.started_min.min(started_at);
            batch.started_max = batch.started_max.max(started_at);
        }
        batch.payload = payload;
        Ok(batch)
    }

    /// Lets go of memory that one large group has taken.
    pub(super) fn shrink(&mut self) {
        if self.payload.capacity() > GROUP_BYTES {
            self.payload = Vec::new();
        }
    }
}
