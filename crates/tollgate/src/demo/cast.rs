//! Who is in the demo: one customer for every reason, in the order of the catalogue.
//!
//! Each scene puts a customer into the standing that leads to the reason, in the ways in which an
//! operator or the calendar would, and writes down the request that shows it.

mod access;
mod money;
mod pace;
mod plan;

use serde_json::json;
use tollgate_store::{Store, StoreError};

use super::scenario::{Request, Scenario};
use super::stage::{Actor, Stage};

/// The whole cast.
pub(super) struct Cast {
    /// A request for every reason, and two that are served, which come first.
    pub(super) scenarios: Vec<Scenario>,
    /// Requests to send before anybody looks: they use up what is to be used up.
    pub(super) warm_up: Vec<Scenario>,
    /// A request that never ends, and is always running.
    pub(super) endless: Vec<Scenario>,
    /// Who stands at the counter of the playground: no credit, and an appetite for a $5.00 report.
    pub(super) visitor: Actor,
}

/// Puts everybody on the stage.
pub(super) async fn fill(store: &Store) -> Result<Cast, StoreError> {
    let mut stage = Stage::open(store).await?;
    let happy = stage.subscriber("Lighthouse", "pro").await?;
    let visitor = stage.customer("Visitor").await?;
    stage.subscribe(&visitor, "starter", None).await?;
    let mut cast = Cast {
        scenarios: vec![
            Scenario::served("paid for, and served", Request::get("/rest/echo").with(&happy.key)),
            Scenario::served(
                "the call of a tool, paid for and served",
                Request::tool("forecast", json!({ "place": "Bergen" })).with(&happy.key),
            ),
        ],
        warm_up: Vec::new(),
        endless: Vec::new(),
        visitor,
    };
    access::cast(&mut stage, &mut cast).await?;
    plan::cast(&mut stage, &mut cast).await?;
    money::cast(&mut stage, &mut cast).await?;
    pace::cast(&mut stage, &mut cast).await?;
    stage.change.commit().await?;
    Ok(cast)
}

/// A small request that costs a tenth of a cent.
fn call() -> Request {
    Request::get("/rest/echo")
}

/// An order of five dollars.
fn order() -> Request {
    Request::post("/order", json!({ "item": "report" }))
}
