//! What the gateway's cores, the writer and the journal have in common, and what they are told.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use crate::StoreError;

use super::entry::Entry;
use super::queue::{Queue, Take};
use super::room::{Progress, Room};

/// The shortest time between two commits of settlements that nobody waits for: what a crash can lose.
const RELAXED_INTERVAL: Duration = Duration::from_millis(10);

/// The shortest time between two commits of what the journal has: nothing can be lost.
const JOURNALED_INTERVAL: Duration = Duration::from_millis(50);

/// When an answer is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// When its settlement is durable: nothing that was delivered is ever unbilled.
    Strict,
    /// At once. A crash can lose what was settled in the last milliseconds.
    Relaxed,
}

/// Sees every entry once it is in the log, on the writer's thread: it has to be quick.
pub trait Observer: Send + Sync {
    /// `entry` was committed.
    fn committed(&self, entry: &Entry<'_>);
}

/// How settlements become durable.
#[derive(Clone)]
pub struct Settling {
    /// The name of this node in the settlement log.
    pub node: String,
    /// Waiting rooms, one for each of the gateway's cores.
    pub cores: usize,
    /// What answers wait for.
    pub settlement: Settlement,
    /// Sees every entry once it is in the log.
    pub observer: Option<Arc<dyn Observer>>,
}

/// What the gateway's cores, the writer and the journal have in common.
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) progress: Arc<Progress>,
    pub(super) rooms: Vec<Arc<Room>>,
    /// Wakes the writer.
    pub(super) work: Notify,
    /// The journal's thread, while the journal runs ahead of the log.
    pub(super) journal: OnceLock<Thread>,
    pub(super) is_journaling: AtomicBool,
    /// The journal waits for the log, as answers then do.
    pub(super) has_no_room: AtomicBool,
    /// The last group that the log has.
    pub(super) committed: AtomicI64,
    pub(super) is_failing: AtomicBool,
    settlement: Settlement,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

impl Shared {
    /// For a log that goes on after group `committed`.
    pub(super) fn new(settling: Settling, committed: i64) -> Self {
        let Settling { node: _, cores, settlement, observer } = settling;
        Self {
            queue: Queue::new(committed + 1),
            progress: Arc::default(),
            rooms: (0..cores.max(1)).map(|_| Arc::default()).collect(),
            work: Notify::new(),
            journal: OnceLock::new(),
            is_journaling: AtomicBool::new(false),
            has_no_room: AtomicBool::new(false),
            committed: AtomicI64::new(committed),
            is_failing: AtomicBool::new(false),
            settlement,
            observer,
        }
    }

    /// The log has everything below ticket `end`: whoever waits for it goes on.
    pub(super) fn note_logged(&self, end: u64) {
        self.progress.note_logged(end);
        self.ring();
    }

    /// The journal has the tickets of `run`: whoever waits for them goes on.
    pub(super) fn note_journaled(&self, run: Range<u64>) {
        self.progress.note_journaled(run);
        self.ring();
    }

    /// Commits have failed for too long: whoever waits for them is cut off.
    pub(super) fn get_stuck(&self) {
        let waits_for_journal = self.is_journaling.load(Ordering::Relaxed) && !self.has_no_room.load(Ordering::Relaxed);
        if !waits_for_journal {
            self.progress.get_stuck();
            self.ring();
        }
    }

    fn ring(&self) {
        for room in &self.rooms {
            room.bell.notify_one();
        }
    }

    /// The shortest time between two commits: none if answers wait for them.
    pub(super) fn commit_interval(&self) -> Duration {
        match self.settlement {
            Settlement::Relaxed => RELAXED_INTERVAL,
            Settlement::Strict if self.is_journaling.load(Ordering::Relaxed) => JOURNALED_INTERVAL,
            Settlement::Strict => Duration::ZERO,
        }
    }

    /// What the next group is to have, if nobody asks for more.
    pub(super) fn regular_take(&self) -> Take {
        if self.is_journaling.load(Ordering::Relaxed) { Take::Journaled } else { Take::All }
    }

    /// Wakes the journal, if there is one.
    pub(super) fn wake_journal(&self) {
        if self.is_journaling.load(Ordering::Relaxed)
            && let Some(thread) = self.journal.get()
        {
            thread.unpark();
        }
    }
}

/// What the writer is asked to do.
pub(super) enum Command {
    Fold(Shards, oneshot::Sender<Result<(), StoreError>>),
    Stop(oneshot::Sender<()>),
}

/// Which shards are to be folded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shards {
    All,
    One(usize),
}
