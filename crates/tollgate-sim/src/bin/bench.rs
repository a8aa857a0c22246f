//! Tollgate and its yardsticks, side by side. See `tollgate_sim::bench`.

#![expect(clippy::print_stderr, reason = "a run takes minutes and says where it is")]

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tollgate::config::SettlementMode;
use tollgate::sandbox::{Journal, Sandbox, Service};
use tollgate_sim::bench::child::Children;
use tollgate_sim::bench::peer::Peer;
use tollgate_sim::bench::report::Bench;
use tollgate_sim::bench::{self, Effort, gateway};
use tollgate_sim::clock::Stopped;
use tollgate_sim::cores;
use tollgate_sim::proxy::{self, Threading};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Tollgate beside plain proxies and prints ratios.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    measuring: Measuring,
}

#[derive(Debug, Clone, Args)]
struct Measuring {
    /// Two short rounds, done within a minute
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// How often to go through all peers
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds per scenario
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// A further peer, NAME=COMMAND;URL or NAME=COMMAND;URL;HEADERS_FILE, in which {port}, {upstream} and
    /// {dir} are filled in; may be repeated
    #[arg(long = "peer", value_name = "PEER")]
    peers: Vec<String>,
    /// Measure only peers whose names contain this; may be repeated
    #[arg(long)]
    only: Vec<String>,
    /// Where to write all figures as JSON
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

/// What this program also is, for the bench and for trying out.
#[derive(Debug, Subcommand)]
enum Role {
    /// The sandbox upstreams, one thread per core
    Sandbox(Serving),
    /// The bare reverse proxy
    Proxy {
        #[command(flatten)]
        serving: Serving,
        /// Host and port to forward to
        #[arg(long)]
        upstream: SocketAddr,
        #[arg(long)]
        threading: Threading,
    },
    /// Tollgate with everything on
    Gateway {
        #[command(flatten)]
        serving: Serving,
        /// Host and port to forward to
        #[arg(long)]
        upstream: SocketAddr,
        /// Whether answers wait for their settlement
        #[arg(long)]
        settlement: Settlement,
        /// Where to keep the database and the keys
        #[arg(long)]
        dir: PathBuf,
        /// How many customers share the load
        #[arg(long, default_value_t = 100)]
        customers: usize,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Settlement {
    Strict,
    Relaxed,
}

impl From<Settlement> for SettlementMode {
    fn from(settlement: Settlement) -> Self {
        match settlement {
            Settlement::Strict => Self::Strict,
            Settlement::Relaxed => Self::Relaxed,
        }
    }
}

#[derive(Debug, Args)]
struct Serving {
    #[arg(long)]
    listen: SocketAddr,
    /// End when standard input ends, that is, with whoever started this
    #[arg(long)]
    attached: bool,
}

/// How long an interrupted run may take to clean up.
const CLEAN_UP_WITHIN: Duration = Duration::from_secs(15);

/// Fails if any request of any peer did.
fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.role {
        None => measure(arguments.measuring),
        Some(Role::Sandbox(Serving { listen, attached })) => serve(attached, move || run_sandbox(listen)),
        Some(Role::Proxy { serving: Serving { listen, attached }, upstream, threading }) => {
            serve(attached, move || proxy::run(listen, upstream, threading))
        }
        Some(Role::Gateway { serving: Serving { listen, attached }, upstream, settlement, dir, customers }) => {
            serve(attached, move || gateway::run(listen, upstream, &dir, settlement.into(), customers))
        }
    }
}

fn measure(measuring: Measuring) -> Result<ExitCode> {
    let bench = in_background(measuring.clone())?;
    write!(io::stdout(), "{bench}")?;
    if let Some(folder) = measuring.json.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&measuring.json, serde_json::to_vec_pretty(&bench)?)
        .with_context(|| format!("cannot write {}", measuring.json.display()))?;
    Ok(if bench.failed() > 0.0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Measures in a thread of its own, so that a signal can end the children at any time.
#[tokio::main(flavor = "current_thread")]
async fn in_background(measuring: Measuring) -> Result<Bench> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let children = Children::new();
    let (done, mut bench) = oneshot::channel();
    let of_bench = children.clone();
    thread::spawn(move || {
        // Nobody waits for it any more only if the run was interrupted.
        let _ = done.send(run(&measuring, &of_bench));
    });
    tokio::select! {
        bench = &mut bench => return bench.context("the bench panicked")?,
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
    children.end_all();
    // Without its peers the run fails soon, and takes its files along.
    let _ = timeout(CLEAN_UP_WITHIN, bench).await;
    bail!("interrupted")
}

fn run(measuring: &Measuring, children: &Children) -> Result<Bench> {
    let program = env::current_exe().context("cannot find this program to start it as a peer")?;
    let mut peers =
        vec![Peer::direct(), Peer::bare(&program, Threading::WorkStealing), Peer::bare(&program, Threading::PerCore)];
    peers.extend(Peer::nginx());
    peers.extend([SettlementMode::Strict, SettlementMode::Relaxed].map(|mode| Peer::tollgate(&program, mode)));
    for peer in &measuring.peers {
        peers.push(Peer::parse(peer)?);
    }
    if !measuring.only.is_empty() {
        peers.retain(|peer| measuring.only.iter().any(|part| peer.name.contains(part)));
    }
    let effort = match measuring {
        Measuring { quick: true, .. } => Effort::quick(peers.len()),
        Measuring { rounds, seconds, .. } => {
            let per_scenario = Duration::try_from_secs_f64(*seconds).context("expected seconds above zero")?;
            Effort { rounds: *rounds, per_scenario }
        }
    };
    ensure!(!peers.is_empty() && effort.rounds > 0 && !effort.per_scenario.is_zero(), "there is nothing to measure");
    bench::run(&Peer::sandbox(&program), &peers, effort, children, &mut |progress| eprintln!("{progress}"))
}

fn run_sandbox(listen: SocketAddr) -> Result<()> {
    let service = Arc::new(Service::new(Arc::new(Stopped::IN_1970), Journal::remembering(0)));
    cores::serve_on_each(listen, |listener| {
        let service = Arc::clone(&service);
        async move {
            let _sandbox = Sandbox::serve(listener.into_std()?, service)?;
            std::future::pending().await
        }
    })
}

/// Runs `serve` until it fails or, if `attached`, until standard input ends.
fn serve(attached: bool, serve: impl FnOnce() -> Result<()> + Send + 'static) -> Result<ExitCode> {
    let (ended, first) = mpsc::channel();
    if attached {
        let ended = ended.clone();
        thread::spawn(move || {
            // However it ends, whoever held the other side is gone.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            ended.send(Ok(()))
        });
    }
    thread::spawn(move || ended.send(serve()));
    first.recv().context("serving panicked")??;
    Ok(ExitCode::SUCCESS)
}
