//! Whether the process lives, and whether it can do its work.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use tollgate_store::settlement::Health;

use crate::Web;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers and settlements are committed.
pub(crate) async fn readyz(State(web): State<Web>) -> Response {
    let store = match web.store().ping().await {
        Ok(()) => "good",
        // What the database says can name hosts and files; whoever asks here need not know them.
        Err(_) => "unavailable",
    };
    let settlement = match web.gate().health() {
        Health::Good => "good",
        Health::Failing => "failing",
        Health::Full => "full",
    };
    let is_ready = store == "good" && settlement == "good";
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(json!({ "store": store, "settlement": settlement }))).into_response()
}
