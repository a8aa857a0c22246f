//! `tollgate customer`.

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
    /// Create a customer.
    Create(New),
    /// List customers, oldest first.
    List {
        /// An id, or a part of the name or e-mail address.
        #[arg(long)]
        search: Option<String>,
        #[command(flatten)]
        part: Part,
    },
    /// Show a customer.
    Show {
        /// `cus_...`
        customer: String,
    },
    /// Show what the next request is judged by: balance, plan, quotas, limits, caps.
    Standing {
        /// `cus_...`
        customer: String,
    },
    /// Close a customer for good: nothing is served any more.
    Close {
        /// `cus_...`
        customer: String,
    },
}

#[derive(Debug, clap::Args)]
struct New {
    /// The name on invoices.
    name: String,
    /// Where notices go.
    #[arg(long, default_value = "")]
    email: String,
    /// What the wallet and invoices are in.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// The zone in which days and months begin.
    #[arg(long, default_value = "UTC")]
    time_zone: String,
}

const SHEET: &[Field] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("email", "/email"),
    ("status", "/status"),
    ("under review", "/frozen"),
    ("currency", "/currency"),
    ("time zone", "/time_zone"),
    ("caps", "/caps"),
    ("commitment", "/commitment"),
    ("simulated fault", "/simulated_fault"),
    ("created", "/created_at"),
];

pub(super) fn run(args: Args) -> ExitCode {
    args.server.clone().run(async |session| act(session, args.verb).await)
}

async fn act(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(new) => {
            let New { name, email, currency, time_zone } = new;
            let body = json!({ "name": name, "email": email, "currency": currency, "time_zone": time_zone });
            let answer = session.post(&["customers"], &body).await?;
            session.show(&answer, |customer| sheet(customer, SHEET));
        }
        Verb::List { search, part } => {
            let answer = session.get(&["customers"], &part.query().with("search", search)).await?;
            let fields = [("id", "/id"), ("name", "/name"), ("email", "/email"), ("status", "/status")];
            session.show(&answer, |answer| page(answer, &fields));
        }
        Verb::Show { customer } => {
            let answer = session.get(&["customers", &customer], &Query::default()).await?;
            session.show(&answer, |customer| sheet(customer, SHEET));
        }
        Verb::Standing { customer } => {
            let answer = session.get(&["customers", &customer, "standing"], &Query::default()).await?;
            session.show(&answer, standing);
        }
        Verb::Close { customer } => {
            let answer = session.patch(&["customers", &customer], &json!({ "status": "closed" })).await?;
            session.show(&answer, |customer| sheet(customer, SHEET));
        }
    }
    Ok(())
}

fn standing(standing: &Value) -> String {
    let mut text = sheet(
        standing,
        &[
            ("customer", "/customer"),
            ("status", "/status"),
            ("under review", "/under_review"),
            ("available", "/balance/available"),
            ("reserved", "/balance/reserved"),
            ("on account", "/balance/on_account"),
            ("currency", "/balance/currency"),
            ("plan", "/subscription/plan"),
            ("subscription", "/subscription/status"),
            ("add-ons", "/subscription/add_ons"),
            ("period ends", "/subscription/period/end"),
        ],
    );
    let lists: [(&str, &[Field]); 3] = [
        (
            "quotas",
            &[("quota", "/id"), ("limit", "/limit"), ("used", "/used"), ("held", "/held"), ("resets", "/resets_at")],
        ),
        ("rate_limits", &[("rate limit", "/id"), ("limit", "/limit"), ("unit", "/unit"), ("remaining", "/remaining")]),
        ("spend_caps", &[("spend cap", "/scope"), ("limit", "/limit"), ("period", "/period"), ("spent", "/spent")]),
    ];
    for (member, fields) in lists {
        let items = standing[member].as_array().map_or(&[][..], Vec::as_slice);
        if !items.is_empty() {
            text.push_str("\n\n");
            text.push_str(&table(items, fields));
        }
    }
    text
}
