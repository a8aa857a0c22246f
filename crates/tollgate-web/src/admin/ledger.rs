//! The ledger: every movement of value, and the proof that nothing was changed.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use tollgate_core::ledger::Unit;
use tollgate_core::money::Nanos;
use tollgate_store::definition::{At, Text};
use tollgate_store::ledger::Posted;
use tollgate_store::verify::Report;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Asked, Failures, Limit, Page, Problem};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list_transfers)).routes(routes!(check_ledger))
}

/// One movement of value, from the debited to the credited ledger account.
#[derive(Serialize, utoipa::ToSchema)]
struct TransferRow {
    /// Its place in the chain.
    seq: i64,
    /// Its id.
    id: String,
    /// What it is about: `top_up`, `usage`, ...
    kind: &'static str,
    /// The ledger account that is debited.
    debit: String,
    /// The ledger account that is credited.
    credit: String,
    /// How much, in `unit`.
    amount: String,
    /// A currency, or a meter.
    unit: String,
    /// When.
    at: At,
    /// What it belongs to.
    reference: String,
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TransferSearch {
    /// Only those that belong to this: a customer's id, an invoice's id.
    reference: Option<String>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Text<i64>>,
    /// How many, 1 to 1000; 50 if absent.
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

/// List transfers, newest first.
#[utoipa::path(
    get, path = "/ledger/transfers", tag = "ledger", params(TransferSearch),
    responses((status = 200, description = "A page of them.", body = Page<TransferRow>), Failures)
)]
async fn list_transfers(
    State(web): State<Web>,
    Asked(query): Asked<TransferSearch>,
) -> Result<Page<TransferRow>, Problem> {
    let before = query.after.map(|seq| seq.0);
    let posted = web.store().transfers(query.reference.as_deref(), before, query.limit.and_one()).await?;
    let rows = posted.into_iter().map(row).collect();
    Ok(Page::of(rows, query.limit, |row| row.seq.to_string()))
}

fn row(Posted { seq, transfer }: Posted) -> TransferRow {
    let amount = match &transfer.unit {
        Unit::Currency(_) => Nanos::new(transfer.amount).to_string(),
        Unit::Meter(_) => transfer.amount.to_string(),
    };
    TransferRow {
        seq,
        id: transfer.id.to_string(),
        kind: transfer.kind.name(),
        debit: transfer.debit.to_string(),
        credit: transfer.credit.to_string(),
        amount,
        unit: transfer.unit.to_string(),
        at: Text(transfer.at),
        reference: transfer.reference.to_string(),
    }
}

/// What a check of the ledger found.
#[derive(Serialize, utoipa::ToSchema)]
struct Check {
    /// Whether nothing is wrong.
    sound: bool,
    /// What was looked at, and everything that is wrong.
    report: Report,
}

/// Recompute every balance from transfers, follow every hash chain, and compare the ledger with the
/// settlement log. Reads all of it; nothing is changed and nobody is disturbed.
#[utoipa::path(
    get, path = "/ledger/check", tag = "ledger",
    responses((status = 200, description = "What was found.", body = Check), Failures)
)]
async fn check_ledger(State(web): State<Web>) -> Result<axum::Json<Check>, Problem> {
    let _one_at_a_time = web.verifying().await;
    let report = web.store().verify().await?;
    Ok(axum::Json(Check { sound: report.is_sound(), report }))
}
