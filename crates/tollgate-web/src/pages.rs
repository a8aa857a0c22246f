//! Pages for people: what became of a request, what ends its refusal, the documentation, the playground.
//!
//! They work without JavaScript, load nothing from elsewhere and forbid scripts, except on the playground.
//! [`incident`] is the refused request that a link names, [`visit`] who follows it, [`resolution`] what
//! ends it; each of those has one file, whose `sheet` says what is asked and whose `act` does it, in one
//! change of the store.

mod assets;
mod docs;
mod done;
mod form;
mod html;
mod incident;
mod incident_page;
mod order;
mod playground;
mod resolution;
mod resolution_page;
mod same_site;
mod sheet;
mod sign_in;
mod start;
mod stop;
mod visit;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::Web;

/// Everything that people open in a browser.
pub(crate) fn router() -> Router<Web> {
    Router::new()
        .route("/", get(start::start))
        .route("/r/{request}", get(incident_page::show))
        .route(
            "/r/{request}/{action}",
            get(resolution_page::show).post(resolution_page::send).options(resolution_page::preflight),
        )
        .route("/sign-in", post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/docs", get(docs::index))
        .route("/docs/{name}", get(docs::document))
        .route("/docs/errors", get(docs::errors))
        .route("/docs/errors/{reason}", get(docs::error))
        .route("/playground", get(playground::show))
        .route("/assets/{name}", get(assets::asset))
        .fallback(stop::nothing_here)
        .layer(from_fn(html::protect))
}
