//! Waiting rooms: how requests learn that their group is durable.
//!
//! Waking a task of another thread costs a system call. The writer therefore wakes one listener in each
//! core's room, and the listener wakes the requests of its own core, which costs next to nothing.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

/// Which tickets are durable.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The log has all below.
    logged: AtomicU64,
    /// The journal has all from here...
    journaled_from: AtomicU64,
    /// ...to here.
    journaled_to: AtomicU64,
    /// Commits have failed for so long that nobody should wait any more.
    is_stuck: AtomicBool,
}

/// The database did not commit in time. The entry stays on its way to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the settlement could not be made durable in time")]
pub struct NotDurable;

impl Progress {
    /// Whether `ticket` is durable; an error if it is not and will not be soon.
    pub(super) fn of(&self, ticket: u64) -> Option<Result<(), NotDurable>> {
        if self.is_durable(ticket) {
            Some(Ok(()))
        } else if self.is_stuck.load(Ordering::Acquire) {
            Some(Err(NotDurable))
        } else {
            None
        }
    }

    fn is_durable(&self, ticket: u64) -> bool {
        // The end first: whoever sees the end of a run sees its beginning too.
        let to = self.journaled_to.load(Ordering::Acquire);
        let from = self.journaled_from.load(Ordering::Acquire);
        (from <= ticket && ticket < to) || ticket < self.logged.load(Ordering::Acquire)
    }

    /// The log has everything below `end`.
    pub(super) fn note_logged(&self, end: u64) {
        self.logged.store(end, Ordering::Release);
        self.is_stuck.store(false, Ordering::Release);
    }

    /// The journal has all of `run`, and a run ends where something is missing: an earlier one counts no
    /// longer, the log has it soon.
    pub(super) fn note_journaled(&self, run: Range<u64>) {
        self.journaled_from.store(run.start, Ordering::Release);
        self.journaled_to.store(run.end, Ordering::Release);
    }

    pub(super) fn get_stuck(&self) {
        self.is_stuck.store(true, Ordering::Release);
    }
}

/// One core's waiting room.
#[derive(Debug, Default)]
pub(super) struct Room {
    waiting: Mutex<Vec<(u64, Waker)>>,
    pub(super) bell: Notify,
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Waker)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever waited for something that is durable now, each time the bell rings.
    pub(super) async fn listen(&self, progress: &Progress) {
        let mut ready = Vec::new();
        loop {
            self.bell.notified().await;
            {
                let mut waiting = self.lock();
                let mut index = 0;
                while let Some((ticket, _)) = waiting.get(index) {
                    if progress.of(*ticket).is_some() {
                        ready.push(waiting.swap_remove(index).1);
                    } else {
                        index += 1;
                    }
                }
            }
            ready.drain(..).for_each(Waker::wake);
        }
    }
}

/// Ends when a ticket's group is durable, or when commits have failed for too long.
#[derive(Debug)]
#[must_use = "nothing waits until it is awaited"]
pub struct Durable {
    pub(super) ticket: u64,
    pub(super) progress: Arc<Progress>,
    pub(super) room: Arc<Room>,
    pub(super) gives_up: GivesUp,
}

impl Durable {
    /// Ends when the group is durable, however long commits fail before.
    pub async fn at_last(mut self) {
        self.gives_up = GivesUp::Never;
        // What never gives up does not fail.
        let _ = self.await;
    }
}

/// When waiting ends without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivesUp {
    /// When commits have failed for too long.
    WhenStuck,
    /// Never.
    Never,
}

impl Future for Durable {
    type Output = Result<(), NotDurable>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = || self.progress.of(self.ticket).filter(|it| it.is_ok() || self.gives_up == GivesUp::WhenStuck);
        if let Some(result) = outcome() {
            return Poll::Ready(result);
        }
        let mut waiting = self.room.lock();
        match waiting.iter_mut().find(|(ticket, _)| *ticket == self.ticket) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => waiting.push((self.ticket, context.waker().clone())),
        }
        drop(waiting);
        // The commit may have come between the first look and the entry in the list.
        outcome().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn waiting(progress: &Arc<Progress>) -> Durable {
        Durable { ticket: 7, progress: Arc::clone(progress), room: Arc::default(), gives_up: GivesUp::WhenStuck }
    }

    #[test]
    fn a_stream_is_told_when_commits_fail_for_too_long() {
        let progress = Arc::new(Progress::default());
        let mut context = Context::from_waker(Waker::noop());
        let mut durable = pin!(waiting(&progress));
        assert_eq!(durable.as_mut().poll(&mut context), Poll::Pending);
        progress.get_stuck();
        assert_eq!(durable.as_mut().poll(&mut context), Poll::Ready(Err(NotDurable)));
    }

    #[test]
    fn an_answer_that_is_paid_for_waits_for_as_long_as_commits_fail() {
        let progress = Arc::new(Progress::default());
        let mut context = Context::from_waker(Waker::noop());
        let mut at_last = pin!(waiting(&progress).at_last());
        progress.get_stuck();
        assert_eq!(at_last.as_mut().poll(&mut context), Poll::Pending);
        progress.note_logged(7);
        assert_eq!(at_last.as_mut().poll(&mut context), Poll::Pending, "everything below 7 is durable, and 7 is not");
        progress.note_logged(8);
        assert_eq!(at_last.as_mut().poll(&mut context), Poll::Ready(()));
    }
}
