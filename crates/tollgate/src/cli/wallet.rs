//! `tollgate top-up` and `tollgate grant`: what fills a wallet.

use std::process::ExitCode;

use serde_json::json;

use super::server::Server;
use super::view::{Field, sheet};

/// Prepaid money.
#[derive(Debug, clap::Args)]
pub(super) struct TopUp {
    /// `cus_...`
    customer: String,
    /// How much, in the customer's currency: 25.00
    #[arg(allow_negative_numbers = true)]
    amount: String,
    /// Charge the payment method on file; else the money has come already.
    #[arg(long)]
    from_payment_method: bool,
    /// What the bank calls the payment.
    #[arg(long, default_value = "")]
    reference: String,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    server: Server,
}

/// Credit that is given.
#[derive(Debug, clap::Args)]
pub(super) struct Grant {
    /// `cus_...`
    customer: String,
    /// How much, in the customer's currency: 25.00
    #[arg(allow_negative_numbers = true)]
    amount: String,
    /// Lower ones are spent first.
    #[arg(long, default_value_t = 50)]
    priority: u8,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    server: Server,
}

/// For what it may be spent, and until when.
#[derive(Debug, clap::Args)]
struct Terms {
    /// An API or route on which it may be spent; everything if absent.
    #[arg(long, value_name = "ROUTE")]
    scope: Vec<String>,
    /// When it expires, as in 2027-01-31T00:00:00Z; never if absent.
    #[arg(long, value_name = "INSTANT")]
    expires_at: Option<String>,
    /// For the records.
    #[arg(long, default_value = "")]
    note: String,
}

pub(super) fn top_up(args: TopUp) -> ExitCode {
    args.server.clone().run(async |session| {
        let source = if args.from_payment_method { "payment_method" } else { "manual" };
        let body = json!({
            "amount": args.amount, "source": source, "reference": args.reference, "scope": args.terms.scope,
            "expires_at": args.terms.expires_at, "note": args.terms.note,
        });
        let answer = session.post(&["customers", &args.customer, "top-ups"], &body).await?;
        let fields: [Field; 7] = [
            ("grant", "/grant/id"),
            ("amount", "/grant/amount"),
            ("currency", "/grant/currency"),
            ("scope", "/grant/scope"),
            ("expires", "/grant/expires_at"),
            ("payment", "/payment/id"),
            ("paid by", "/payment/provider"),
        ];
        session.show(&answer, |topped_up| sheet(topped_up, &fields));
        Ok(())
    })
}

pub(super) fn grant(args: Grant) -> ExitCode {
    args.server.clone().run(async |session| {
        let body = json!({
            "amount": args.amount, "priority": args.priority, "scope": args.terms.scope,
            "expires_at": args.terms.expires_at, "note": args.terms.note,
        });
        let answer = session.post(&["customers", &args.customer, "grants"], &body).await?;
        let fields: [Field; 6] = [
            ("grant", "/id"),
            ("amount", "/amount"),
            ("currency", "/currency"),
            ("priority", "/priority"),
            ("scope", "/scope"),
            ("expires", "/expires_at"),
        ];
        session.show(&answer, |grant| sheet(grant, &fields));
        Ok(())
    })
}
