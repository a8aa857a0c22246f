//! 402: what there is to spend, and what may be spent.

use serde_json::json;
use tollgate_core::decision::Reason;
use tollgate_core::money::Nanos;
use tollgate_store::StoreError;
use tollgate_store::customers::{CustomerPatch, Frozen, SimulatedFault};
use tollgate_store::definition::{CapDefinition, CapPeriodDefinition, Text};

use super::super::stage::Card;
use super::{Cast, Request, Scenario, Stage, call, order};

pub(super) async fn cast(stage: &mut Stage, cast: &mut Cast) -> Result<(), StoreError> {
    let broke = stage.customer("Broke").await?;
    stage.subscribe(&broke, "starter", None).await?;
    stage.credit(&broke, "0.50").await?;
    cast.scenarios.push(Scenario::refused(
        Reason::InsufficientBalance,
        "$0.50 are there, $5.00 are needed",
        Request::get("/rest/report").with(&broke.key),
    ));

    let capped = stage.subscriber("Capped", "starter").await?;
    let cap = CapDefinition { amount: Text(Nanos::units(2)), period: CapPeriodDefinition::Month };
    let patch = CustomerPatch { caps: Some(vec![cap]), ..CustomerPatch::default() };
    stage.change.update_customer(capped.customer, &patch).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::SpendCapReached,
        "the customer allows $2.00 a month, and this costs $5.00",
        Request::get("/rest/report").with(&capped.key),
    ));

    let suspicious = stage.subscriber("Suspicious", "starter").await?;
    let review = Frozen {
        case: "case_demo".to_owned(),
        why: "the demo".to_owned(),
        since: Text(stage.now),
        expected_by: Some(Text(stage.now + std::time::Duration::from_secs(86_400))),
    };
    stage.change.freeze_customer(suspicious.customer, Some(review)).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::AccountUnderReview,
        "a fraud rule stopped it until a person has looked",
        call().with(&suspicious.key),
    ));

    let unverified = stage.subscriber("Unverified", "starter").await?;
    stage.card(&unverified, Card::DECLINED).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::PaymentVerificationFailed,
        "orders from $1.00 are authorized first, and the card was declined",
        order().with(&unverified.key),
    ));

    let passer_by = stage.customer("Passer-by").await?;
    let snapshot = Request::post("/pay-per-request/snapshot", json!({ "of": "the harbour" }));
    cast.scenarios.push(Scenario::refused(
        Reason::PaymentRequired,
        "each request is paid by itself, $0.25",
        snapshot.with(&passer_by.key),
    ));

    let unlucky = stage.subscriber("Unlucky", "starter").await?;
    let patch =
        CustomerPatch { simulated_fault: Some(Some(SimulatedFault::StoreUnavailable)), ..CustomerPatch::default() };
    stage.change.update_customer(unlucky.customer, &patch).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::BillingUnavailable,
        "the customer's records cannot be read, so nothing is sold and nothing given away",
        call().with(&unlucky.key),
    ));

    let patient = stage.subscriber("Patient", "starter").await?;
    cast.scenarios.push(Scenario::refused(
        Reason::UpstreamUnavailable,
        "the upstream is down, and it costs nothing",
        Request::get("/offline/status").with(&patient.key),
    ));
    Ok(())
}
