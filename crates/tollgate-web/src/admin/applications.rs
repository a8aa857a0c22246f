//! Applications: a customer's programs, owners of keys.

use axum::extract::State;
use serde::Deserialize;
use tollgate_store::customers::Application;
use tollgate_store::definition::{ApplicationIdText, CapDefinition, CustomerIdText};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Asked, Deed, Failures, Named, Page, Part, Problem, Sent};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(create_application, list_applications))
        .routes(routes!(read_application, update_application))
}

/// What a new application is made of.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApplication {
    /// Its name.
    name: String,
    /// Spend caps over its keys together.
    #[serde(default)]
    caps: Vec<CapDefinition>,
}

/// Create an application.
#[utoipa::path(
    post, path = "/customers/{customer}/applications", tag = "applications", request_body = NewApplication,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses((status = 201, description = "It exists.", body = Application), Failures)
)]
async fn create_application(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    sent: Sent<NewApplication>,
) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    let new = sent.value;
    let application = deed.change().create_application(customer.0, &new.name, &new.caps).await?;
    deed.created(&application).await
}

/// List the applications of a customer, oldest first.
#[utoipa::path(
    get, path = "/customers/{customer}/applications", tag = "applications",
    params(("customer" = String, Path, description = "`cus_...`"), Part),
    responses((status = 200, description = "A page of them.", body = Page<Application>), Failures)
)]
async fn list_applications(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    Asked(part): Asked<Part>,
) -> Result<Page<Application>, Problem> {
    web.store().customer(customer.0).await?;
    let applications = web.store().applications(customer.0).await?;
    Page::cut(applications, &part, |application| application.id.0.to_string())
}

/// Read an application.
#[utoipa::path(
    get, path = "/applications/{application}", tag = "applications",
    params(("application" = String, Path, description = "`app_...`")),
    responses((status = 200, description = "The application.", body = Application), Failures)
)]
async fn read_application(
    State(web): State<Web>,
    Named(id): Named<ApplicationIdText>,
) -> Result<axum::Json<Application>, Problem> {
    Ok(axum::Json(web.store().application(id.0).await?))
}

/// What changes about an application.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ApplicationPatch {
    /// Spend caps over its keys together; replaces all.
    caps: Vec<CapDefinition>,
}

/// Replace the spend caps of an application.
#[utoipa::path(
    patch, path = "/applications/{application}", tag = "applications", request_body = ApplicationPatch,
    params(("application" = String, Path, description = "`app_...`")),
    responses((status = 200, description = "The application as it is now.", body = Application), Failures)
)]
async fn update_application(
    State(web): State<Web>,
    Named(id): Named<ApplicationIdText>,
    sent: Sent<ApplicationPatch>,
) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    let application = deed.change().set_application_caps(id.0, &sent.value.caps).await?;
    deed.done(&application).await
}
