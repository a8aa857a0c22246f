//! Waiting rooms: how requests learn that their group is durable.
//!
//! Waking a task of another thread costs a system call. The writer therefore wakes one listener in each
//! core's room, and the listener wakes the requests of its own core, which costs next to nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

/// How far the log is durable: every ticket below it.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU64);

impl Progress {
    pub(super) fn reached(&self, ticket: u64) -> bool {
        self.0.load(Ordering::Acquire) > ticket
    }

    pub(super) fn advance_to(&self, end: u64) {
        self.0.store(end, Ordering::Release);
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
                    if progress.reached(*ticket) {
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

/// Ends when a ticket's group is durable. It never ends if the database never comes back: whoever waits
/// sets a limit.
#[derive(Debug)]
#[must_use = "nothing waits until it is awaited"]
pub struct Durable {
    pub(super) ticket: u64,
    pub(super) progress: Arc<Progress>,
    pub(super) room: Arc<Room>,
}

impl Future for Durable {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.progress.reached(self.ticket) {
            return Poll::Ready(());
        }
        let mut waiting = self.room.lock();
        match waiting.iter_mut().find(|(ticket, _)| *ticket == self.ticket) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => waiting.push((self.ticket, context.waker().clone())),
        }
        drop(waiting);
        // The commit may have come between the first look and the entry in the list.
        if self.progress.reached(self.ticket) { Poll::Ready(()) } else { Poll::Pending }
    }
}
