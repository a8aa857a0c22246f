//! `tollgate approval`.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::failure::Failure;
use super::server::Server;
use super::session::{Part, Session};
use super::view::{Field, page, sheet};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List requests for access, oldest first.
    List {
        /// Only those of this status: pending, approved, rejected.
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        part: Part,
    },
    /// Approve or reject access, whether it was asked for or not.
    Decide {
        /// `app_...`
        application: String,
        /// The API's key.
        api: String,
        /// What holds from the next request on.
        decision: Decision,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Decision {
    Approve,
    Reject,
}

const FIELDS: &[Field] = &[
    ("application", "/application"),
    ("api", "/api"),
    ("status", "/status"),
    ("requested", "/requested_at"),
    ("decided", "/decided_at"),
    ("note", "/note"),
];

pub(super) fn run(args: Args) -> ExitCode {
    args.server.clone().run(async |session| act(session, args.verb).await)
}

async fn act(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List { status, part } => {
            let answer = session.get(&["approvals"], &part.query().with("status", status)).await?;
            session.show(&answer, |answer| page(answer, FIELDS));
        }
        Verb::Decide { application, api, decision } => {
            let decision = match decision {
                Decision::Approve => "approved",
                Decision::Reject => "rejected",
            };
            let body = json!({ "application": application, "api": api, "decision": decision });
            let answer = session.post(&["approvals"], &body).await?;
            session.show(&answer, |approval| sheet(approval, FIELDS));
        }
    }
    Ok(())
}
