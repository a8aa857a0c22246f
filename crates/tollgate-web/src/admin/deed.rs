//! A deed: one change through the admin API, done once under its Idempotency-Key and answered alike each
//! time.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use tollgate_store::idempotency::StoredAnswer;
use tollgate_store::{Change, StoreError};

use super::{Once, Problem};
use crate::Web;

/// Who changes something here, in the audit trail.
const ACTOR: &str = "admin";
/// Where answers are kept.
const SCOPE: &str = "admin";

/// A change under way.
pub(crate) struct Deed {
    web: Web,
    change: Change,
    once: Once,
}

/// Why a handler ends early.
pub(crate) enum Stop {
    /// Something is wrong.
    Problem(Problem),
    /// It was done before; this is what was answered.
    Answered(StoredAnswer),
}

/// What a handler returns.
pub(crate) type Answer = Result<Response, Stop>;

impl<E: Into<Problem>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Answered(answer) => respond(answer.status, answer.body),
        }
    }
}

impl Deed {
    /// Begins a change.
    ///
    /// # Errors
    /// [`Stop::Answered`] if it was done before, 409 if something else was done under its name.
    pub(crate) async fn begin(web: &Web, once: Once) -> Result<Self, Stop> {
        if let Some(answer) = done_before(web, &once).await? {
            return Err(Stop::Answered(answer));
        }
        Ok(Self { web: web.clone(), change: web.store().change(ACTOR).await?, once })
    }

    /// The change.
    pub(crate) fn change(&mut self) -> &mut Change {
        &mut self.change
    }

    /// Makes it durable and answers 200.
    pub(crate) async fn done(self, value: &(impl Serialize + Sync)) -> Answer {
        self.finish(StatusCode::OK, value, value).await
    }

    /// Makes it durable and answers 201.
    pub(crate) async fn created(self, value: &(impl Serialize + Sync)) -> Answer {
        self.finish(StatusCode::CREATED, value, value).await
    }

    /// The same with an answer that is given once: `kept` is what a repetition gets.
    pub(crate) async fn created_secret(
        self,
        value: &(impl Serialize + Sync),
        kept: &(impl Serialize + Sync),
    ) -> Answer {
        self.finish(StatusCode::CREATED, value, kept).await
    }

    async fn finish(
        self,
        status: StatusCode,
        value: &(impl Serialize + Sync),
        kept: &(impl Serialize + Sync),
    ) -> Answer {
        let Self { web, mut change, once } = self;
        if let Some(name) = &once.name {
            let answer = StoredAnswer { status: status.as_u16(), body: json(kept) };
            match change.store_answer(SCOPE, name, &once.fingerprint, &answer).await {
                Ok(()) => (),
                // The same request came twice at the same time, and the other one was faster.
                Err(StoreError::Conflict(_)) => {
                    drop(change);
                    let answer = done_before(&web, &once).await?;
                    return Err(answer
                        .map_or_else(|| Problem::conflict("the same request is under way").into(), Stop::Answered));
                }
                Err(error) => return Err(error.into()),
            }
        }
        change.commit().await?;
        Ok(respond(status.as_u16(), json(value)))
    }
}

/// Nothing was done yet under the name of `once`: for what happens before the change begins.
///
/// # Errors
/// [`Stop::Answered`] if it was, 409 if something else was.
pub(super) async fn not_done(web: &Web, once: &Once) -> Result<(), Stop> {
    match done_before(web, once).await? {
        Some(answer) => Err(Stop::Answered(answer)),
        None => Ok(()),
    }
}

async fn done_before(web: &Web, once: &Once) -> Result<Option<StoredAnswer>, StoreError> {
    match &once.name {
        None => Ok(None),
        Some(name) => web.store().stored_answer(SCOPE, name, &once.fingerprint).await,
    }
}

fn json(value: &impl Serialize) -> String {
    // Rows and definitions are plain data; writing them cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn respond(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}
