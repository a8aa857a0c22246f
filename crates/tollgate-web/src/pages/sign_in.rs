//! Signing in with an API key. The key is in the body of the form, never in a URL, and is not kept.

use std::time::Instant;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{HeaderMap, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use tollgate_core::id::RequestId;

use super::form::{Fields, TOKEN, Token};
use super::html::{Frame, page};
use super::stop::Stop;
use super::visit::{COOKIE_NAME, present_key, session_cookie};
use super::{resolution, same_site};
use crate::Web;
use crate::secret::random_text;
use crate::session::Member;

/// What the token of the form is for.
const SUBJECT: &str = "sign-in";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Form<'a> {
    frame: Frame,
    token: &'a str,
    request: &'a str,
    action: &'a str,
    error: Option<String>,
}

/// Asks for a key, to go on to `action` of the request `request`.
pub(crate) fn ask(web: &Web, request: &str, action: &str) -> Response {
    form(web, request, action, None)
}

fn form(web: &Web, request: &str, action: &str, error: Option<&Stop>) -> Response {
    let words = error.map(Stop::words);
    let status = words.as_ref().map_or(StatusCode::UNAUTHORIZED, |words| words.status);
    let token = Token::new(web, SUBJECT);
    let error = words.map(|words| words.detail);
    page(status, &Form { frame: Frame::of(web), token: token.text(), request, action, error })
}

/// `POST /sign-in`.
pub(crate) async fn sign_in(State(web): State<Web>, request: Request) -> Response {
    let headers = request.headers().clone();
    let fields = match read(&web, request).await {
        Ok(fields) => fields,
        Err(stop) => return stop.answer(&web, &headers),
    };
    let (request, action) = (fields.get("request"), fields.get("action"));
    let entered = match Token::check(&web, SUBJECT, fields.get(TOKEN)) {
        Ok(_) => present_key(&web, fields.get("api_key")).await,
        Err(outdated) => Err(outdated),
    };
    match entered {
        Ok(key) => {
            let cookie = random_text();
            let member = Member { customer: key.customer.0, key: key.id.0 };
            web.sessions().begin(&cookie, member, Instant::now());
            with_cookie(&web, &cookie, 12 * 3_600, Redirect::to(&place(request, action)))
        }
        Err(stop) => form(&web, request, action, Some(&stop)),
    }
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(State(web): State<Web>, request: Request) -> Response {
    let headers = request.headers().clone();
    if let Err(stop) = read(&web, request).await {
        return stop.answer(&web, &headers);
    }
    end(&web, &headers);
    with_cookie(&web, "", 0, Redirect::to("/"))
}

fn end(web: &Web, headers: &HeaderMap) {
    if let Some(cookie) = session_cookie(headers) {
        web.sessions().end(cookie);
    }
}

async fn read(web: &Web, request: Request) -> Result<Fields, Stop> {
    same_site::check(web.settings(), request.headers())?;
    Fields::read(request).await
}

/// The page to go on to: one of ours, whatever the form says.
fn place(request: &str, action: &str) -> String {
    let Ok(id) = request.parse::<RequestId>() else { return "/".to_owned() };
    match resolution::named(action) {
        Some(action) => format!("/r/{id}/{}", action.id()),
        None => format!("/r/{id}"),
    }
}

fn with_cookie(web: &Web, cookie: &str, seconds: u32, to: Redirect) -> Response {
    let secure = if web.settings().is_https() { "; Secure" } else { "" };
    let text = format!("{COOKIE_NAME}={cookie}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let mut response = to.into_response();
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}
