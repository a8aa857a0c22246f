//! `tollgate request`: what happened, and how to fix it.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;
use tollgate_core::decision::Reason;

use super::failure::Failure;
use super::server::Server;
use super::session::{Part, Query, Session};
use super::view::{Field, page, sheet, text};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show a request: what happened, what it cost, and how to fix it if it was refused.
    Show {
        /// `req_...`
        request: String,
    },
    /// List requests, newest first.
    List {
        /// Of this customer.
        #[arg(long)]
        customer: Option<String>,
        /// Refused for this reason.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        part: Part,
    },
}

const SHEET: &[Field] = &[
    ("id", "/id"),
    ("at", "/at"),
    ("customer", "/customer"),
    ("application", "/application"),
    ("key", "/key"),
    ("method", "/method"),
    ("path", "/path"),
    ("route", "/route"),
    ("model", "/model"),
    ("status", "/status"),
    ("reason", "/reason"),
    ("usage", "/usage"),
    ("cost", "/cost"),
    ("currency", "/currency"),
    ("microseconds", "/total_us"),
];

pub(super) fn run(args: Args) -> ExitCode {
    args.server.clone().run(async |session| act(session, args.verb).await)
}

async fn act(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Show { request } => {
            let answer = session.get(&["requests", &request], &Query::default()).await?;
            session.show(&answer, explained);
        }
        Verb::List { customer, reason, part } => {
            let query = part.query().with("customer", customer).with("reason", reason);
            let answer = session.get(&["requests"], &query).await?;
            let fields = [
                ("id", "/id"),
                ("at", "/at"),
                ("method", "/method"),
                ("path", "/path"),
                ("status", "/status"),
                ("reason", "/reason"),
                ("cost", "/cost"),
            ];
            session.show(&answer, |answer| page(answer, &fields));
        }
    }
    Ok(())
}

fn explained(call: &Value) -> String {
    let mut lines = vec![sheet(call, SHEET)];
    let told = text(call, "/problem/detail");
    if told != "-" {
        lines.push(format!("\nThe caller was told: {told}"));
    }
    let actions = call.pointer("/problem/actions").and_then(Value::as_array);
    match actions.filter(|actions| !actions.is_empty()) {
        Some(actions) => {
            lines.push("\nWhat ends it:".to_owned());
            lines.extend(actions.iter().map(|action| match text(action, "/url") {
                url if url == "-" => format!("- {}", text(action, "/title")),
                url => format!("- {}: {url}", text(action, "/title")),
            }));
        }
        // What the caller was told is not always kept; what ends a reason is known all the same.
        None => {
            let reason = call["reason"].as_str().and_then(|code| code.parse::<Reason>().ok());
            if let Some(reason) = reason {
                lines.push(format!("\n{}. What ends it:", reason.title()));
                lines.extend(reason.actions().iter().map(|action| format!("- {}", action.title())));
            }
        }
    }
    lines.join("\n")
}
