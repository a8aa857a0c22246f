//! The queue in front of the writer: entries as bytes, in the order in which they came.
//!
//! What waits is the next group of the log. The journal, where there is one, copies what it has not seen of
//! it and makes that durable. The writer takes what the journal has copied as the group, or everything if it is
//! asked to, or if there is no journal.

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
    /// How much of it the journal has copied: bytes, and what is to be known of the entries in them.
    journaled: (usize, Extent),
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
    /// The ticket of the first entry.
    pub(super) first: u64,
    /// The ticket after the last entry.
    pub(super) end: u64,
}

/// What a group is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// What the journal has copied. The rest goes on waiting, so that it is journaled too.
    Journaled,
    /// Everything.
    All,
}

/// What is to be known of entries that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) entries: u32,
    pub(super) started_min: i64,
    pub(super) started_max: i64,
}

impl Default for Extent {
    fn default() -> Self {
        Self { entries: 0, started_min: i64::MAX, started_max: i64::MIN }
    }
}

impl Extent {
    fn add(&mut self, started_at: i64) {
        self.entries += 1;
        self.started_min = self.started_min.min(started_at);
        self.started_max = self.started_max.max(started_at);
    }
}

/// Entries that are committed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) payload: Vec<u8>,
    pub(super) extent: Extent,
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
        let waiting = Waiting { batch: Batch::default(), group, journaled: Default::default() };
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
        let is_first_for_journal = waiting.journaled.0 == waiting.batch.payload.len();
        let batch = &mut waiting.batch;
        let is_first = batch.extent.entries == 0;
        batch.payload.extend_from_slice(encoded);
        batch.extent.add(started_at);
        batch.end += 1;
        self.bytes.store(batch.payload.len(), Ordering::Relaxed);
        Pushed { ticket: batch.end - 1, is_first, is_first_for_journal }
    }

    /// Takes the next group into `group`, which lends its memory; without entries if there are none to take.
    pub(super) fn take(&self, what: Take, group: &mut Batch) {
        let mut waiting = self.lock();
        let waiting = &mut *waiting;
        group.payload.clear();
        group.extent = Extent::default();
        group.end = waiting.batch.end;
        std::mem::swap(&mut waiting.batch, group);
        let (bytes, extent) = std::mem::take(&mut waiting.journaled);
        if what == Take::Journaled {
            waiting.batch.payload.extend_from_slice(&group.payload[bytes..]);
            // The bounds of the whole hold for the rest too: they are where to look, and may be wider.
            waiting.batch.extent = Extent { entries: group.extent.entries - extent.entries, ..group.extent };
            if waiting.batch.extent.entries == 0 {
                waiting.batch.extent = Extent::default();
            }
            group.payload.truncate(bytes);
            group.end -= u64::from(waiting.batch.extent.entries);
            group.extent = extent;
        }
        self.bytes.store(waiting.batch.payload.len(), Ordering::Relaxed);
        if group.extent.entries > 0 {
            waiting.group += 1;
        }
    }

    /// Copies to `payload` what the journal has not seen; `None` if there is nothing.
    pub(super) fn copy_ahead(&self, payload: &mut Vec<u8>) -> Option<Ahead> {
        let mut waiting = self.lock();
        let (bytes, extent) = waiting.journaled;
        let unseen = waiting.batch.payload.get(bytes..).filter(|unseen| !unseen.is_empty())?;
        payload.clear();
        payload.extend_from_slice(unseen);
        let entries = waiting.batch.extent.entries - extent.entries;
        waiting.journaled = (waiting.batch.payload.len(), waiting.batch.extent);
        let end = waiting.batch.end;
        Some(Ahead { group: waiting.group, first: end - u64::from(entries), end })
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().batch.extent.entries == 0
    }
}

impl Batch {
    /// A group that was read back.
    pub(super) fn of(payload: Vec<u8>) -> Result<Self, StoreError> {
        let mut extent = Extent::default();
        for entry in decode_all(&payload) {
            extent.add(entry?.started_at());
        }
        Ok(Self { payload, extent, end: 0 })
    }

    /// Lets go of memory that one large group has taken.
    pub(super) fn shrink(&mut self) {
        if self.payload.capacity() > GROUP_BYTES {
            self.payload = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests;
