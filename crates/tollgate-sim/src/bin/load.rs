//! Sends HTTP requests and times the answers. See `tollgate_sim::load`.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use tollgate_sim::load::{self, Load, Pace, Timing};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sends HTTP/1.1 requests and times the answers.
#[derive(Debug, Parser)]
#[command(name = "tollgate-load")]
struct Arguments {
    /// http://host:port/path
    url: String,
    /// Connections to keep open
    #[arg(short, long, default_value_t = 64)]
    connections: usize,
    /// Seconds in which requests are sent
    #[arg(short, long, default_value_t = 5.0)]
    seconds: f64,
    /// Requests a second, evenly and answered or not; without it, as fast as they are answered
    #[arg(short, long)]
    rate: Option<f64>,
    /// Method; POST if there is a body, else GET
    #[arg(short, long)]
    method: Option<String>,
    /// Header line, `name: value`; may be repeated
    #[arg(short = 'H', long = "header")]
    headers: Vec<String>,
    /// File with header lines of which each request carries one, in turn
    #[arg(long)]
    rotate: Option<PathBuf>,
    /// Body
    #[arg(short, long, conflicts_with = "body_file")]
    body: Option<String>,
    /// File with the body
    #[arg(long)]
    body_file: Option<PathBuf>,
    /// Also time first bytes, first content deltas and the gaps between deltas
    #[arg(long)]
    stream: bool,
    /// Threads that share connections and rate
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Succeeds if every answer was a success.
fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let json = arguments.json;
    let report = load::run(&load(arguments)?)?;
    let text = if json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    io::stdout().write_all(text.as_bytes())?;
    Ok(if report.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn load(arguments: Arguments) -> Result<Load> {
    let body = match (arguments.body, &arguments.body_file) {
        (Some(body), _) => body.into_bytes(),
        (None, Some(path)) => fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        (None, None) => Vec::new(),
    };
    let rotating_headers = match &arguments.rotate {
        None => Vec::new(),
        Some(path) => {
            let lines = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            lines.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
        }
    };
    let method = arguments.method.unwrap_or_else(|| if body.is_empty() { "GET" } else { "POST" }.to_owned());
    Ok(Load {
        url: arguments.url,
        method,
        headers: arguments.headers,
        rotating_headers,
        body,
        connections: arguments.connections,
        pace: arguments.rate.map_or(Pace::Closed, |per_second| Pace::Open { per_second }),
        duration: Duration::try_from_secs_f64(arguments.seconds).context("expected seconds above zero")?,
        timing: if arguments.stream { Timing::Stream } else { Timing::Whole },
        threads: arguments.threads,
        stagger: Duration::ZERO,
    })
}
