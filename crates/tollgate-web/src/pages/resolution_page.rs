//! `/r/{request}/{action}`: the page that ends a refusal, and what its form does.
//!
//! A program gets and sends the same as JSON: `GET` says what is asked, with a token; `POST` sends the
//! fields back with it.

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_core::decision::Action;

use super::done::Done;
use super::form::{Fields, TOKEN, Token};
use super::html::{Frame, page, wants_json};
use super::incident::Incident;
use super::order::Order;
use super::resolution::{self, Wish};
use super::sheet::{Field, Sheet};
use super::stop::{Stop, Words};
use super::visit::Visit;
use super::{same_site, sign_in};
use crate::Web;

/// What a link may name.
#[derive(Deserialize)]
pub(crate) struct Linked {
    #[serde(default)]
    to: String,
    #[serde(default)]
    addon: String,
}

#[derive(Template)]
#[template(path = "resolution.html")]
struct Shown<'a> {
    frame: Frame,
    request: String,
    action: &'static str,
    reason: &'a str,
    sheet: &'a Sheet,
    token: &'a str,
    error: Option<&'a Words>,
}

impl Shown<'_> {
    /// Whether what was entered into `field` was not what was expected.
    fn is_wrong(&self, field: &str) -> bool {
        self.error.is_some_and(|error| error.field.as_deref() == Some(field))
    }
}

#[derive(Template)]
#[template(path = "done.html")]
struct Finished<'a> {
    frame: Frame,
    request: String,
    done: &'a Done,
    curl: Option<&'a str>,
}

/// `GET`: what is asked.
pub(super) async fn show(
    State(web): State<Web>,
    Path((request, action)): Path<(String, String)>,
    Query(linked): Query<Linked>,
    headers: HeaderMap,
) -> Response {
    let wish = Wish { item: if linked.to.is_empty() { linked.addon } else { linked.to } };
    let response = match look(&web, &headers, (&request, &action), &wish).await {
        Ok(response) => response,
        Err(Stop::SignIn) if !wants_json(&headers) => sign_in::ask(&web, &request, &action),
        Err(stop) => stop.answer(&web, &headers),
    };
    same_site::share(web.settings(), &headers, response)
}

const NO_ACTION: Stop =
    Stop::NotFound("There is no such way out. Look at the page of the request for those there are.");

async fn look(web: &Web, headers: &HeaderMap, (request, action): (&str, &str), wish: &Wish) -> Result<Response, Stop> {
    let action = resolution::named(action).ok_or(NO_ACTION)?;
    let incident = Incident::find(web, request).await?;
    if let Some(sheet) = resolution::explanation(action, web, &incident) {
        let asked = Asked { web, incident: &incident, action, token: Token::new(web, "") };
        return Ok(asked.answer(headers, &sheet, None));
    }
    let visit = Visit::begin(web, headers, incident).await?;
    let sheet = match visit.must_be_open() {
        Ok(()) => resolution::sheet(&visit, action, wish).await,
        Err(closed) => Err(closed),
    };
    let sheet = sheet.or_else(notice)?;
    let asked = Asked { web, incident: &visit.incident, action, token: Token::new(web, &subject(&visit, action)) };
    Ok(asked.answer(headers, &sheet, None))
}

/// What cannot be done as things are is said on the page itself.
fn notice(stop: Stop) -> Result<Sheet, Stop> {
    match stop {
        Stop::Impossible(text) => Ok(Sheet::notice("This cannot be done here", vec![text])),
        other => Err(other),
    }
}

/// What a token is good for: this action, on this request, for this customer.
fn subject(visit: &Visit, action: Action) -> String {
    format!("{} {} {}", visit.incident.id, action.id(), visit.id())
}

/// `POST`: does it.
pub(super) async fn send(
    State(web): State<Web>,
    Path((request, action)): Path<(String, String)>,
    sent: Request,
) -> Response {
    let headers = sent.headers().clone();
    let response = match carry_out(&web, (&request, &action), sent).await {
        Ok(response) => response,
        Err(Stop::SignIn) if !wants_json(&headers) => sign_in::ask(&web, &request, &action),
        Err(stop) => stop.answer(&web, &headers),
    };
    same_site::share(web.settings(), &headers, response)
}

async fn carry_out(web: &Web, (request, action): (&str, &str), sent: Request) -> Result<Response, Stop> {
    let headers = sent.headers().clone();
    same_site::check(web.settings(), &headers)?;
    let action = resolution::named(action).ok_or(NO_ACTION)?;
    let fields = Fields::read(sent).await?;
    let incident = Incident::find(web, request).await?;
    let visit = Visit::begin(web, &headers, incident).await?;
    let _lane = web.enter(visit.id()).await;
    // Anew, as things are after whatever was under way.
    let visit = Visit::begin(web, &headers, visit.incident).await?;
    let subject = subject(&visit, action);
    let (result, token) = match Token::check(web, &subject, fields.get(TOKEN)) {
        Ok(token) => (once(&visit, action, &fields, &token).await, Some(token)),
        Err(outdated) => (Err(outdated), None),
    };
    let stop = match result {
        Ok(done) => return Ok(finished(web, &headers, &visit.incident, &done)),
        Err(stop) if !stop.is_about_the_form() => return Err(stop),
        Err(stop) => stop,
    };
    let ordered = match &token {
        Some(token) => Order::open(web, token).await,
        None => Ok(None),
    };
    let sheet = match &ordered {
        Ok(Some(order)) => Ok(resolution::repeat_sheet(&visit, order)),
        Ok(None) | Err(_) => resolution::sheet(&visit, action, &Wish::default()).await,
    };
    let Ok(mut sheet) = sheet else { return Err(stop) };
    sheet.fill(&fields);
    // What may have happened, and be paid, is asked for under its name again; everything else under a new one.
    let may_have_happened = stop.may_have_happened() || !matches!(ordered, Ok(None));
    let token = token.filter(|_| may_have_happened).unwrap_or_else(|| Token::new(web, &subject));
    let asked = Asked { web, incident: &visit.incident, action, token };
    Ok(asked.answer(&headers, &sheet, Some(&stop.words())))
}

/// Does it, or says what was done when the form was sent before.
async fn once(visit: &Visit, action: Action, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    if let Some(done) = Done::before(&visit.web, token).await? {
        return Ok(done);
    }
    let fields = match Order::placed(&visit.web, token).await? {
        Some(order) => order.again(&visit.web, token, fields).await?,
        None => fields.clone(),
    };
    match resolution::act(visit, action, &fields, token).await {
        Ok(done) => Ok(done),
        // Another node may have been faster, or the answer of the commit was lost.
        Err(stop) => Done::before(&visit.web, token).await?.ok_or(stop),
    }
}

/// `OPTIONS`: what a browser asks for a front end.
pub(super) async fn preflight(State(web): State<Web>, headers: HeaderMap) -> Response {
    same_site::preflight(web.settings(), &headers)
}

/// A sheet that is asked about a request.
struct Asked<'a> {
    web: &'a Web,
    incident: &'a Incident,
    action: Action,
    token: Token,
}

impl Asked<'_> {
    fn answer(&self, headers: &HeaderMap, sheet: &Sheet, error: Option<&Words>) -> Response {
        if wants_json(headers) {
            return self.json(sheet, error);
        }
        let status = error.map_or(StatusCode::OK, |words| words.status);
        let shown = Shown {
            frame: Frame::of(self.web),
            request: self.incident.id.to_string(),
            action: self.action.id(),
            reason: self.incident.text("/title").unwrap_or("Your request"),
            sheet,
            token: self.token.text(),
            error,
        };
        page(status, &shown)
    }

    fn json(&self, sheet: &Sheet, error: Option<&Words>) -> Response {
        let mut members = serde_json::to_value(sheet).unwrap_or(Value::Null);
        members["request_id"] = self.incident.id.to_string().into();
        members["action"] = self.action.id().into();
        if !sheet.is_notice() {
            members[TOKEN] = self.token.text().into();
        }
        match error {
            None => (StatusCode::OK, [(CACHE_CONTROL, "no-store")], axum::Json(members)).into_response(),
            Some(words) => words.problem_with(json!({ "sheet": members })),
        }
    }
}

fn finished(web: &Web, headers: &HeaderMap, incident: &Incident, done: &Done) -> Response {
    if wants_json(headers) {
        return (StatusCode::OK, [(CACHE_CONTROL, "no-store")], axum::Json(json!({ "done": done }))).into_response();
    }
    let curl = super::incident_page::curl(web, incident);
    page(StatusCode::OK, &Finished { frame: Frame::of(web), request: incident.id.to_string(), done, curl })
}
