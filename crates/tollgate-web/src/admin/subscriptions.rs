//! Subscriptions: which plan, where it stands, which add-ons.

use axum::extract::State;
use serde::Deserialize;
use tollgate_core::id::{CustomerId, SubscriptionId};
use tollgate_store::Change;
use tollgate_store::definition::{CustomerIdText, SubscriptionIdText};
use tollgate_store::subscriptions::{self, NewSubscription, SubscriptionRow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Asked, Deed, Failures, Named, Page, Part, Problem, Sent, Stop};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(subscribe, list_subscriptions))
        .routes(routes!(update_subscription))
        .routes(routes!(add_add_on))
}

/// Put a customer on a plan. An earlier subscription ends. Nothing is charged.
#[utoipa::path(
    post, path = "/customers/{customer}/subscriptions", tag = "subscriptions", request_body = NewSubscription,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses((status = 201, description = "The subscription.", body = SubscriptionRow), Failures)
)]
async fn subscribe(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    sent: Sent<NewSubscription>,
) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    let subscription = deed.change().subscribe(customer.0, &sent.value).await?;
    deed.created(&subscription).await
}

/// List the subscriptions of a customer; the one that counts comes first.
#[utoipa::path(
    get, path = "/customers/{customer}/subscriptions", tag = "subscriptions",
    params(("customer" = String, Path, description = "`cus_...`"), Part),
    responses((status = 200, description = "A page of them.", body = Page<SubscriptionRow>), Failures)
)]
async fn list_subscriptions(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    Asked(part): Asked<Part>,
) -> Result<Page<SubscriptionRow>, Problem> {
    web.store().customer(customer.0).await?;
    Page::cut(web.store().subscriptions(customer.0).await?, &part, |subscription| subscription.id.0.to_string())
}

/// What changes about a subscription.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscriptionPatch {
    /// Where it stands from now on.
    state: subscriptions::State,
}

/// Move a subscription to another state.
#[utoipa::path(
    patch, path = "/customers/{customer}/subscriptions/{subscription}", tag = "subscriptions",
    request_body = SubscriptionPatch,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("subscription" = String, Path, description = "`sub_...`; only the one that counts can be changed."),
    ),
    responses((status = 200, description = "The subscription as it is now.", body = SubscriptionRow), Failures)
)]
async fn update_subscription(
    State(web): State<Web>,
    Named((customer, id)): Named<(CustomerIdText, SubscriptionIdText)>,
    sent: Sent<SubscriptionPatch>,
) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    must_count(deed.change(), customer.0, id.0).await?;
    let subscription = deed.change().set_subscription_state(customer.0, &sent.value.state).await?;
    deed.done(&subscription).await
}

/// An add-on to be added.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAddOn {
    /// Its key.
    add_on: String,
}

/// Add an add-on to a subscription. Nothing is charged.
#[utoipa::path(
    post, path = "/customers/{customer}/subscriptions/{subscription}/add-ons", tag = "subscriptions",
    request_body = NewAddOn,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("subscription" = String, Path, description = "`sub_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses((status = 200, description = "The subscription as it is now.", body = SubscriptionRow), Failures)
)]
async fn add_add_on(
    State(web): State<Web>,
    Named((customer, id)): Named<(CustomerIdText, SubscriptionIdText)>,
    sent: Sent<NewAddOn>,
) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    must_count(deed.change(), customer.0, id.0).await?;
    let subscription = deed.change().buy_add_on(customer.0, &sent.value.add_on).await?;
    deed.done(&subscription).await
}

/// Only the subscription that counts can be changed; another one is history.
async fn must_count(change: &mut Change, customer: CustomerId, id: SubscriptionId) -> Result<(), Stop> {
    match change.current_subscription(customer).await? {
        Some(current) if current.id.0 == id => Ok(()),
        Some(current) => {
            let detail = format!("the customer is on subscription {}; only that one can be changed", current.id.0);
            Err(Problem::conflict(detail).into())
        }
        None => Err(Problem::not_found("subscription", &id.to_string()).into()),
    }
}
