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

/// A page of `docs/`.
struct Document {
    name: &'static str,
    title: &'static str,
    /// What it is about, for the index.
    about: &'static str,
    text: &'static str,
}

macro_rules! documents {
    ($($name:literal, $title:literal, $about:literal;)*) => {
        &[$(Document {
            name: $name,
            title: $title,
            about: $about,
            text: include_str!(concat!("../../../../docs/", $name, ".md")),
        },)*]
    };
}

const DOCUMENTS: &[Document] = documents![
    "refusals", "Refusals", "What an answer says that was not forwarded, in each dialect.";
    "client-module", "The client module", "A small JavaScript module that shows a way out when your front end meets a 402.";
    "llm", "Models", "Calling models through the gateway with unmodified SDKs.";
    "metering-and-limits", "Metering and limits", "What is counted, what it costs, and what happens when it is used up.";
    "ledger", "Ledger", "How every movement of money is kept and proved.";
    "admin-api", "Admin API", "Everything an operator's programs do.";
    "configuration", "Configuration", "The one file, key by key.";
];

#[derive(Template)]
#[template(path = "docs.html")]
struct Index {
    frame: Frame,
    documents: &'static [Document],
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
    page(StatusCode::OK, &Index { frame: Frame::of(&web), documents: DOCUMENTS })
}

/// `GET /docs/{name}`.
pub(super) async fn document(State(web): State<Web>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    match DOCUMENTS.iter().find(|document| document.name == name) {
        Some(document) => article(&web, document.title, document.text),
        None => Stop::NotFound("There is no such page; see the list of all of them.").answer(&web, &headers),
    }
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
