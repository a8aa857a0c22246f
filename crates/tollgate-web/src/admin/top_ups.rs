//! Top-ups: money that a customer pays in advance.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use tollgate_core::money::Money;
use tollgate_store::definition::{Amount, At, CustomerIdText};
use tollgate_store::grants::{GrantRow, NewGrant, Origin};
use tollgate_store::payments::PaymentRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::source::Source;
use super::{Answer, Deed, Failures, Members, Named, Problem, Sent};
use crate::Web;
use crate::payment::Bill;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(top_up))
}

/// A top-up.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTopUp {
    /// How much, in the customer's currency.
    amount: Amount,
    /// Where the money comes from; `manual` if absent.
    #[serde(default)]
    source: Source,
    /// What the bank calls the payment, with `source: manual`.
    #[serde(default)]
    reference: String,
    /// APIs and routes it may be spent on; empty for everything.
    #[serde(default)]
    scope: Vec<String>,
    /// When it expires; never if absent.
    #[serde(default)]
    expires_at: Option<At>,
    /// For the records.
    #[serde(default)]
    note: String,
}

/// What a top-up came to.
#[derive(Serialize, utoipa::ToSchema)]
struct ToppedUp {
    /// The credit in the wallet.
    grant: GrantRow,
    /// The payment.
    payment: PaymentRow,
}

/// Add prepaid money to a customer's wallet.
#[utoipa::path(
    post, path = "/customers/{customer}/top-ups", tag = "wallet", request_body = NewTopUp,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses(
        (status = 201, description = "It is in the wallet, and the next request is judged by it.", body = ToppedUp),
        (status = 402, description = "The payment provider declined.", body = Members, content_type = "application/problem+json"),
        Failures
    )
)]
async fn top_up(State(web): State<Web>, Named(customer): Named<CustomerIdText>, sent: Sent<NewTopUp>) -> Answer {
    let NewTopUp { amount, source, reference, scope, expires_at, note } = sent.value;
    let new = NewGrant { amount, scope, expires_at, note, ..grant_of(amount) };
    let owner = web.store().customer(customer.0).await?;
    if amount.0.ceil_to_minor(owner.currency.0) != amount.0 {
        return Err(Problem::invalid("amount", "whole minor units of the customer's currency").into());
    }
    let money = Money::new(amount.0, owner.currency.0);
    let bill = Bill { customer: customer.0, money, purpose: "Top-up".to_owned(), once: String::new() };
    let _lane = web.enter(customer.0).await;
    // What the wallet would refuse must not be paid first.
    new.check(web.store().now())?;
    let payment = source.collect(&web, bill, &reference, &sent.once).await?;
    let mut deed = Deed::begin(&web, sent.once).await?;
    let grant = deed.change().add_grant(customer.0, Origin::Paid { provider: &payment.provider }, &new).await?;
    deed.change().record_payment(&payment).await?;
    deed.created(&ToppedUp { grant, payment }).await
}

fn grant_of(amount: Amount) -> NewGrant {
    NewGrant { amount, priority: 50, scope: Vec::new(), effective_at: None, expires_at: None, note: String::new() }
}
