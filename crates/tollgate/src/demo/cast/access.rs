//! 401 and 403: who calls, and what they may call.

use std::time::Duration;

use tollgate_core::decision::Reason;
use tollgate_store::StoreError;
use tollgate_store::customers::{CustomerPatch, CustomerStatus};
use tollgate_store::keys::KeyPolicy;

use super::{Cast, Request, Scenario, Stage, call};

pub(super) async fn cast(stage: &mut Stage, cast: &mut Cast) -> Result<(), StoreError> {
    cast.scenarios.push(Scenario::refused(Reason::ApiKeyMissing, "no key was sent", call()));
    cast.scenarios.push(Scenario::refused(
        Reason::ApiKeyInvalid,
        "the key was mistyped",
        call().with("tg_test_0000000000000000_mistyped"),
    ));

    let revoked = stage.subscriber("Revoked", "starter").await?;
    stage.change.revoke_key(revoked.key_id).await?;
    cast.scenarios.push(Scenario::refused(Reason::ApiKeyRevoked, "the key was revoked", call().with(&revoked.key)));

    let yesterday = stage.now - Duration::from_secs(86_400);
    let expired = stage.customer_with_key("Expired", KeyPolicy::default(), Some(yesterday)).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::ApiKeyExpired,
        "the key was valid until yesterday",
        call().with(&expired.key),
    ));

    let outsider = stage.subscriber("Outsider", "pro").await?;
    cast.scenarios.push(Scenario::refused(
        Reason::ApiAccessNotApproved,
        "the API is given out by approval only",
        Request::get("/atlas/maps").with(&outsider.key),
    ));

    let policy = KeyPolicy { scopes: vec!["records:read".to_owned()], ..KeyPolicy::default() };
    let reader = stage.customer_with_key("Reader", policy, None).await?;
    stage.subscribe(&reader, "pro", None).await?;
    stage.credit(&reader, "10.00").await?;
    cast.scenarios.push(Scenario::refused(
        Reason::ScopeMissing,
        "the key may read, and this deletes",
        Request::delete("/records/17").with(&reader.key),
    ));

    let policy = KeyPolicy { origins: vec!["https://app.example.com".to_owned()], ..KeyPolicy::default() };
    let pinned = stage.customer_with_key("Pinned", policy, None).await?;
    stage.subscribe(&pinned, "starter", None).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::OriginNotAllowed,
        "the key belongs to another web page",
        call().with(&pinned.key).header("origin", "https://elsewhere.example"),
    ));

    let closed = stage.subscriber("Closed", "starter").await?;
    let patch = CustomerPatch { status: Some(CustomerStatus::Closed), ..CustomerPatch::default() };
    stage.change.update_customer(closed.customer, &patch).await?;
    cast.scenarios.push(Scenario::refused(Reason::AccountClosed, "the account was closed", call().with(&closed.key)));
    Ok(())
}
