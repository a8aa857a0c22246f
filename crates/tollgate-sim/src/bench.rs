//! Tollgate and its yardsticks, side by side in one run.
//!
//! The sandbox is the upstream of all peers and runs in a process of its own, as do the peers; load
//! generator, upstream and peer share the cores. One peer runs at a time, and rounds go through all
//! peers, so that what else the machine does falls on all of them. What counts are the ratios to the
//! bare work-stealing proxy of the same run, not the figures.
//!
//! Reading order: [`peer`] is who is measured, [`scenario`] with what, [`metric`] lists every figure,
//! [`report`] prints them. [`child`] and [`usage`] look after processes.

pub mod child;
pub mod gateway;
pub mod metric;
pub mod peer;
pub mod report;
pub mod scenario;
pub mod usage;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::load;
use child::Children;
use metric::Figures;
use peer::{Peer, Running};
use report::{Bench, Round};
use scenario::{Scenario, Target};

/// How long a peer is warmed up before it is measured.
const WARM_UP: Duration = Duration::from_millis(250);

/// How long a started peer rests before its idle memory is read.
const SETTLE: Duration = Duration::from_millis(100);

/// How often to measure, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    /// For each scenario of each peer in each round.
    pub per_scenario: Duration,
}

impl Effort {
    /// Two short rounds that end within a minute, however many peers there are.
    #[must_use]
    pub fn quick(peers: usize) -> Self {
        const ROUNDS: usize = 2;
        let runs = u32::try_from(ROUNDS * peers.max(1) * Scenario::ALL.len()).unwrap_or(u32::MAX);
        // What is not spent here goes into starting, warming up and stopping.
        Self { rounds: ROUNDS, per_scenario: (Duration::from_secs(40) / runs).min(Duration::from_secs(1)) }
    }
}

/// Measures `peers` in front of the sandbox that `upstream` starts. `said` hears what is going on.
pub fn run(
    upstream: &Peer,
    peers: &[Peer],
    effort: Effort,
    children: &Children,
    said: &mut dyn FnMut(&str),
) -> Result<Bench> {
    let dir = tempfile::tempdir().context("cannot make a folder for the peers")?;
    let upstream = upstream.start(children, None, dir.path())?;
    let mut rounds = Vec::new();
    for round in 0..effort.rounds {
        for peer in peers {
            said(&format!("round {} of {}: {}", round + 1, effort.rounds, peer.name));
            let figures = measure(peer, &upstream, effort, children, dir.path())
                .with_context(|| format!("could not measure {}", peer.name))?;
            rounds.push(Round { peer: peer.name.clone(), figures });
        }
    }
    Ok(Bench::new(peers.iter().map(|peer| peer.name.clone()).collect(), effort, rounds))
}

/// One peer, one round: started, warmed up, taken through all scenarios, stopped.
fn measure(peer: &Peer, upstream: &Running, effort: Effort, children: &Children, dir: &Path) -> Result<Figures> {
    let running = peer.start(children, Some(upstream), dir)?;
    thread::sleep(SETTLE);
    let idle = running.usage()?;
    let target = Target { base: running.url(), rotating_headers: running.headers()? };
    for warm_up in [Scenario::Rest, Scenario::Completion] {
        let report = load::run(&warm_up.load(&target, WARM_UP))?;
        anyhow::ensure!(report.failed() == 0, "it does not serve {}:\n{report}{}", warm_up.name(), running.log());
    }

    let mut figures = Figures::default();
    let others = Others::watch(&running, upstream)?;
    for scenario in Scenario::ALL {
        let before = running.usage()?;
        let report = load::run(&scenario.load(&target, effort.per_scenario))?;
        let after = running.usage()?;
        figures.add_report(scenario, &report, before.zip(after).map(|(before, after)| after.cpu - before.cpu));
    }
    figures.add_others(others.share(&running, upstream)?);
    figures.add_memory(idle.map(|idle| idle.resident_bytes), running.usage()?.map(|usage| usage.peak_bytes));
    Ok(figures)
}

/// What programs take that have nothing to do with the bench: the more, the less its figures say.
struct Others {
    since: Instant,
    cpu_before: Duration,
}

impl Others {
    fn watch(peer: &Running, upstream: &Running) -> Result<Self> {
        Ok(Self { since: Instant::now(), cpu_before: Self::cpu(peer, upstream)? })
    }

    /// The share of all processors since [`Others::watch`].
    fn share(&self, peer: &Running, upstream: &Running) -> Result<f64> {
        let taken = Self::cpu(peer, upstream)?.saturating_sub(self.cpu_before);
        let cores = u32::try_from(thread::available_parallelism()?.get())?;
        Ok(taken.as_secs_f64() / (self.since.elapsed() * cores).as_secs_f64())
    }

    fn cpu(peer: &Running, upstream: &Running) -> Result<Duration> {
        let mut others = usage::of_machine()?.saturating_sub(usage::of_this_process()?);
        for ours in [peer, upstream] {
            others = others.saturating_sub(ours.usage()?.map_or(Duration::ZERO, |usage| usage.cpu));
        }
        Ok(others)
    }
}
