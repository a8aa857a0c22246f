//! `tollgate check`.

use std::process::ExitCode;

use serde_json::json;

use super::failure::{Failure, exit_code};
use super::{ConfigFile, ProcessEnvironment, outlook};
use crate::config::{Config, ConfigError};
use crate::proof::{Proof, Unproven};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Print what was found in JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    super::block_on(async { exit_code(check(args).await) })
}

async fn check(args: &Args) -> Result<(), Failure> {
    match prove(args).await {
        Ok((config, proof)) => {
            let outlook = outlook::of(&config, &proof);
            let text = match args.json {
                true => json!({ "ok": true, "errors": [], "serves": outlook }).to_string(),
                false => format!("{} is good. It serves:\n\n{outlook}", args.file.config.display()),
            };
            super::say(&text);
            Ok(())
        }
        Err(Unproven::Mistakes(mistakes)) => {
            if args.json {
                let errors: Vec<_> = mistakes.iter().map(in_json).collect();
                super::say(&json!({ "ok": false, "errors": errors }).to_string());
            }
            Err(Failure::mistakes(&mistakes))
        }
        Err(Unproven::Untried(error)) => Err(Failure::Refused(format!("{error:#}"))),
    }
}

async fn prove(args: &Args) -> Result<(Config, Proof), Unproven> {
    let config = Config::read(&args.file.config, &ProcessEnvironment).map_err(Unproven::Mistakes)?;
    let proof = Proof::of(&config).await?;
    Ok((config, proof))
}

fn in_json(mistake: &ConfigError) -> serde_json::Value {
    json!({ "file": mistake.file, "line": mistake.line, "message": mistake.message })
}
