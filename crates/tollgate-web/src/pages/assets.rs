//! Files that pages load. They are in the binary.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderMap};

use super::stop::Stop;
use crate::Web;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Name, type and content of each.
pub(crate) const ASSETS: &[(&str, &str, &str)] = &[
    ("tollgate.css", STYLE, include_str!("../../assets/tollgate.css")),
    ("tollgate-402.js", SCRIPT, include_str!("../../assets/tollgate-402.js")),
    ("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
    ("playground.js", SCRIPT, include_str!("../../assets/playground.js")),
];

/// `GET /assets/{name}`. Anybody's page may load the module.
pub(super) async fn asset(State(web): State<Web>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, kind, content)) = ASSETS.iter().find(|(known, _, _)| *known == name) else {
        return Stop::NotFound("There is no such file.").answer(&web, &headers);
    };
    let headers = [(CONTENT_TYPE, *kind), (CACHE_CONTROL, "max-age=300"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, *content).into_response()
}
