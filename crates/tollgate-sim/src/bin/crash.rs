//! Kills Tollgate again and again and audits its books. See `tollgate_sim::crash`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use tollgate_sim::crash::{self, Options};

/// Kills Tollgate again and again and audits its books.
#[derive(Debug, Parser)]
#[command(name = "crash")]
struct Arguments {
    /// The binary to kill
    #[arg(long)]
    binary: PathBuf,
    /// How often it is killed while it serves
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// What the requests and the moments follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// An empty database; SQLite in a folder of its own if absent
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Connections that are kept busy
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

/// Succeeds if nothing was lost and nothing counted twice.
fn main() -> Result<ExitCode> {
    let Arguments { binary, kills, seed, store, connections } = Arguments::parse();
    let options = Options { binary, kills, seed, store, connections };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(crash::run(&options))?;
    let mut out = io::stdout().lock();
    for wrong in &figures.wrong {
        writeln!(out, "WRONG: {wrong}")?;
    }
    writeln!(out, "{figures}")?;
    Ok(if figures.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
