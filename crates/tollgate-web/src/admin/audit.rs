//! The audit trail: who changed what, when, from what, to what.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_store::audit::Entry;
use tollgate_store::definition::{At, Text};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::masking::mask_json;
use super::{Asked, Failures, Limit, Page, Problem};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list_audit))
}

/// One change.
#[derive(Serialize, utoipa::ToSchema)]
struct AuditRow {
    /// Its place in the chain.
    seq: i64,
    /// When.
    at: At,
    /// Who: `admin`, `config`, `customer:cus_...`, `system`.
    actor: String,
    /// What was done, for example `customer.create`.
    action: String,
    /// To what.
    subject: String,
    /// The value before.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// The value after.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditSearch {
    /// Only changes to this: an id, or `plan:KEY`, `api:KEY`, ...
    subject: Option<String>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Text<i64>>,
    /// How many, 1 to 1000; 50 if absent.
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

/// List changes, newest first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", params(AuditSearch),
    responses((status = 200, description = "A page of them.", body = Page<AuditRow>), Failures)
)]
async fn list_audit(State(web): State<Web>, Asked(query): Asked<AuditSearch>) -> Result<Page<AuditRow>, Problem> {
    let before = query.after.map(|seq| seq.0);
    let entries = web.store().audit(query.subject.as_deref(), before, query.limit.and_one()).await?;
    let rows = entries.into_iter().map(|(seq, entry)| row(seq, entry)).collect();
    Ok(Page::of(rows, query.limit, |row| row.seq.to_string()))
}

fn row(seq: i64, entry: Entry) -> AuditRow {
    let Entry { at, actor, action, subject, mut before, mut after } = entry;
    if subject.starts_with("api:") {
        [&mut before, &mut after].into_iter().flatten().for_each(mask_json);
    }
    AuditRow { seq, at: Text(at), actor, action, subject, before, after }
}
