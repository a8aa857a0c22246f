//! Errors as OpenAI words them.

use http::{Method, Response, StatusCode};
use serde_json::{Value, error::Category, json};

use crate::sandbox::body::Body;
use crate::sandbox::json;

/// An error answer.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

impl ApiError {
    fn invalid(message: String, param: Option<&'static str>, code: Option<&'static str>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "invalid_request_error", message, param, code }
    }

    pub(super) fn malformed(error: &serde_json::Error) -> Self {
        match error.classify() {
            Category::Data => Self::invalid(format!("Invalid request: {error}"), None, None),
            Category::Syntax | Category::Eof | Category::Io => {
                Self::invalid(format!("We could not parse the JSON body of your request: {error}"), None, None)
            }
        }
    }

    pub(super) fn unreadable() -> Self {
        Self::invalid("The body of your request broke off or is too large.".to_owned(), None, None)
    }

    pub(super) fn missing(param: &'static str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        Self::invalid(message, Some(param), Some("missing_required_parameter"))
    }

    pub(super) fn out_of_range(param: &'static str, value: i64, min: i64, max: i64) -> Self {
        let (message, code) = if value < min {
            (format!("below minimum value. Expected a value >= {min}"), "integer_below_min_value")
        } else {
            (format!("above maximum value. Expected a value <= {max}"), "integer_above_max_value")
        };
        Self::invalid(
            format!("Invalid '{param}': integer {message}, but got {value} instead."),
            Some(param),
            Some(code),
        )
    }

    pub(super) fn model_not_found(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(message, None, Some("model_not_found")) }
    }

    pub(super) fn method_not_allowed(method: &Method, path: &str) -> Self {
        let message = format!("Not allowed to {method} on {path}. (HINT: Perhaps you meant to use POST?)");
        Self { status: StatusCode::METHOD_NOT_ALLOWED, ..Self::invalid(message, None, None) }
    }

    /// What a model says that fails on its own side.
    pub(super) fn overloaded() -> Self {
        let message = "The server had an error while processing your request. Sorry about that!".to_owned();
        let (status, kind) = (StatusCode::INTERNAL_SERVER_ERROR, "server_error");
        Self { status, kind, message, param: None, code: None }
    }

    pub(super) fn to_json(&self) -> Value {
        let Self { status: _, kind, message, param, code } = self;
        json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
    }

    pub(super) fn into_response(self) -> Response<Body> {
        json::answer(self.status, &self.to_json())
    }
}
