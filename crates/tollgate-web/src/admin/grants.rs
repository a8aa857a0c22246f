//! Grants: credit in a customer's wallet.

use axum::extract::State;
use serde::Serialize;
use tollgate_store::definition::{CustomerIdText, GrantIdText};
use tollgate_store::grants::{GrantRow, NewGrant, Origin};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Asked, Deed, Failures, Named, Nothing, Page, Part, Problem, Sent};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(give_grant, list_grants)).routes(routes!(void_grant))
}

/// Give a customer credit.
#[utoipa::path(
    post, path = "/customers/{customer}/grants", tag = "wallet", request_body = NewGrant,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses((status = 201, description = "It is in the wallet.", body = GrantRow), Failures)
)]
async fn give_grant(State(web): State<Web>, Named(customer): Named<CustomerIdText>, sent: Sent<NewGrant>) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    let grant = deed.change().add_grant(customer.0, Origin::Given, &sent.value).await?;
    deed.created(&grant).await
}

/// List the grants of a customer of which something is left, oldest first.
#[utoipa::path(
    get, path = "/customers/{customer}/grants", tag = "wallet",
    params(("customer" = String, Path, description = "`cus_...`"), Part),
    responses((status = 200, description = "A page of them.", body = Page<GrantRow>), Failures)
)]
async fn list_grants(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    Asked(part): Asked<Part>,
) -> Result<Page<GrantRow>, Problem> {
    web.store().customer(customer.0).await?;
    Page::cut(web.store().grants(customer.0).await?, &part, |grant| grant.id.0.to_string())
}

/// A grant that was taken back.
#[derive(Serialize, utoipa::ToSchema)]
struct Voided {
    /// Which.
    id: GrantIdText,
}

/// Take back what is left of a grant.
#[utoipa::path(
    delete, path = "/customers/{customer}/grants/{grant}", tag = "wallet",
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("grant" = String, Path, description = "`grn_...`"),
    ),
    responses((status = 200, description = "It is gone.", body = Voided), Failures)
)]
async fn void_grant(
    State(web): State<Web>,
    Named((customer, grant)): Named<(CustomerIdText, GrantIdText)>,
    sent: Sent<Nothing>,
) -> Answer {
    // What was spent of it just now must be known before the rest is taken back.
    web.store().fold_customer(customer.0).await?;
    let mut deed = Deed::begin(&web, sent.once).await?;
    deed.change().void_grant(customer.0, grant.0).await?;
    deed.done(&Voided { id: grant }).await
}
