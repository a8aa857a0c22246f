//! The caller's presence: an exchange goes on when the caller leaves.
//!
//! The server drops the future of a request when the client closes its connection. What was admitted must
//! be settled nevertheless, so the future that the server holds is only a handle: when it is dropped, the
//! exchange moves to the supervisor and learns that nobody listens any more.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::sync::Notify;

use crate::supervisor::Supervisor;

/// Whether the caller still listens.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    left: AtomicBool,
    leaving: Notify,
}

impl Presence {
    /// Ends when the caller leaves.
    pub(crate) async fn left(&self) {
        loop {
            let leaving = self.leaving.notified();
            if self.has_left() {
                return;
            }
            leaving.await;
        }
    }

    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    fn leave(&self) {
        self.left.store(true, Ordering::Release);
        self.leaving.notify_waiters();
    }
}

/// An exchange that ends even if nobody waits for it.
pub(crate) struct Exchange<T: Send + 'static> {
    running: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    presence: Arc<Presence>,
    supervisor: Supervisor,
}

impl<T: Send + 'static> Exchange<T> {
    /// The exchange that `start` makes of the caller's presence.
    pub(crate) fn new<F>(supervisor: &Supervisor, start: impl FnOnce(Arc<Presence>) -> F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let presence = Arc::new(Presence::default());
        let running = Box::pin(start(Arc::clone(&presence)));
        Self { running: Some(running), presence, supervisor: supervisor.clone() }
    }
}

impl<T: Send + 'static> Future for Exchange<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(running) = &mut self.running else { return Poll::Pending };
        let result = running.as_mut().poll(context);
        if result.is_ready() {
            self.running = None;
        }
        result
    }
}

impl<T: Send + 'static> Drop for Exchange<T> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.presence.leave();
            let until_end = UntilEnd(running);
            let task = self.supervisor.enter();
            tokio::spawn(async move {
                until_end.await;
                drop(task);
            });
        }
    }
}

/// Runs an exchange to its end; its answer is dropped, which tells a streamed one that the caller left.
struct UntilEnd<T>(Pin<Box<dyn Future<Output = T> + Send>>);

impl<T> Future for UntilEnd<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context).map(drop)
    }
}
