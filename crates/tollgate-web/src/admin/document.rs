//! The OpenAPI document, made from the handlers.

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use super::{
    applications, approvals, audit, catalogue, clock, customers, figures, grants, invoices, keys, ledger,
    model_price_import, model_prices, payment_methods, requests, subscriptions, top_ups,
};
use crate::Web;

/// Where the admin API is found.
pub(super) const PREFIX: &str = "/admin/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tollgate admin API",
        description = "Everything an operator's programs do. Errors are problem details (RFC 9457) with `code`, and \
                       with `field` and `expected` where input is wrong. Amounts are decimal texts, instants RFC 3339. \
                       A POST may carry an `Idempotency-Key`: the same request under the same key happens once and is \
                       answered alike. Lists come in pages: give `next` as `after`."
    ),
    modifiers(&BearerToken),
    security(("admin_token" = []))
)]
struct Described;

struct BearerToken;

impl utoipa::Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("admin_token", scheme);
    }
}

/// Every resource with its description.
pub(super) fn resources() -> (Router<Web>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Described::openapi())
        .merge(customers::routes())
        .merge(applications::routes())
        .merge(keys::routes())
        .merge(top_ups::routes())
        .merge(grants::routes())
        .merge(subscriptions::routes())
        .merge(payment_methods::routes())
        .merge(invoices::routes())
        .merge(figures::routes())
        .merge(catalogue::routes())
        .merge(model_prices::routes())
        .merge(model_price_import::routes())
        .merge(approvals::routes())
        .merge(requests::routes())
        .merge(ledger::routes())
        .merge(audit::routes())
        .merge(clock::routes())
        .split_for_parts()
}

/// The document as it is served.
pub(super) fn whole() -> utoipa::openapi::OpenApi {
    with_prefix(resources().1)
}

/// The document with the paths under which the resources are found.
fn with_prefix(document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let mut whole = Described::openapi();
    whole.components.clone_from(&document.components);
    for (path, item) in document.paths.paths {
        whole.paths.paths.insert(format!("{PREFIX}{path}"), item);
    }
    whole
}
