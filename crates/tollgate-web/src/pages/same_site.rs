//! Where a request of a browser comes from: our own pages, a front end that may, or elsewhere.

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    HOST, HeaderMap, ORIGIN,
};
use http::{HeaderValue, StatusCode};

use super::stop::Stop;
use crate::settings::{Settings, origin};

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// One of our pages, or a program without a browser.
    Here,
    /// A front end of the operator: its cookies say nothing, because they are ours.
    FrontEnd,
    /// Any other web site.
    Elsewhere,
}

/// Where the request with `headers` comes from.
pub(crate) fn from(settings: &Settings, headers: &HeaderMap) -> From {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let sender = text(ORIGIN.as_str());
    let is_own = |sender: &str| {
        let (_, host) = sender.split_once("://").unwrap_or_default();
        Some(host) == text(HOST.as_str()) || sender == origin(&settings.portal_url)
    };
    match (sender, text("sec-fetch-site")) {
        (_, Some("same-origin")) => From::Here,
        (Some(sender), _) if is_own(sender) => From::Here,
        (Some(sender), _) if sender != "null" && is_front_end(settings, sender) => From::FrontEnd,
        // Browsers send `null` for forms of pages that keep their address to themselves, as ours do, and
        // Sec-Fetch-Site only through TLS: the signed token of the form decides then.
        (None | Some("null"), None) => From::Here,
        _ => From::Elsewhere,
    }
}

fn is_front_end(settings: &Settings, sender: &str) -> bool {
    settings.front_ends.iter().any(|origin| origin == "*" || origin == sender)
}

/// Refuses what another web site sends.
///
/// # Errors
/// [`Stop::CrossSite`].
pub(crate) fn check(settings: &Settings, headers: &HeaderMap) -> Result<(), Stop> {
    match from(settings, headers) {
        From::Here | From::FrontEnd => Ok(()),
        From::Elsewhere => Err(Stop::CrossSite),
    }
}

/// Lets a front end read `response`.
pub(crate) fn share(settings: &Settings, headers: &HeaderMap, mut response: Response) -> Response {
    if let Some(sender) = headers.get(ORIGIN)
        && from(settings, headers) == From::FrontEnd
    {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, sender.clone());
    }
    response
}

/// What a browser asks before a front end sends something.
pub(crate) fn preflight(settings: &Settings, headers: &HeaderMap) -> Response {
    if from(settings, headers) != From::FrontEnd {
        return StatusCode::FORBIDDEN.into_response();
    }
    let allowed = [
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST")),
        (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type")),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ];
    share(settings, headers, (StatusCode::NO_CONTENT, allowed).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::bench::settings;

    fn asked(pairs: &[(&'static str, &'static str)]) -> From {
        let mut settings = settings();
        settings.front_ends = vec!["https://app.acme.test".to_owned()];
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1:4021"));
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        from(&settings, &headers)
    }

    #[test]
    fn our_pages_front_ends_and_strangers_are_told_apart() {
        assert_eq!(asked(&[]), From::Here, "no browser");
        assert_eq!(asked(&[("sec-fetch-site", "same-origin"), ("origin", "null")]), From::Here);
        assert_eq!(asked(&[("origin", "http://127.0.0.1:4021")]), From::Here);
        assert_eq!(asked(&[("origin", "http://localhost:4021")]), From::Here, "the portal's own address");
        assert_eq!(asked(&[("origin", "null")]), From::Here, "the token decides");
        let app = ("origin", "https://app.acme.test");
        assert_eq!(asked(&[app, ("sec-fetch-site", "cross-site")]), From::FrontEnd);
        assert_eq!(asked(&[("origin", "https://evil.test")]), From::Elsewhere);
        assert_eq!(asked(&[("origin", "null"), ("sec-fetch-site", "cross-site")]), From::Elsewhere);
        assert_eq!(asked(&[("sec-fetch-site", "same-site")]), From::Elsewhere);
    }
}
