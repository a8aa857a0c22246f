//! `/docs`: the documentation that is in the binary. `docs/errors/` has one page for every reason; one
//! that is missing does not compile.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use http::header::HeaderMap;
use tollgate_core::decision::Reason;

use super::html::{Frame, page};
use super::stop::Stop;
use crate::Web;

mod errors;
mod markdown;

const CLIENT_MODULE: &str = include_str!("../../../../docs/client-module.md");

#[derive(Template)]
#[template(path = "docs.html")]
struct Index {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "errors.html")]
struct Errors {
    frame: Frame,
    reasons: &'static [Reason],
}

#[derive(Template)]
#[template(path = "article.html")]
struct Article<'a> {
    frame: Frame,
    title: &'a str,
    /// Made from our own Markdown, in which HTML is text.
    html: String,
}

/// `GET /docs`.
pub(super) async fn index(State(web): State<Web>) -> Response {
    page(StatusCode::OK, &Index { frame: Frame::of(&web) })
}

/// `GET /docs/client-module`.
pub(super) async fn client_module(State(web): State<Web>) -> Response {
    article(&web, "The client module", CLIENT_MODULE)
}

/// `GET /docs/errors`.
pub(super) async fn errors(State(web): State<Web>) -> Response {
    page(StatusCode::OK, &Errors { frame: Frame::of(&web), reasons: Reason::ALL })
}

/// `GET /docs/errors/{reason}`.
pub(super) async fn error(State(web): State<Web>, Path(code): Path<String>, headers: HeaderMap) -> Response {
    let found = code.parse::<Reason>().ok().and_then(|reason| Some((reason, errors::page(reason)?)));
    match found {
        Some((reason, text)) => article(&web, reason.title(), text),
        None => Stop::NotFound("There is no such reason; see the list of all of them.").answer(&web, &headers),
    }
}

fn article(web: &Web, title: &str, text: &str) -> Response {
    page(StatusCode::OK, &Article { frame: Frame::of(web), title, html: markdown::html(text) })
}
