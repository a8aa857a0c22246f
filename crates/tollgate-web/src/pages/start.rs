//! `/`: what runs here.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use tollgate_payments::TEST_CARDS;

use super::html::{Frame, page};
use crate::Web;

/// A request to try, as the page shows it.
struct Trial<'a> {
    reason: &'a str,
    status: u16,
    curl: &'a str,
    /// Whether the reason has a page in the documentation.
    has_docs: bool,
}

#[derive(Template)]
#[template(path = "start.html")]
struct Start<'a> {
    frame: Frame,
    gateway: &'a str,
    trials: Vec<Trial<'a>>,
    cards: &'static [tollgate_payments::TestCard],
}

/// A longer line is no use on a page.
const CURL_MAX: usize = 600;

pub(super) async fn start(State(web): State<Web>) -> Response {
    let settings = web.settings();
    let trials = settings.scenarios.iter().map(|scenario| Trial {
        reason: &scenario.reason,
        status: scenario.status,
        curl: if scenario.curl.len() > CURL_MAX { "" } else { &scenario.curl },
        has_docs: scenario.reason != "ok",
    });
    let cards: &[_] = if web.is_sandbox() && web.payments().is_some() { TEST_CARDS } else { &[] };
    let start = Start { frame: Frame::of(&web), gateway: &settings.gateway_url, trials: trials.collect(), cards };
    page(StatusCode::OK, &start)
}
