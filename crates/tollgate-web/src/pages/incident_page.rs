//! `/r/{request}`: what happened to a request, how things are now, and the ways out.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use http::header::HeaderMap;
use tollgate_core::decision::{Action, Who};
use tollgate_core::money::Money;
use tollgate_core::standing::Standing;

use super::html::{Frame, page, support_link};
use super::incident::Incident;
use super::sign_in;
use super::stop::Stop;
use super::visit::Visit;
use crate::Web;
use crate::settings::SignIn;

/// A way out, as a link.
struct Way {
    title: String,
    url: String,
    /// Who has to do it, if that is not whoever reads the page.
    by: &'static str,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct Shown<'a> {
    frame: Frame,
    status: u16,
    code: &'a str,
    title: &'a str,
    detail: &'a str,
    is_served: bool,
    ways: Vec<Way>,
    state: Vec<(&'static str, String)>,
    details: Vec<(&'static str, String)>,
    docs: Option<String>,
    curl: Option<&'a str>,
    can_sign_out: bool,
}

/// `GET /r/{request}`.
pub(super) async fn show(State(web): State<Web>, Path(request): Path<String>, headers: HeaderMap) -> Response {
    match look(&web, &headers, &request).await {
        Ok(response) => response,
        Err(Stop::SignIn) => sign_in::ask(&web, &request, ""),
        Err(stop) => stop.answer(&web, &headers),
    }
}

async fn look(web: &Web, headers: &HeaderMap, request: &str) -> Result<Response, Stop> {
    let incident = Incident::find(web, request).await?;
    let Some(owner) = incident.call.customer else {
        // Nothing on the page is anybody's: the request did not say whose it was.
        return Ok(shown(web, &incident, Vec::new()));
    };
    let visit = Visit::begin(web, headers, incident).await?;
    let mut state = vec![("Customer", format!("{} ({})", visit.customer.name, owner.0))];
    match visit.standing().await {
        Ok(standing) => state.extend(describe(&standing, visit.web.store().now())),
        Err(_) => state.push(("Standing", "cannot be read just now".to_owned())),
    }
    Ok(shown(web, &visit.incident, state))
}

fn describe(standing: &Standing, now: tollgate_core::time::Timestamp) -> Vec<(&'static str, String)> {
    let (balance, _) = standing.wallet.balance(now);
    let mut state = vec![("Balance", Money::new(balance, standing.currency).to_string())];
    let Some(subscription) = &standing.subscription else {
        state.push(("Plan", "none".to_owned()));
        return state;
    };
    state.push(("Plan", format!("{} ({})", subscription.plan.name, subscription.state.name().replace('_', " "))));
    for (index, (quota, window)) in subscription.plan.quotas.iter().zip(&standing.quotas).enumerate() {
        let limit = subscription.quota_limit(index);
        let (used, limit) = (grouped(window.committed()), grouped(limit));
        state.push(("Quota", format!("{used} of {limit} {} used", quota.meters)));
    }
    for cap in standing.caps() {
        let money = |amount| Money::new(amount, standing.currency);
        let (spent, limit) = (money(cap.spent()), money(cap.cap.amount));
        state.push(("Cap", format!("{spent} of {limit} spent ({}, {})", cap.cap.scope.name(), cap.cap.period.name())));
    }
    state
}

/// A number as people read it: `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn shown(web: &Web, incident: &Incident, state: Vec<(&'static str, String)>) -> Response {
    let call = &incident.call;
    let reason = incident.reason;
    let title = incident.text("/title").or(reason.map(|reason| reason.title()));
    let is_served = call.reason.is_none();
    let served = match call.currency.as_str() {
        "" => "Nothing was charged.".to_owned(),
        currency => format!("It cost {currency} {}.", call.cost.0),
    };
    let detail = incident.text("/detail").unwrap_or(if is_served { &served } else { "" });
    let template = Shown {
        frame: Frame::of(web),
        status: call.status,
        code: call.reason.as_deref().unwrap_or("ok"),
        title: title.unwrap_or(if is_served { "The request was served" } else { "The request was refused" }),
        detail,
        is_served,
        ways: ways(web, incident),
        state,
        details: details(incident),
        docs: reason.map(|reason| format!("/docs/errors/{}", reason.code())),
        curl: curl(web, incident),
        can_sign_out: web.settings().sign_in == SignIn::Key && call.customer.is_some(),
    };
    page(StatusCode::OK, &template)
}

fn ways(web: &Web, incident: &Incident) -> Vec<Way> {
    let ways = incident.ways_out().into_iter().filter(|(action, _)| *action != Action::Troubleshoot);
    ways.map(|(action, title)| {
        let page = format!("/r/{}/{}", incident.id, action.id());
        let url = match action {
            Action::ContactSupport => support_link(&web.settings().support, &incident.id.to_string()),
            Action::Upgrade => incident.offered("/plan/allows", "plan").first().map(|plan| format!("{page}?to={plan}")),
            Action::BuyAddOn => {
                incident.offered("/plan/addons", "addon").first().map(|add_on| format!("{page}?addon={add_on}"))
            }
            _ => None,
        };
        let by = if action.who() == Who::Operator { "the operator does this" } else { "" };
        Way { title, url: url.unwrap_or(page), by }
    })
    .collect()
}

/// What support needs, and nothing secret: no key, no query, no body.
fn details(incident: &Incident) -> Vec<(&'static str, String)> {
    let call = &incident.call;
    let mut details = vec![
        ("Request", incident.id.to_string()),
        ("Time", call.at.0.to_string()),
        ("Endpoint", format!("{} {}", call.method, call.path)),
        ("Answer", format!("{} {}", call.status, call.reason.as_deref().unwrap_or("ok"))),
    ];
    let mut add = |name: &'static str, value: &str| {
        if !value.is_empty() {
            details.push((name, value.to_owned()));
        }
    };
    add("Route", &call.route);
    add("Model", &call.model);
    add("Key", incident.text("/key").unwrap_or_default());
    add("Application", incident.text("/application").unwrap_or_default());
    details
}

/// How to send the request again from a terminal, if it is one that the sandbox knows.
pub(super) fn curl<'a>(web: &'a Web, incident: &Incident) -> Option<&'a str> {
    let code = incident.call.reason.as_deref()?;
    let mut scenarios = web.settings().scenarios.iter();
    let same = scenarios.find(|scenario| scenario.reason == code && scenario.curl.contains(&incident.call.path))?;
    (same.curl.len() <= CURL_MAX).then_some(same.curl.as_str())
}

/// A longer line is no use on a page.
const CURL_MAX: usize = 600;

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
