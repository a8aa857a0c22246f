//! What is not done on a page: the caller changes the request, waits, or the operator acts.

use tollgate_core::decision::Action;
use tollgate_core::money::{Currency, Money};

use crate::Web;
use crate::pages::incident::Incident;
use crate::pages::sheet::Sheet;

pub(super) fn sheet(action: Action, web: &Web, incident: &Incident, currency: Option<Currency>) -> Sheet {
    let title = incident.ways_out().into_iter().find(|(way, _)| *way == action);
    let title = title.map_or_else(|| action.title().to_owned(), |(_, title)| title);
    let text = match action {
        Action::SendKey => vec![
            format!("Keys of this gateway begin with {}.", if web.is_sandbox() { "tg_test_" } else { "tg_live_" }),
            "Send yours with each request, in one of these headers:".to_owned(),
        ],
        Action::Wait => waiting(incident),
        Action::SmallerRequest => smaller(incident, currency),
        Action::SetPrice => vec![
            "No price is set for what was asked, so it is not served: nothing is given away by mistake.".to_owned(),
            "Only the operator can set a price, and has been told. Use another model until then.".to_owned(),
        ],
        _ => vec![format!("Write to support and name the request {}.", incident.id)],
    };
    let code: &[&str] = match action {
        Action::SendKey => &["Authorization: Bearer <key>", "x-api-key: <key>", "x-goog-api-key: <key>"],
        _ => &[],
    };
    Sheet { code: code.iter().map(|&line| line.to_owned()).collect(), ..Sheet::notice(&title, text) }
}

fn waiting(incident: &Incident) -> Vec<String> {
    let until = incident.text("/retry/at").map(|at| format!("It can be sent again from {at} on."));
    let mut text = vec!["Nobody has to do anything: send the same request again a little later.".to_owned()];
    text.extend(until);
    text.push("Programs find how long to wait in the Retry-After header.".to_owned());
    text
}

fn smaller(incident: &Incident, currency: Option<Currency>) -> Vec<String> {
    let mut text = vec!["A request that asks for less may be served as things are.".to_owned()];
    let number = |pointer: &str| incident.call.problem.as_ref()?.pointer(pointer)?.as_u64();
    if let Some(tokens) = number("/affordable_output_tokens") {
        text.push(format!("Lower max_tokens to {tokens} or less."));
    }
    if let Some(tokens) = number("/context/plan_limit") {
        text.push(format!("Send a prompt of at most {tokens} tokens."));
    }
    if let (Some(limit), Some(spent), Some(currency)) =
        (incident.amount("/cap/limit"), incident.amount("/cap/spent"), currency)
    {
        let left = Money::new(limit.saturating_minus(spent).at_least_zero(), currency);
        text.push(format!("{left} are left under the cap."));
    }
    text
}
