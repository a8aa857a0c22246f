//! The queue in front of the writer: entries as bytes, in the order in which they came.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Entry;

/// Entries that wait for the next commit.
#[derive(Debug, Default)]
pub(super) struct Queue {
    batch: Mutex<Batch>,
    /// Bytes that wait, for whoever only wants to know whether there is room.
    bytes: AtomicUsize,
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
    fn lock(&self) -> MutexGuard<'_, Batch> {
        // Encoding writes to memory and cannot panic half-way through an entry.
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends `entry` and returns its ticket, and whether the queue was empty before.
    pub(super) fn push(&self, entry: &Entry<'_>) -> (u64, bool) {
        // Encoded outside of the lock that all cores share.
        ENCODED.with_borrow_mut(|encoded| {
            encoded.clear();
            // Writing to a vector does not fail.
            let _ = minicbor::encode(entry, &mut *encoded);
            self.append(encoded, entry.started_at())
        })
    }

    fn append(&self, encoded: &[u8], started_at: i64) -> (u64, bool) {
        let mut batch = self.lock();
        let was_empty = batch.entries == 0;
        if was_empty {
            batch.started_min = i64::MAX;
            batch.started_max = i64::MIN;
        }
        batch.payload.extend_from_slice(encoded);
        batch.entries += 1;
        batch.started_min = batch.started_min.min(started_at);
        batch.started_max = batch.started_max.max(started_at);
        batch.end += 1;
        self.bytes.store(batch.payload.len(), Ordering::Relaxed);
        (batch.end - 1, was_empty)
    }

    /// Takes everything that waits; `empty` becomes the new, empty queue and lends its memory.
    pub(super) fn take(&self, empty: &mut Batch) {
        let mut batch = self.lock();
        empty.payload.clear();
        empty.entries = 0;
        empty.end = batch.end;
        self.bytes.store(0, Ordering::Relaxed);
        std::mem::swap(&mut *batch, empty);
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().entries == 0
    }
}

impl Batch {
    /// Lets go of memory that one large group has taken.
    pub(super) fn shrink(&mut self) {
        if self.payload.capacity() > GROUP_BYTES {
            self.payload = Vec::new();
        }
    }
}
