//! Customers.

use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use tollgate_core::id::EventKind;
use tollgate_store::customers::{Customer, CustomerPatch, Frozen, NewCustomer};
use tollgate_store::definition::{At, CustomerIdText, Text};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Asked, Deed, Failures, Limit, Named, Nothing, Page, Problem, Sent, Stop};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(create_customer, list_customers))
        .routes(routes!(read_customer, update_customer))
        .routes(routes!(freeze_customer))
        .routes(routes!(unfreeze_customer))
}

/// Create a customer.
#[utoipa::path(
    post, path = "/customers", tag = "customers", request_body = NewCustomer,
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once.")),
    responses((status = 201, description = "It exists.", body = Customer), Failures)
)]
async fn create_customer(State(web): State<Web>, sent: Sent<NewCustomer>) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    let customer = deed.change().create_customer(&sent.value).await?;
    deed.created(&customer).await
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CustomerSearch {
    /// An id, or a part of the name or e-mail address.
    search: String,
    /// `next` of the page before.
    after: String,
    /// How many, 1 to 1000; 50 if absent.
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

/// A longer text is in no name, and would only cost the database time.
const SEARCH_CHARACTERS_MAX: usize = 200;

/// List customers, oldest first.
#[utoipa::path(
    get, path = "/customers", tag = "customers", params(CustomerSearch),
    responses((status = 200, description = "A page of them.", body = Page<Customer>), Failures)
)]
async fn list_customers(
    State(web): State<Web>,
    Asked(query): Asked<CustomerSearch>,
) -> Result<Page<Customer>, Problem> {
    if query.search.chars().count() > SEARCH_CHARACTERS_MAX {
        return Err(Problem::invalid("search", format!("at most {SEARCH_CHARACTERS_MAX} characters")));
    }
    let customers = web.store().customers(&query.search, &query.after, query.limit.and_one()).await?;
    Ok(Page::of(customers, query.limit, |customer| customer.id.0.to_string()))
}

/// Read a customer.
#[utoipa::path(
    get, path = "/customers/{customer}", tag = "customers", params(("customer" = String, Path, description = "`cus_...`")),
    responses((status = 200, description = "The customer.", body = Customer), Failures)
)]
async fn read_customer(
    State(web): State<Web>,
    Named(id): Named<CustomerIdText>,
) -> Result<axum::Json<Customer>, Problem> {
    Ok(axum::Json(web.store().customer(id.0).await?))
}

/// Change a customer. Absent members stay; `status: closed` ends it for good.
#[utoipa::path(
    patch, path = "/customers/{customer}", tag = "customers", request_body = CustomerPatch,
    params(("customer" = String, Path, description = "`cus_...`")),
    responses((status = 200, description = "The customer as it is now.", body = Customer), Failures)
)]
async fn update_customer(
    State(web): State<Web>,
    Named(id): Named<CustomerIdText>,
    sent: Sent<CustomerPatch>,
) -> Answer {
    if matches!(sent.value.simulated_fault, Some(Some(_))) && !web.is_sandbox() {
        return Err(Problem::invalid("simulated_fault", "nothing: faults are simulated in a sandbox only").into());
    }
    let mut deed = Deed::begin(&web, sent.once).await?;
    let customer = deed.change().update_customer(id.0, &sent.value).await?;
    deed.done(&customer).await
}

/// Why a customer is put under review.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Freeze {
    /// Why. Never shown to the customer.
    why: String,
    /// The case number that the customer and support share; made if absent.
    #[serde(default)]
    case: Option<String>,
    /// When a person has looked at it, probably; in a day if absent.
    #[serde(default)]
    expected_by: Option<At>,
}

/// Put a customer under review: nothing is served until it is lifted.
#[utoipa::path(
    post, path = "/customers/{customer}/freeze", tag = "customers", request_body = Freeze,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses((status = 200, description = "The customer as it is now.", body = Customer), Failures)
)]
async fn freeze_customer(State(web): State<Web>, Named(id): Named<CustomerIdText>, sent: Sent<Freeze>) -> Answer {
    let now = web.store().now();
    let Freeze { why, case, expected_by } = sent.value;
    check_text("why", &why)?;
    let case = case.unwrap_or_else(|| web.store().mint::<EventKind>().to_string().replace("evt_", "case_"));
    check_text("case", &case)?;
    let expected_by = expected_by.unwrap_or(Text(now + Duration::from_secs(86_400)));
    let frozen = Frozen { case, why, since: Text(now), expected_by: Some(expected_by) };
    let mut deed = Deed::begin(&web, sent.once).await?;
    let customer = deed.change().freeze_customer(id.0, Some(frozen)).await?;
    deed.done(&customer).await
}

fn check_text(field: &str, text: &str) -> Result<(), Stop> {
    if (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Problem::invalid(field, "1 to 200 characters without control characters").into())
}

/// Lift the review of a customer.
#[utoipa::path(
    post, path = "/customers/{customer}/unfreeze", tag = "customers", request_body = Nothing,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses((status = 200, description = "The customer as it is now.", body = Customer), Failures)
)]
async fn unfreeze_customer(State(web): State<Web>, Named(id): Named<CustomerIdText>, sent: Sent<Nothing>) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    let customer = deed.change().freeze_customer(id.0, None).await?;
    deed.done(&customer).await
}
