//! `tollgate ledger`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;
use tollgate_store::Store;
use tollgate_store::verify::Report;

use super::failure::{Failure, exit_code};
use super::{ConfigFile, ProcessEnvironment};
use crate::config::Config;
use crate::serve::store_options;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Prove that nothing was changed: hash chains, sums and balances. A Tollgate may run meanwhile.
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
struct Verify {
    #[command(flatten)]
    file: ConfigFile,
    /// The database, if not that of the configuration.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Print the report in JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let Verb::Verify(verify) = &args.verb;
    super::block_on(async { exit_code(prove(verify).await) })
}

async fn prove(args: &Verify) -> Result<(), Failure> {
    let url = match &args.store {
        Some(url) => url.clone(),
        None => Config::read(&args.file.config, &ProcessEnvironment)?.store.url,
    };
    let store = Store::open_beside(store_options(&url)).await?;
    let report = store.verify().await?;
    if args.json {
        super::say(&json!({ "sound": report.is_sound(), "report": report }).to_string());
    }
    match report.problems.first() {
        None if args.json => Ok(()),
        None => {
            super::say(&figures(&report));
            Ok(())
        }
        Some(first) => {
            let others = report.problems[1..].iter().map(|problem| format!("\nerror: {problem}"));
            Err(Failure::Refused(format!("the ledger is not sound: {first}{}", others.collect::<String>())))
        }
    }
}

fn figures(report: &Report) -> String {
    format!(
        "The ledger is sound.\n\ntransfers          {}\nsettlement groups  {}\naudit entries      {}",
        report.transfers, report.settlement_groups, report.audit_entries
    )
}
