//! `tollgate usage`, `tollgate audit` and `tollgate clock`: what was used, who changed what, what time it is.

use std::process::ExitCode;

use serde_json::json;

use super::server::Server;
use super::session::{Part, Query};
use super::view::{page, sheet};

/// What a customer used.
#[derive(Debug, clap::Args)]
pub(super) struct Usage {
    /// `cus_...`
    customer: String,
    /// From this instant on; the last 31 days if absent.
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    /// Before this instant.
    #[arg(long, value_name = "INSTANT")]
    to: Option<String>,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    server: Server,
}

/// Who changed what.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// Only changes to this: an id, or `plan:KEY`, `api:KEY`.
    #[arg(long)]
    subject: Option<String>,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    server: Server,
}

/// The clock.
#[derive(Debug, clap::Args)]
pub(super) struct Clock {
    /// Move it on by so much: `30 days`, `1 month`. In a sandbox only.
    #[arg(long, conflicts_with = "to")]
    by: Option<String>,
    /// Move it on to this instant. In a sandbox only.
    #[arg(long, value_name = "INSTANT")]
    to: Option<String>,
    #[command(flatten)]
    server: Server,
}

pub(super) fn usage(args: Usage) -> ExitCode {
    args.server.clone().run(async |session| {
        let query = args.part.query().with("from", args.from).with("to", args.to);
        let answer = session.get(&["customers", &args.customer, "usage"], &query).await?;
        let fields = [
            ("hour", "/hour"),
            ("route", "/route"),
            ("model", "/model"),
            ("key", "/key"),
            ("outcome", "/outcome"),
            ("requests", "/requests"),
            ("cost", "/cost"),
            ("usage", "/usage"),
        ];
        session.show(&answer, |answer| page(answer, &fields));
        Ok(())
    })
}

pub(super) fn audit(args: Audit) -> ExitCode {
    args.server.clone().run(async |session| {
        let answer = session.get(&["audit"], &args.part.query().with("subject", args.subject)).await?;
        let fields =
            [("seq", "/seq"), ("at", "/at"), ("actor", "/actor"), ("action", "/action"), ("subject", "/subject")];
        session.show(&answer, |answer| page(answer, &fields));
        Ok(())
    })
}

pub(super) fn clock(args: Clock) -> ExitCode {
    args.server.clone().run(async |session| {
        let answer = match (args.by, args.to) {
            (None, None) => session.get(&["clock"], &Query::default()).await?,
            (Some(by), _) => session.post(&["clock"], &json!({ "by": by })).await?,
            (None, Some(to)) => session.post(&["clock"], &json!({ "to": to })).await?,
        };
        session.show(&answer, |clock| sheet(clock, &[("now", "/now"), ("can be moved", "/can_be_moved")]));
        Ok(())
    })
}
