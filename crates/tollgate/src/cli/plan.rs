//! `tollgate plan` and `tollgate subscribe`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::failure::Failure;
use super::server::Server;
use super::session::{Part, Query, Session};
use super::view::{Field, page, sheet, table};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the newest version of every published plan.
    List {
        #[command(flatten)]
        part: Part,
    },
    /// Show a plan.
    Show {
        /// Its key.
        plan: String,
        /// Which version; the newest if absent.
        #[arg(long)]
        version: Option<u32>,
    },
}

/// Put a customer on a plan.
#[derive(Debug, clap::Args)]
pub(super) struct Subscribe {
    /// `cus_...`
    customer: String,
    /// The plan's key.
    plan: String,
    /// Which version; the newest if absent.
    #[arg(long)]
    plan_version: Option<u32>,
    /// An add-on besides.
    #[arg(long = "add-on", value_name = "KEY")]
    add_ons: Vec<String>,
    #[command(flatten)]
    server: Server,
}

const LIST: &[Field] = &[
    ("plan", "/definition/key"),
    ("version", "/version"),
    ("name", "/definition/name"),
    ("price", "/definition/base_price"),
    ("currency", "/definition/currency"),
    ("period", "/definition/period"),
    ("payment", "/definition/payment"),
    ("on sale", "/definition/on_sale"),
];

pub(super) fn run(args: Args) -> ExitCode {
    args.server.clone().run(async |session| act(session, args.verb).await)
}

async fn act(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List { part } => {
            let answer = session.get(&["plans"], &part.query()).await?;
            session.show(&answer, |answer| page(answer, LIST));
        }
        Verb::Show { plan, version } => {
            let answer = session.get(&["plans", &plan], &Query::default().with("version", version)).await?;
            session.show(&answer, shown);
        }
    }
    Ok(())
}

fn shown(edition: &Value) -> String {
    let more: [Field; 8] = [
        ("trial days", "/definition/trial_days"),
        ("grace days", "/definition/grace_days"),
        ("credit limit", "/definition/credit_limit"),
        ("payment method", "/definition/payment_method"),
        ("features", "/definition/features"),
        ("models", "/definition/models"),
        ("model markup", "/definition/model_markup"),
        ("context tokens", "/definition/context_tokens_max"),
    ];
    let mut text = sheet(edition, &[LIST, &more].concat());
    let lists: [(&str, &[Field]); 2] = [
        (
            "quota",
            &[("quota", "/id"), ("meter", "/meter"), ("limit", "/limit"), ("period", "/period"), ("past", "/past")],
        ),
        (
            "rate_limit",
            &[
                ("rate limit", "/id"),
                ("requests", "/requests"),
                ("tokens", "/tokens"),
                ("concurrency", "/concurrency"),
                ("seconds", "/per_seconds"),
            ],
        ),
    ];
    for (member, fields) in lists {
        let items = edition["definition"][member].as_array().map_or(&[][..], Vec::as_slice);
        if !items.is_empty() {
            text.push_str("\n\n");
            text.push_str(&table(items, fields));
        }
    }
    text
}

pub(super) fn subscribe(args: Subscribe) -> ExitCode {
    args.server.clone().run(async |session| {
        let Subscribe { customer, plan, plan_version, add_ons, .. } = args;
        let body = json!({ "plan": plan, "plan_version": plan_version, "add_ons": add_ons });
        let answer = session.post(&["customers", &customer, "subscriptions"], &body).await?;
        let fields = [
            ("id", "/id"),
            ("customer", "/customer"),
            ("plan", "/plan"),
            ("version", "/plan_version"),
            ("add-ons", "/add_ons"),
            ("status", "/state/status"),
            ("since", "/anchor_at"),
        ];
        session.show(&answer, |subscription| sheet(subscription, &fields));
        Ok(())
    })
}
