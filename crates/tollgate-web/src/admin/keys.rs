//! API keys. The text of a key is in the answer that creates it and nowhere else.

use axum::extract::State;
use serde::{Deserialize, Deserializer, Serialize};
use tollgate_store::api_key::Mode;
use tollgate_store::definition::{ApplicationIdText, At, CustomerIdText, KeyIdText, Text};
use tollgate_store::keys::{ApiKey, KeyPolicy, NewApiKey};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Asked, Deed, Failures, Named, Nothing, Page, Part, Problem, Sent};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(create_key))
        .routes(routes!(list_keys))
        .routes(routes!(read_key, update_key, revoke_key))
}

/// A key that was just created.
#[derive(Serialize, utoipa::ToSchema)]
struct CreatedKey {
    /// The key.
    key: ApiKey,
    /// What programs send. Shown once: it is `null` when the request is repeated under its
    /// Idempotency-Key. Revoke the key then and create another one.
    text: Option<String>,
}

/// Create a key.
#[utoipa::path(
    post, path = "/applications/{application}/keys", tag = "keys", request_body = NewApiKey,
    params(
        ("application" = String, Path, description = "`app_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses((status = 201, description = "It exists. Keep its text: nobody sees it again.", body = CreatedKey), Failures)
)]
async fn create_key(
    State(web): State<Web>,
    Named(application): Named<ApplicationIdText>,
    sent: Sent<NewApiKey>,
) -> Answer {
    let mode = if web.is_sandbox() { Mode::Test } else { Mode::Live };
    let mut deed = Deed::begin(&web, sent.once).await?;
    let (key, text) = deed.change().create_key(application.0, mode, &sent.value).await?;
    let kept = CreatedKey { key: key.clone(), text: None };
    deed.created_secret(&CreatedKey { key, text: Some(text) }, &kept).await
}

/// List the keys of a customer, oldest first; also revoked ones.
#[utoipa::path(
    get, path = "/customers/{customer}/keys", tag = "keys",
    params(("customer" = String, Path, description = "`cus_...`"), Part),
    responses((status = 200, description = "A page of them.", body = Page<ApiKey>), Failures)
)]
async fn list_keys(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    Asked(part): Asked<Part>,
) -> Result<Page<ApiKey>, Problem> {
    web.store().customer(customer.0).await?;
    Page::cut(web.store().keys(customer.0).await?, &part, |key| key.id.0.to_string())
}

/// Read a key.
#[utoipa::path(
    get, path = "/keys/{key}", tag = "keys", params(("key" = String, Path, description = "`key_...`")),
    responses((status = 200, description = "The key, without its text.", body = ApiKey), Failures)
)]
async fn read_key(State(web): State<Web>, Named(id): Named<KeyIdText>) -> Result<axum::Json<ApiKey>, Problem> {
    Ok(axum::Json(web.store().key(id.0).await?))
}

/// What changes about a key; absent members stay.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct KeyPatch {
    /// What it may do; replaces all of it.
    policy: Option<KeyPolicy>,
    /// When it stops working; `null` for never.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<Option<At>>,
}

/// Tells an absent member from one that is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<At>>, D::Error> {
    Option::<At>::deserialize(deserializer).map(Some)
}

/// Change what a key may do and when it expires.
#[utoipa::path(
    patch, path = "/keys/{key}", tag = "keys", request_body = KeyPatch,
    params(("key" = String, Path, description = "`key_...`")),
    responses((status = 200, description = "The key as it is now.", body = ApiKey), Failures)
)]
async fn update_key(State(web): State<Web>, Named(id): Named<KeyIdText>, sent: Sent<KeyPatch>) -> Answer {
    let before = web.store().key(id.0).await?;
    let policy = sent.value.policy.unwrap_or(before.policy);
    let expires_at = sent.value.expires_at.unwrap_or(before.expires_at);
    let mut deed = Deed::begin(&web, sent.once).await?;
    let key = deed.change().update_key(id.0, &policy, expires_at.map(|Text(at)| at)).await?;
    deed.done(&key).await
}

/// Revoke a key at once. Revoking twice changes nothing.
#[utoipa::path(
    delete, path = "/keys/{key}", tag = "keys", params(("key" = String, Path, description = "`key_...`")),
    responses((status = 200, description = "The key as it is now.", body = ApiKey), Failures)
)]
async fn revoke_key(State(web): State<Web>, Named(id): Named<KeyIdText>, sent: Sent<Nothing>) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    let key = deed.change().revoke_key(id.0).await?;
    deed.done(&key).await
}
