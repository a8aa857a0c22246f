//! `tollgate application`.

use std::process::ExitCode;

use clap::Subcommand;
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
    /// Create an application: a program of a customer, which owns keys.
    Create {
        /// `cus_...`
        customer: String,
        /// Its name.
        name: String,
    },
    /// List the applications of a customer.
    List {
        /// `cus_...`
        customer: String,
        #[command(flatten)]
        part: Part,
    },
}

const FIELDS: &[Field] = &[("id", "/id"), ("name", "/name"), ("caps", "/caps"), ("created", "/created_at")];

pub(super) fn run(args: Args) -> ExitCode {
    args.server.clone().run(async |session| act(session, args.verb).await)
}

async fn act(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create { customer, name } => {
            let body = json!({ "name": name });
            let answer = session.post(&["customers", &customer, "applications"], &body).await?;
            session.show(&answer, |application| sheet(application, FIELDS));
        }
        Verb::List { customer, part } => {
            let answer = session.get(&["customers", &customer, "applications"], &part.query()).await?;
            session.show(&answer, |answer| page(answer, FIELDS));
        }
    }
    Ok(())
}
