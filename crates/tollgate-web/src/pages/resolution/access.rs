//! Asking the operator for access to an API.

use tollgate_store::approvals::{ApprovalRequest, ApprovalStatus};

use crate::pages::done::Done;
use crate::pages::form::{Fields, Token};
use crate::pages::sheet::{Field, Sheet};
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;

async fn before(visit: &Visit) -> Result<Option<ApprovalRequest>, Stop> {
    let requests = visit.web.store().approvals(None).await?;
    let own = |request: &ApprovalRequest| {
        Some(request.application) == visit.incident.call.application && request.api == visit.incident.api()
    };
    Ok(requests.into_iter().find(own))
}

pub(super) async fn sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let api = visit.incident.api();
    let before = before(visit).await?;
    let status = before.as_ref().map(|request| request.status);
    let sentence = match status {
        Some(ApprovalStatus::Approved) => {
            let text = format!("Access to {api} is approved. Send your request again.");
            return Ok(Sheet::notice("Access approved", vec![text]));
        }
        Some(ApprovalStatus::Pending) => {
            "You have asked already; the operator has not decided yet. You can change what you wrote."
        }
        Some(ApprovalStatus::Rejected) => "The operator has declined an earlier request. You can ask again.",
        None => "The operator of this API decides who may use it. Tell them what you want to do with it.",
    };
    Ok(Sheet {
        fields: vec![Field::Text {
            name: "note",
            label: "What you want to do with it".to_owned(),
            value: before.map_or_else(String::new, |request| request.note),
            hint: "One or two sentences are enough.".to_owned(),
        }],
        button: Some("Request access".to_owned()),
        ..Sheet::notice(&format!("Request access to {api}"), vec![sentence.to_owned()])
    })
}

pub(super) async fn act(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    let application = visit.incident.call.application;
    let application = application.ok_or_else(|| Stop::Impossible("The request came without a key.".to_owned()))?;
    let note = fields.get("note");
    if note.is_empty() || note.chars().count() > 1_000 {
        return Err(Stop::invalid("note", "1 to 1,000 characters"));
    }
    let mut change = visit.change().await?;
    change.request_access(application.0, visit.incident.api(), note).await?;
    let text = vec![
        "The operator has your request and decides. The first request after that is served.".to_owned(),
        "You can come back to this page to see whether it was decided.".to_owned(),
    ];
    Done { send_again: false, ..Done::new("Access requested", text) }.commit(change, token).await
}
