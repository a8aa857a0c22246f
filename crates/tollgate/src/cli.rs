//! What people type.

mod demo;
mod serve;
mod signal;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing::error;

use crate::config::Environment;

/// Mistakes in the configuration or in what was typed.
const BAD_CONFIG: u8 = 2;

/// A gateway that gets API providers paid.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See everything at work: sandbox upstreams, simulated payments, a customer for every reason.
    Demo(demo::Args),
    /// Serve: the gateway on its address, the control plane on its own.
    Serve(ConfigFile),
}

/// Which configuration.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file.
    #[arg(long, short, default_value = "tollgate.toml", env = "TOLLGATE_CONFIG")]
    config: PathBuf,
}

impl Cli {
    /// Runs the command.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Demo(args) => demo::run(args),
            Command::Serve(file) => serve::run(&file.config),
        }
    }
}

/// The environment of the process: the one place that reads it.
pub(crate) struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "configuration is read here, once")]
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Log lines go to standard error; `TOLLGATE_LOG` chooses which, `level` if it is not set.
fn start_logging(level: &str) {
    let filter = ProcessEnvironment.get("TOLLGATE_LOG").unwrap_or_else(|| format!("{level},sqlx=warn"));
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|_| level.into());
    let ansi = std::io::stderr().is_terminal();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).try_init();
}

/// Runs the control plane's side of the process, on threads that the data plane does not use.
fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            error!("cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints `text` on standard output. A reader that has left is no error.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
}
