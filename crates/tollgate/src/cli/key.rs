//! `tollgate key`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

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
    /// Create a key. Its text is printed once and nobody sees it again.
    Create(New),
    /// List the keys of a customer, also revoked ones.
    List {
        /// `cus_...`
        customer: String,
        #[command(flatten)]
        part: Part,
    },
    /// Revoke a key at once.
    Revoke {
        /// `key_...`
        key: String,
    },
}

#[derive(Debug, clap::Args)]
struct New {
    /// `app_...`
    application: String,
    /// Its name.
    name: String,
    /// A scope that it carries.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// An API that it may use; all if absent.
    #[arg(long = "api", value_name = "API")]
    apis: Vec<String>,
    /// A model that it may use; all if absent.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// A web origin that may use it; all if absent.
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// A network that may use it; all if absent.
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<String>,
    /// When it stops working, as in 2027-01-31T00:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    expires_at: Option<String>,
}

const SHEET: &[Field] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("application", "/application"),
    ("begins with", "/hint"),
    ("policy", "/policy"),
    ("expires", "/expires_at"),
    ("revoked", "/revoked_at"),
    ("created", "/created_at"),
];

pub(super) fn run(args: Args) -> ExitCode {
    args.server.clone().run(async |session| act(session, args.verb).await)
}

async fn act(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(new) => {
            let New { application, name, scopes, apis, models, origins, networks, expires_at } = new;
            let policy = json!({
                "scopes": scopes, "apis": apis, "models": models, "origins": origins, "networks": networks,
            });
            let body = json!({ "name": name, "policy": policy, "expires_at": expires_at });
            let answer = session.post(&["applications", &application, "keys"], &body).await?;
            session.show(&answer, created);
        }
        Verb::List { customer, part } => {
            let answer = session.get(&["customers", &customer, "keys"], &part.query()).await?;
            let fields = [
                ("id", "/id"),
                ("name", "/name"),
                ("application", "/application"),
                ("begins with", "/hint"),
                ("expires", "/expires_at"),
                ("revoked", "/revoked_at"),
            ];
            session.show(&answer, |answer| page(answer, &fields));
        }
        Verb::Revoke { key } => {
            let answer = session.delete(&["keys", &key]).await?;
            session.show(&answer, |key| sheet(key, SHEET));
        }
    }
    Ok(())
}

fn created(answer: &Value) -> String {
    let key = sheet(&answer["key"], SHEET);
    match answer["text"].as_str() {
        Some(text) => format!("{key}\n\nKeep this, it is shown once:\n{text}"),
        None => format!("{key}\n\nIts text was shown when it was created. Revoke it if that was lost."),
    }
}
