//! Time limits without a timer per request: each connection notes where it stands, and a reaper looks
//! around once a second.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

use crate::limits::{BODY_IDLE, HEAD_TIME, KEEP_ALIVE_IDLE, WRITE_STALL};

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Waiting {
    /// The next request.
    Idle = 0,
    /// The rest of a head.
    Head = 1,
    /// More of a body.
    Body = 2,
    /// The client to read.
    Write = 3,
    /// The client to take note of a refusal and close.
    Close = 4,
    /// Nothing that the client owes.
    Nothing = 5,
}

impl Waiting {
    const fn limit(self) -> Option<Duration> {
        match self {
            Self::Idle => Some(KEEP_ALIVE_IDLE),
            Self::Head => Some(HEAD_TIME),
            Self::Body => Some(BODY_IDLE),
            Self::Write => Some(WRITE_STALL),
            Self::Close => Some(Duration::from_secs(2)),
            Self::Nothing => None,
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Idle,
            1 => Self::Head,
            2 => Self::Body,
            3 => Self::Write,
            4 => Self::Close,
            _ => Self::Nothing,
        }
    }
}

/// Where one connection stands.
#[derive(Debug)]
pub(crate) struct Pulse {
    waiting: AtomicU8,
    since_second: AtomicU64,
    overdue: AtomicBool,
    waker: AtomicWaker,
    clock: Arc<CoarseClock>,
    /// Requests of the connection that are being answered.
    busy: AtomicU64,
}

/// Seconds since the reaper began, as of its last look.
#[derive(Debug, Default)]
pub(super) struct CoarseClock(AtomicU64);

impl Pulse {
    /// Notes that the connection waits for `waiting` from now on. Waiting for the same thing as before
    /// counts on, unless it is a body or the client's reading, of which some has just arrived.
    pub(super) fn wait_for(&self, waiting: Waiting) {
        let before = self.waiting.swap(waiting as u8, Ordering::Relaxed);
        if before != waiting as u8 || matches!(waiting, Waiting::Body | Waiting::Write) {
            self.since_second.store(self.clock.0.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    pub(super) fn is_overdue(&self) -> bool {
        self.overdue.load(Ordering::Acquire)
    }

    /// What it waited for when it became overdue.
    pub(super) fn waited_for(&self) -> Waiting {
        Waiting::from_code(self.waiting.load(Ordering::Relaxed))
    }

    /// Wakes this task when it becomes overdue.
    pub(super) fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    /// A request is being answered: a client that waits for it owes nothing.
    pub(crate) fn begin_answer(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// The answer is complete.
    pub(crate) fn end_answer(&self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
        self.since_second.store(self.clock.0.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn check(&self, now_second: u64) {
        let waiting = self.waited_for();
        if waiting == Waiting::Idle && self.busy.load(Ordering::Relaxed) > 0 {
            return;
        }
        let waited = now_second.saturating_sub(self.since_second.load(Ordering::Relaxed));
        if waiting.limit().is_some_and(|limit| Duration::from_secs(waited) > limit) {
            self.overdue.store(true, Ordering::Release);
            self.waker.wake();
        }
    }
}

/// Looks after the connections of one core.
#[derive(Debug, Default)]
pub(crate) struct Reaper {
    connections: Mutex<Vec<Weak<Pulse>>>,
    clock: Arc<CoarseClock>,
}

impl Reaper {
    /// A new connection.
    pub(crate) fn admit(&self) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            waiting: AtomicU8::new(Waiting::Head as u8),
            since_second: AtomicU64::new(self.clock.0.load(Ordering::Relaxed)),
            overdue: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            clock: Arc::clone(&self.clock),
            busy: AtomicU64::new(0),
        });
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&pulse));
        pulse
    }

    /// Looks around once a second, for as long as it runs.
    pub(crate) async fn run(&self) {
        let began = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            let now_second = began.elapsed().as_secs();
            self.clock.0.store(now_second, Ordering::Relaxed);
            self.look(now_second);
        }
    }

    fn look(&self, now_second: u64) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).retain(|connection| {
            let Some(pulse) = connection.upgrade() else { return false };
            pulse.check(now_second);
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overdue_after(waiting: Waiting, busy: bool, seconds: u64) -> bool {
        let reaper = Reaper::default();
        let pulse = reaper.admit();
        pulse.wait_for(waiting);
        if busy {
            pulse.begin_answer();
        }
        reaper.look(seconds);
        pulse.is_overdue()
    }

    #[test]
    fn each_kind_of_waiting_has_its_limit() {
        assert!(!overdue_after(Waiting::Head, false, 10));
        assert!(overdue_after(Waiting::Head, false, 11));
        assert!(!overdue_after(Waiting::Body, false, 30));
        assert!(overdue_after(Waiting::Body, false, 31));
        assert!(overdue_after(Waiting::Idle, false, 91));
        assert!(!overdue_after(Waiting::Idle, true, 10_000), "a slow answer is not the client's fault");
        assert!(!overdue_after(Waiting::Nothing, false, 10_000));
    }

    #[test]
    fn a_head_that_drips_is_not_saved_by_dripping_and_a_body_is() {
        let reaper = Reaper::default();
        let (head, body) = (reaper.admit(), reaper.admit());
        body.wait_for(Waiting::Body);
        for second in 1..=12 {
            reaper.clock.0.store(second, Ordering::Relaxed);
            head.wait_for(Waiting::Head);
            body.wait_for(Waiting::Body);
            reaper.look(second);
        }
        assert!(head.is_overdue() && !body.is_overdue());
    }
}
