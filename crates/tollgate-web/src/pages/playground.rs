//! `/playground`: see a 402 happen, and end it. The only page with a script.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::header::{CONTENT_SECURITY_POLICY, HeaderMap};
use http::{HeaderValue, StatusCode};

use super::html::{Frame, page};
use super::stop::Stop;
use crate::Web;
use crate::settings::origin;

#[derive(Template)]
#[template(path = "playground.html")]
struct Shown<'a> {
    frame: Frame,
    gateway: &'a str,
    path: &'a str,
    key: &'a str,
    price: String,
    currency: String,
}

pub(super) async fn show(State(web): State<Web>, headers: HeaderMap) -> Response {
    let settings = web.settings();
    let Some(playground) = &settings.playground else {
        return Stop::NotFound("There is no playground here.").answer(&web, &headers);
    };
    let shown = Shown {
        frame: Frame::of(&web),
        gateway: &settings.gateway_url,
        path: &playground.path,
        key: &playground.key,
        price: playground.price.amount.to_string(),
        currency: playground.price.currency.to_string(),
    };
    let mut response = page(StatusCode::OK, &shown);
    if let Ok(policy) = HeaderValue::from_str(&policy(origin(&settings.gateway_url))) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Our own scripts, which talk to us and to the gateway.
fn policy(gateway: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; connect-src 'self' {gateway}; style-src 'self'; img-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}
