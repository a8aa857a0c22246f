//! Who may use the admin API: whoever has the token.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::Problem;
use crate::Web;
use crate::secret::is_same;

/// Lets requests with the admin token pass, and no others.
pub(super) async fn authorize(State(web): State<Web>, request: Request, next: Next) -> Response {
    let mut credentials = request.headers().get_all(AUTHORIZATION).iter();
    let credential = credentials.next().filter(|_| credentials.next().is_none());
    if is_admin(&web, credential) { next.run(request).await } else { Problem::unauthorized().into_response() }
}

/// Whether `credential` is the admin token. Without a token nobody is an administrator.
pub(crate) fn is_admin(web: &Web, credential: Option<&HeaderValue>) -> bool {
    let wanted = &web.settings().admin_token;
    let given = credential.and_then(|value| value.to_str().ok()).and_then(|text| text.split_once(' '));
    match given {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !wanted.is_empty() => {
            is_same(token.trim(), wanted)
        }
        _ => false,
    }
}
