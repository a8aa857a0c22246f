//! The admin API, `/admin/v1/`: what an operator's programs do with everything that is sold, and with
//! everybody who buys it.
//!
//! Every change goes through a [`Deed`], which commits it once under its Idempotency-Key. What comes in is
//! read by [`Sent`], [`Asked`] and [`Named`], whose errors name the field; what goes wrong leaves as a
//! [`Problem`]. The routes and their description are made from the same lines, so neither can be without
//! the other.

mod applications;
mod approvals;
mod audit;
mod authorize;
mod catalogue;
mod clock;
mod customers;
mod deed;
mod document;
mod figures;
mod grants;
mod invoices;
mod keys;
mod ledger;
mod masking;
mod model_price_import;
mod model_prices;
mod page;
mod payment_methods;
mod problem;
mod requests;
mod sent;
mod source;
mod subscriptions;
mod top_ups;

use axum::Router;
use axum::routing::get;

pub(crate) use authorize::is_admin;
use deed::{Answer, Deed, Stop};
use page::{Limit, Page, Part};
pub(crate) use problem::Problem;
use problem::{Failures, Members};
use sent::{Asked, Named, Nothing, Once, Sent};

use crate::Web;

/// The OpenAPI document of the admin API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    document::whole()
}

/// The admin API.
pub(crate) fn router(web: &Web) -> Router<Web> {
    let (resources, _) = document::resources();
    let resources = resources
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .fallback(async || Problem::no_route())
        .layer(axum::middleware::from_fn_with_state(web.clone(), authorize::authorize));
    let document = openapi();
    Router::new()
        .nest(document::PREFIX, resources)
        .route("/admin/v1/openapi.json", get(async move || axum::Json(document)))
}
