//! The way of one request: note it, find its endpoint, answer.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::watch;
use tollgate_core::time::Clock;

use super::body::Body;
use super::endpoint::Endpoint;
use super::journal::Journal;
use super::{anthropic, gemini, json, mcp, openai, rest, websocket};

/// What the connections of a sandbox share.
pub struct Service {
    clock: Arc<dyn Clock>,
    journal: Journal,
}

impl Service {
    /// A service whose models date their answers by `clock` and that notes requests in `journal`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, journal: Journal) -> Self {
        Self { clock, journal }
    }

    /// What it has received.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Answers one request. `stopping` ends what would outlive its connection.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        stopping: watch::Receiver<bool>,
    ) -> Result<Response<Body>, Infallible> {
        let (endpoint, rest_of_path) = Endpoint::of(request.uri().path());
        self.journal.note(endpoint, request.headers());
        Ok(match endpoint {
            Endpoint::RestEcho => rest::echo(request),
            Endpoint::RestBytes => rest::bytes(rest_of_path),
            Endpoint::RestStream => rest::stream(rest_of_path),
            Endpoint::RestStatus => rest::status(rest_of_path),
            Endpoint::RestSlow => rest::slow(rest_of_path).await,
            Endpoint::RestHang => std::future::pending().await,
            Endpoint::RestEndless => rest::endless(),
            Endpoint::RestCut => rest::cut(rest_of_path),
            Endpoint::RestReport => rest::report(),
            Endpoint::RestWebSocket => websocket::accept(request, stopping),
            Endpoint::ChatCompletions => openai::chat_completions(request, self.clock.now()).await,
            Endpoint::Embeddings => openai::embeddings(request).await,
            Endpoint::Responses => openai::responses(request, self.clock.now()).await,
            Endpoint::Messages => anthropic::serve(request).await,
            Endpoint::Contents => gemini::serve(request).await,
            Endpoint::Mcp => mcp::serve(request).await,
            // Gemini's newer SDKs ask below `/v1` too.
            Endpoint::Models if rest_of_path.contains(':') => gemini::serve(request).await,
            Endpoint::Models => openai::models(rest_of_path),
            Endpoint::Journal => self.requests(request.uri().query()),
            Endpoint::Unknown => json::error(StatusCode::NOT_FOUND, "the sandbox has no such path"),
        })
    }

    fn requests(&self, query: Option<&str>) -> Response<Body> {
        let id = query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("id="));
        let found = match id {
            Some(id) => json!({ "id": id, "count": self.journal.requests_with_id(id) }),
            None => {
                let paths: serde_json::Map<_, _> =
                    self.journal.by_path().map(|(path, count)| (path.to_owned(), count.into())).collect();
                json!({ "total": self.journal.requests(""), "paths": paths })
            }
        };
        json::answer(StatusCode::OK, &found)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("journal", &self.journal).finish_non_exhaustive()
    }
}
