//! Errors of the admin API (RFC 9457): what is wrong, in which field, and what was expected there.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use tollgate_store::StoreError;
use tracing::error;

/// What is wrong. Small to hand on; its members are apart.
#[derive(Debug)]
pub(crate) struct Problem(Box<Members>);

/// What is wrong.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Members {
    /// Always `about:blank`: `code` says which error it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// A few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// Stable; for programs.
    code: &'static str,
    /// A sentence.
    detail: String,
    /// The field that is wrong, for example `policy.networks[0]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What was expected there.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    /// The line of the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// The column of the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

/// How long a program waits before it asks a store again that did not answer.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("2");

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Members {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            field: None,
            expected: None,
            line: None,
            column: None,
        }))
    }

    /// Its members.
    #[cfg(test)]
    pub(crate) fn members(&self) -> &Members {
        &self.0
    }

    /// 400: `field` holds something else than `expected`.
    pub(crate) fn invalid(field: impl Into<String>, expected: impl Into<String>) -> Self {
        let (field, expected) = (field.into(), expected.into());
        let detail = format!("{field}: expected {expected}.");
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "invalid_request", "Invalid request", detail);
        problem.0.field = Some(field);
        problem.0.expected = Some(expected);
        problem
    }

    /// The same, and where in the body it stands.
    pub(crate) fn at(mut self, line: usize, column: usize) -> Self {
        self.0.line = Some(line);
        self.0.column = Some(column);
        self
    }

    pub(crate) fn unauthorized() -> Self {
        let detail = "Send the admin token as `Authorization: Bearer <token>`.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail)
    }

    pub(crate) fn no_route() -> Self {
        let detail = "There is no such resource; see /admin/v1/openapi.json.";
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", format!("there is no {what} {id}"))
    }

    pub(crate) fn wrong_method() -> Self {
        let detail = "The resource does not know this method; see /admin/v1/openapi.json.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Conflict", detail)
    }

    pub(crate) fn too_large(most: usize) -> Self {
        let detail = format!("The body is larger than {most} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Body too large", detail)
    }

    pub(crate) fn not_json() -> Self {
        let detail = "Send the body as `Content-Type: application/json`.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported media type", detail)
    }

    /// 402: the payment provider declined.
    pub(crate) fn declined(code: &str, message: &str) -> Self {
        let detail = format!("The payment was declined ({code}): {message}");
        Self::new(StatusCode::PAYMENT_REQUIRED, "payment_declined", "Payment declined", detail)
    }

    /// 503: nobody knows what became of a payment.
    pub(crate) fn payment_unknown() -> Self {
        let detail = "The payment provider did not answer. Repeat the request with the same Idempotency-Key: \
                      nothing is charged twice.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "payment_unknown", "Payment not confirmed", detail)
    }

    fn unavailable() -> Self {
        let detail = "The database does not answer just now, or cannot be written. Nothing was changed.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "Store unavailable", detail)
    }
}

impl From<StoreError> for Problem {
    fn from(failed: StoreError) -> Self {
        match failed {
            StoreError::Invalid { field, expected } => Self::invalid(field, expected),
            StoreError::NotFound { .. } => {
                Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", failed.to_string())
            }
            StoreError::Conflict(detail) => Self::conflict(detail),
            StoreError::Unavailable(_)
            | StoreError::DiskFull
            | StoreError::ReadOnly
            | StoreError::Corrupt(_)
            | StoreError::InUse(_)
            | StoreError::Schema(_) => {
                error!(error = %failed, "A request of an administrator failed at the store");
                Self::unavailable()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"admin\""));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, RETRY_SECONDS);
            }
            _ => (),
        }
        response
    }
}

/// What every operation of the admin API may answer with instead.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "describes answers; handlers return `Problem`")]
pub(crate) enum Failures {
    /// Something in the request is not as it was expected; `field` says what.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Members),
    /// The admin token is missing or wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Members),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Members),
    /// It is not possible as things stand, or the Idempotency-Key was used for another request.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Members),
    /// The database does not answer. Nothing was changed; retry after `Retry-After` seconds.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Members),
}
