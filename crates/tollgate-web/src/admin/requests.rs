//! The request log: every request, served and refused.

use axum::extract::State;
use serde::Deserialize;
use tollgate_core::decision::Reason;
use tollgate_core::id::CustomerId;
use tollgate_store::calls::{Call, CallFilter};
use tollgate_store::definition::{At, CustomerIdText, RequestIdText, Text};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Asked, Failures, Limit, Named, Page, Problem};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list_requests)).routes(routes!(read_request))
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RequestSearch {
    /// Of this customer.
    #[param(value_type = Option<String>)]
    customer: Option<CustomerIdText>,
    /// Refused for this reason.
    reason: Option<String>,
    /// With this status.
    #[param(value_type = Option<u16>)]
    status: Option<Text<u16>>,
    /// On this route, `api.route`.
    route: Option<String>,
    /// From this instant on.
    #[param(value_type = Option<String>)]
    since: Option<At>,
    /// `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 1000; 50 if absent.
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

/// Search requests, newest first. A page can be shorter than it was asked for and still have a next one.
#[utoipa::path(
    get, path = "/requests", tag = "requests", params(RequestSearch),
    responses((status = 200, description = "A page of them.", body = Page<Call>), Failures)
)]
async fn list_requests(State(web): State<Web>, Asked(query): Asked<RequestSearch>) -> Result<Page<Call>, Problem> {
    if let Some(reason) = &query.reason
        && reason.parse::<Reason>().is_err()
        && !reason.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    {
        return Err(Problem::invalid("reason", "a reason code such as insufficient_balance"));
    }
    let after = query.after.map(|after| after.parse()).transpose();
    let after = after.map_err(|_| Problem::invalid("after", "`next` of the page before"))?;
    // What ended a moment ago is to be found as well.
    commit_what_waits(&web).await?;
    let filter = CallFilter {
        customer: query.customer.map(|id| id.0),
        reason: query.reason,
        status: query.status.map(|status| status.0),
        route: query.route,
        since: query.since.map(|at| at.0),
    };
    let page = web.store().calls_page(&filter, after, query.limit.0).await?;
    Ok(Page { data: page.calls, next: page.next.map(|place| place.to_string()) })
}

/// Read a request: what happened, what it used and cost, what the caller was told.
#[utoipa::path(
    get, path = "/requests/{request}", tag = "requests",
    params(("request" = String, Path, description = "`req_...`")),
    responses((status = 200, description = "The request.", body = Call), Failures)
)]
async fn read_request(State(web): State<Web>, Named(id): Named<RequestIdText>) -> Result<axum::Json<Call>, Problem> {
    commit_what_waits(&web).await?;
    Ok(axum::Json(web.store().call(id.0).await?))
}

/// Folding anybody commits everybody's entries that wait.
async fn commit_what_waits(web: &Web) -> Result<(), Problem> {
    Ok(web.store().fold_customer(CustomerId::from_bits(0)).await?)
}
