//! What people type.

mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A gateway that gets API providers paid.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
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
            Command::Serve(file) => serve::run(&file.config),
        }
    }
}

/// The environment of the process: the one place that reads it.
pub(crate) struct ProcessEnvironment;

impl crate::config::Environment for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "configuration is read here, once")]
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
