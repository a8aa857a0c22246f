//! What people type.
//!
//! A file for each group of commands. What speaks with a running Tollgate says which in `server` and goes
//! through `session`, what is printed for people goes through `view`, and every way to fail is a `Failure`
//! with its exit code.

mod application;
mod approval;
mod check;
mod customer;
mod demo;
mod estimate;
mod failure;
mod figures;
mod init;
mod key;
mod ledger;
mod migrate;
mod openapi;
mod outlook;
mod plan;
mod prices;
mod request;
mod serve;
mod server;
mod session;
mod signal;
mod view;
mod wallet;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing::error;

use crate::config::Environment;

/// A gateway that gets API providers paid.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, max_term_width = 100, after_help = failure::EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

// In the order in which somebody new needs them: look, write down, serve, sell, look after it.
#[derive(Debug, Subcommand)]
enum Command {
    /// See everything at work: sandbox upstreams, simulated payments, a customer for every reason.
    Demo(demo::Args),
    /// Write a configuration to begin with.
    Init(init::Args),
    /// Prove a configuration, and show what it would serve.
    Check(check::Args),
    /// Serve: the gateway on its address, the control plane on its own.
    Serve(ConfigFile),
    /// Create, list, show and close customers.
    Customer(customer::Args),
    /// Create and list applications: the programs of customers.
    Application(application::Args),
    /// Create, list and revoke API keys.
    Key(key::Args),
    /// List and show plans.
    Plan(plan::Args),
    /// Put a customer on a plan. Nothing is charged.
    Subscribe(plan::Subscribe),
    /// Put prepaid money into a customer's wallet.
    TopUp(wallet::TopUp),
    /// Give a customer credit.
    Grant(wallet::Grant),
    /// Decide who may use an API that needs an approval.
    Approval(approval::Args),
    /// Look at requests: what happened, and how to fix it.
    Request(request::Args),
    /// List what a customer used, by the hour.
    Usage(figures::Usage),
    /// Estimate what a request would cost.
    Estimate(estimate::Args),
    /// Import and show the prices of models.
    Prices(prices::Args),
    /// List who changed what.
    Audit(figures::Audit),
    /// Read the clock; in a sandbox move it on.
    Clock(figures::Clock),
    /// Verify the ledger.
    Ledger(ledger::Args),
    /// Bring the database's schema to this version. `serve` does that by itself.
    Migrate(ConfigFile),
    /// Print the OpenAPI document of the admin API.
    Openapi,
}

/// Which configuration.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file.
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "tollgate.toml",
        env = "TOLLGATE_CONFIG",
        hide_env_values = true
    )]
    config: PathBuf,
}

impl Cli {
    /// Runs the command.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Demo(args) => demo::run(args),
            Command::Init(args) => init::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Serve(file) => serve::run(&file.config),
            Command::Customer(args) => customer::run(args),
            Command::Application(args) => application::run(args),
            Command::Key(args) => key::run(args),
            Command::Plan(args) => plan::run(args),
            Command::Subscribe(args) => plan::subscribe(args),
            Command::TopUp(args) => wallet::top_up(args),
            Command::Grant(args) => wallet::grant(args),
            Command::Approval(args) => approval::run(args),
            Command::Request(args) => request::run(args),
            Command::Usage(args) => figures::usage(args),
            Command::Estimate(args) => estimate::run(&args),
            Command::Prices(args) => prices::run(args),
            Command::Audit(args) => figures::audit(args),
            Command::Clock(args) => figures::clock(args),
            Command::Ledger(args) => ledger::run(&args),
            Command::Migrate(file) => migrate::run(&file),
            Command::Openapi => openapi::run(),
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
