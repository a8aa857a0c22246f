//! The two loops.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout_at};

use super::connection::{Connection, Sight};
use super::report::Tally;
use super::request::Template;
use super::ticks::Ticks;
use super::{Load, Pace, Timing};

/// How long answers may take once no more requests are sent.
const GRACE: Duration = Duration::from_secs(10);

/// How long a connection rests after a failure, so that a dead peer is not hammered.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(5);

/// Carries out one thread's share of `load`.
pub(super) fn run_share(load: &Load, template: &Arc<Template>, thread: usize) -> Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Connections that do not divide evenly go to the first threads.
    let connections = load.connections / load.threads + usize::from(thread < load.connections % load.threads);
    LocalSet::new().block_on(&runtime, drive(load, Arc::clone(template), thread, connections))
}

async fn drive(load: &Load, template: Arc<Template>, thread: usize, connections: usize) -> Result<Tally> {
    let opened = open(&template, connections).await?;
    let driver = Rc::new(Driver {
        template,
        timing: load.timing,
        turn: Cell::new(thread),
        turns: load.threads,
        tally: RefCell::default(),
    });
    let started_at = Instant::now();
    let ends_at = started_at + load.duration;
    let mut loops = JoinSet::new();
    match load.pace {
        Pace::Closed => {
            let step = load.stagger / u32::try_from(connections)?;
            for (connection, place) in opened.into_iter().zip(0..) {
                loops.spawn_local(Rc::clone(&driver).send_until(ends_at, step * place, connection));
            }
        }
        Pace::Open { per_second } => {
            let due = Rc::<Due>::default();
            for connection in opened {
                loops.spawn_local(Rc::clone(&driver).send_when_due(Rc::clone(&due), connection));
            }
            let period = Duration::from_secs_f64(f64::from(u32::try_from(load.threads)?) / per_second);
            due.fill(period, load.duration).await?;
        }
    }
    let all = async { while loops.join_next().await.is_some() {} };
    let finished = timeout_at((ends_at + GRACE).into(), all).await;
    let mut tally = driver.tally.take();
    tally.ended_after(started_at.elapsed());
    if finished.is_err() {
        for _ in 0..loops.len() {
            tally.failed(format!("no answer {} s after the last request", GRACE.as_secs()));
        }
    }
    Ok(tally)
}

/// Opens all connections before the clock starts. One that fails is an error: there is no peer.
async fn open(template: &Template, connections: usize) -> Result<Vec<Connection>> {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut connection = Connection::new(template.addr);
        connection.open().await.with_context(|| format!("nobody listens at {}", template.addr))?;
        opened.push(connection);
    }
    Ok(opened)
}

/// What the connections of one thread share.
struct Driver {
    template: Arc<Template>,
    timing: Timing,
    /// The turn of the rotating headers that the next request takes; threads take every n-th.
    turn: Cell<usize>,
    turns: usize,
    tally: RefCell<Tally>,
}

impl Driver {
    /// The closed loop of one connection.
    async fn send_until(self: Rc<Self>, ends_at: Instant, delay: Duration, mut connection: Connection) {
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let mut request = Vec::new();
        loop {
            let now = Instant::now();
            if now >= ends_at {
                return;
            }
            self.send(&mut connection, &mut request, now).await;
        }
    }

    /// The open loop of one connection.
    async fn send_when_due(self: Rc<Self>, due: Rc<Due>, mut connection: Connection) {
        let mut request = Vec::new();
        while let Some(due_at) = due.next().await {
            self.tally.borrow_mut().sent_after(due_at.elapsed());
            self.send(&mut connection, &mut request, due_at).await;
        }
    }

    /// Sends one request whose time begins at `began_at`.
    async fn send(&self, connection: &mut Connection, request: &mut Vec<u8>, began_at: Instant) {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(self.turns));
        self.template.fill(request, turn);
        let mut sight = Sight::new(self.timing);
        match connection.exchange(request, &mut sight).await {
            Ok(()) => self.tally.borrow_mut().answered(began_at, &sight),
            Err(error) => {
                self.tally.borrow_mut().failed(format!("{error:#}"));
                sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
}

/// Requests that are due and not yet sent.
#[derive(Default)]
struct Due {
    at: RefCell<VecDeque<Instant>>,
    is_over: Cell<bool>,
    changed: Notify,
}

impl Due {
    /// Makes a request due every `period`, the last within `duration`.
    async fn fill(&self, period: Duration, duration: Duration) -> Result<()> {
        let mut due_at = Instant::now();
        let ends_at = due_at + duration;
        let mut ticks = Ticks::every(period)?;
        loop {
            for _ in 0..ticks.next().await? {
                due_at += period;
                if due_at >= ends_at {
                    self.is_over.set(true);
                    self.changed.notify_waiters();
                    return Ok(());
                }
                self.at.borrow_mut().push_back(due_at);
                self.changed.notify_one();
            }
        }
    }

    /// The next request, or none when there will be no more.
    async fn next(&self) -> Option<Instant> {
        loop {
            let first = self.at.borrow_mut().pop_front();
            if first.is_some() || self.is_over.get() {
                return first;
            }
            self.changed.notified().await;
        }
    }
}
