//! The control plane: what people and programs use besides the gateway itself.
//!
//! - [`admin`]: the admin API under `/admin/v1/`, for the operator's programs;
//! - `pages`: what a person opens in a browser: the page of a refused request and those that end it, the
//!   documentation, the playground;
//! - health and [`Metrics`] for whoever runs it.
//!
//! It knows the store and, through [`Gate`], as much of the running gateway as it needs. The binary gives
//! it both ([`Web`]) and serves [`router`].

mod admin;
mod gate;
mod health;
mod metrics;
mod pages;
mod payment;
mod secret;
mod session;
mod settings;
mod web;

pub use admin::openapi;
pub use gate::{Awaited, Gate, Sizes};
pub use metrics::Metrics;
pub use settings::{Playground, Readers, Review, Sandbox, Scenario, Settings, SignIn};
pub use web::Web;

use axum::Router;
use axum::routing::get;

/// Everything that the control plane serves.
pub fn router(web: Web) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .merge(admin::router(&web))
        .merge(pages::router())
        .with_state(web)
}

#[cfg(test)]
mod tests;
