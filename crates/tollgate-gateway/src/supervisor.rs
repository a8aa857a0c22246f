//! Tasks that outlive the connection they came from. Shutdown waits for them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the tasks of one core that must be finished before it stops.
#[derive(Debug, Clone, Default)]
pub(crate) struct Supervisor(Arc<State>);

#[derive(Debug, Default)]
struct State {
    running: AtomicUsize,
    idle: Notify,
    is_stopping: AtomicBool,
    stopping: Notify,
    is_closed: AtomicBool,
    closing: Notify,
}

/// One task that is being waited for.
#[derive(Debug)]
pub(crate) struct Running(Arc<State>);

impl Supervisor {
    /// Runs `task` on the present runtime; it is waited for.
    pub(crate) fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let running = self.enter();
        tokio::spawn(async move {
            task.await;
            drop(running);
        });
    }

    /// Something that is waited for until the result is dropped.
    pub(crate) fn enter(&self) -> Running {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(&self.0))
    }

    /// What never ends by itself is to end; everything else has time to be completed.
    pub(crate) fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::Release);
        self.0.stopping.notify_waiters();
    }

    /// Ends when what never ends by itself is to end.
    pub(crate) async fn stopping(&self) {
        until(&self.0.is_stopping, &self.0.stopping).await;
    }

    /// The time to complete things is over: what runs is to end.
    pub(crate) fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.0.closing.notify_waiters();
    }

    /// Ends when what runs is to end.
    pub(crate) async fn closed(&self) {
        until(&self.0.is_closed, &self.0.closing).await;
    }

    /// Ends when nothing runs any more.
    pub(crate) async fn idle(&self) {
        loop {
            let notified = self.0.idle.notified();
            if self.0.running.load(Ordering::Acquire) == 0 {
                return;
            }
            notified.await;
        }
    }
}

/// Ends when `has_come` is true, which `coming` tells.
async fn until(has_come: &AtomicBool, coming: &Notify) {
    loop {
        let told = coming.notified();
        if has_come.load(Ordering::Acquire) {
            return;
        }
        told.await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn whoever_waits_learns_that_the_time_is_over_also_afterwards() {
        let supervisor = Supervisor::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut before = pin!(supervisor.closed());
        assert_eq!(before.as_mut().poll(&mut context), Poll::Pending);
        supervisor.close();
        assert_eq!(before.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(pin!(supervisor.closed()).as_mut().poll(&mut context), Poll::Ready(()));
    }

    #[test]
    fn idle_is_when_the_last_one_has_ended() {
        let supervisor = Supervisor::default();
        let mut context = Context::from_waker(Waker::noop());
        let (first, second) = (supervisor.enter(), supervisor.enter());
        let mut idle = pin!(supervisor.idle());
        for running in [first, second] {
            assert_eq!(idle.as_mut().poll(&mut context), Poll::Pending);
            drop(running);
        }
        assert_eq!(idle.as_mut().poll(&mut context), Poll::Ready(()));
    }
}
