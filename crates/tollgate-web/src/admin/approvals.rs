//! Approvals: which applications may use an API that asks for one.

use axum::extract::State;
use serde::Deserialize;
use tollgate_store::approvals::{ApprovalRequest, ApprovalStatus};
use tollgate_store::definition::{ApiDefinition, ApplicationIdText};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Asked, Deed, Failures, Limit, Page, Part, Problem, Sent};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(decide_access, list_approvals))
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ApprovalSearch {
    /// Only those of this status.
    #[param(inline)]
    status: Option<ApprovalStatus>,
    /// `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 1000; 50 if absent.
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

/// List requests for access, oldest first.
#[utoipa::path(
    get, path = "/approvals", tag = "approvals", params(ApprovalSearch),
    responses((status = 200, description = "A page of them.", body = Page<ApprovalRequest>), Failures)
)]
async fn list_approvals(
    State(web): State<Web>,
    Asked(query): Asked<ApprovalSearch>,
) -> Result<Page<ApprovalRequest>, Problem> {
    let approvals = web.store().approvals(query.status).await?;
    let part = Part { after: query.after, limit: query.limit };
    Page::cut(approvals, &part, |approval| format!("{}.{}", approval.application.0, approval.api))
}

/// A decision about access.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDecision {
    /// Who wants to use the API.
    application: ApplicationIdText,
    /// The API, by its key.
    api: String,
    /// `approved` or `rejected`.
    decision: ApprovalStatus,
}

/// Approve or reject access, whether it was asked for or not.
#[utoipa::path(
    post, path = "/approvals", tag = "approvals", request_body = NewDecision,
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once.")),
    responses((status = 200, description = "It holds from the next request on.", body = ApprovalRequest), Failures)
)]
async fn decide_access(State(web): State<Web>, sent: Sent<NewDecision>) -> Answer {
    let NewDecision { application, api, decision } = sent.value;
    if decision == ApprovalStatus::Pending {
        return Err(Problem::invalid("decision", "`approved` or `rejected`").into());
    }
    web.store().application(application.0).await?;
    web.store().item::<ApiDefinition>(&api, None).await?;
    let now = web.store().now();
    let before = web.store().approvals(None).await?;
    let before = before.into_iter().find(|request| request.application == application && request.api == api);
    let mut deed = Deed::begin(&web, sent.once).await?;
    deed.change().decide_access(application.0, &api, decision, "admin").await?;
    let decided = ApprovalRequest {
        application,
        api,
        status: decision,
        note: before.as_ref().map_or_else(String::new, |request| request.note.clone()),
        requested_at: before.map_or(tollgate_store::definition::Text(now), |request| request.requested_at),
        decided_at: Some(tollgate_store::definition::Text(now)),
    };
    deed.done(&decided).await
}
