//! A template as an answer, and the headers that every page carries.

use askama::Template;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use tracing::error;

use crate::Web;
use crate::settings::Sandbox;

/// What a page may load and where its forms may go: nothing from elsewhere, no scripts, no styles inside.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// What stands around every page.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) product: String,
    pub(crate) is_sandbox: bool,
    pub(crate) has_playground: bool,
    pub(crate) support: Option<String>,
}

impl Frame {
    pub(crate) fn of(web: &Web) -> Self {
        let settings = web.settings();
        Self {
            product: settings.product.clone(),
            is_sandbox: settings.sandbox == Sandbox::On,
            has_playground: settings.playground.is_some(),
            support: support_link(&settings.support, ""),
        }
    }
}

/// Where people write to; about the request `subject` if it is not empty.
pub(crate) fn support_link(support: &str, subject: &str) -> Option<String> {
    let is_page = support.starts_with("https://") || support.starts_with("http://");
    match (support.contains('@'), subject) {
        _ if is_page => Some(support.to_owned()),
        (true, "") => Some(format!("mailto:{support}")),
        (true, subject) => Some(format!("mailto:{support}?subject={subject}")),
        (false, _) => None,
    }
}

/// `template` as an answer.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, [(CACHE_CONTROL, "no-store")], Html(text)).into_response(),
        Err(error) => {
            error!(%error, "A page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be shown.").into_response()
        }
    }
}

/// Whether a program asks, and not a person's browser.
pub(crate) fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(http::header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

/// Puts the protecting headers on whatever a page answers.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.append(VARY, HeaderValue::from_static("Accept, Origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn support_is_an_address_or_a_page_and_nothing_else() {
        assert_eq!(support_link("a@b.test", "req_1").as_deref(), Some("mailto:a@b.test?subject=req_1"));
        assert_eq!(support_link("https://b.test/help", "req_1").as_deref(), Some("https://b.test/help"));
        assert_eq!(support_link("https://b.test/@help", "").as_deref(), Some("https://b.test/@help"));
        assert_eq!((support_link("", ""), support_link("javascript:x", "")), (None, None));
    }

    #[test]
    fn programs_say_that_they_want_json() {
        let wants = |accept: &'static str| {
            wants_json(&HeaderMap::from_iter([(http::header::ACCEPT, HeaderValue::from_static(accept))]))
        };
        assert!(wants("application/json"));
        assert!(!wants("text/html,application/xhtml+xml,application/json;q=0.9") && !wants("*/*"));
    }
}
