//! What is known of a customer: standing, usage, payments.

use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use tollgate_core::time::Timestamp;
use tollgate_store::definition::{At, CustomerIdText, PaymentIdText};
use tollgate_store::payments::PaymentRow;
use tollgate_store::usage::UsageRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Asked, Failures, Limit, Named, Page, Problem};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(read_standing)).routes(routes!(list_usage)).routes(routes!(list_payments))
}

/// Read the standing by which the gateway judges a customer's next request.
#[utoipa::path(
    get, path = "/customers/{customer}/standing", tag = "customers",
    params(("customer" = String, Path, description = "`cus_...`")),
    responses((status = 200, description = "Balance, subscription, quotas, limits, caps.", body = Object), Failures)
)]
async fn read_standing(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
) -> Result<axum::Json<Value>, Problem> {
    Ok(axum::Json(web.gate().standing(customer.0).await?))
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UsagePart {
    /// From this instant on; the last 31 days if absent.
    #[param(value_type = Option<String>)]
    from: Option<At>,
    /// Before this instant.
    #[param(value_type = Option<String>)]
    to: Option<At>,
    /// `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 1000; 50 if absent.
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

/// The furthest that paging through roll-ups goes; a shorter span reaches everything.
const ROWS_MAX: usize = 100_000;

/// List what a customer used, by hour, key, route, model and outcome; newest first.
#[utoipa::path(
    get, path = "/customers/{customer}/usage", tag = "customers",
    params(("customer" = String, Path, description = "`cus_...`"), UsagePart),
    responses((status = 200, description = "A page of it.", body = Page<UsageRow>), Failures)
)]
async fn list_usage(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    Asked(part): Asked<UsagePart>,
) -> Result<Page<UsageRow>, Problem> {
    web.store().customer(customer.0).await?;
    let from = part.from.map_or(web.store().now() - Duration::from_secs(31 * 86_400), |at| at.0);
    let to = part.to.map_or(Timestamp::MAX, |at| at.0);
    // Hours that are over do not change, so a count of rows is a place in them.
    let seen: usize = match &part.after {
        None => 0,
        Some(after) => {
            let count = after.parse().ok().filter(|count| *count <= ROWS_MAX);
            count.ok_or_else(|| Problem::invalid("after", "`next` of the page before"))?
        }
    };
    let limit = i64::try_from(seen).unwrap_or(i64::MAX).saturating_add(part.limit.and_one());
    let rows = web.store().usage(customer.0, from, to, limit).await?;
    let next = seen + part.limit.0;
    Ok(Page::of(rows.into_iter().skip(seen).collect(), part.limit, |_| next.to_string()))
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PaymentPart {
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<PaymentIdText>,
    /// How many, 1 to 1000; 50 if absent.
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

/// List the payments of a customer, also declined ones; newest first.
#[utoipa::path(
    get, path = "/customers/{customer}/payments", tag = "payments",
    params(("customer" = String, Path, description = "`cus_...`"), PaymentPart),
    responses((status = 200, description = "A page of them.", body = Page<PaymentRow>), Failures)
)]
async fn list_payments(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    Asked(part): Asked<PaymentPart>,
) -> Result<Page<PaymentRow>, Problem> {
    web.store().customer(customer.0).await?;
    let payments = web.store().payments(customer.0, part.after.map(|id| id.0), part.limit.and_one()).await?;
    Ok(Page::of(payments, part.limit, |payment| payment.id.0.to_string()))
}
