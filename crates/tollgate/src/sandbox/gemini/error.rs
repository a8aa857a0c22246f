//! Errors as Google words them.

use http::Response;
use serde_json::{Value, json};

use crate::sandbox::body::Body;
use crate::sandbox::fault::Fault;
use crate::sandbox::json;

/// The answer that says what is wrong.
pub(super) fn answer(fault: &Fault) -> Response<Body> {
    json::answer(fault.status(), &body(fault))
}

/// The error object.
pub(super) fn body(fault: &Fault) -> Value {
    let code = fault.status().as_u16();
    let status = match (fault, code) {
        (Fault::OnPurpose(_, Some(status)), _) => status,
        (_, 401) => "UNAUTHENTICATED",
        (_, 403) => "PERMISSION_DENIED",
        (_, 404) => "NOT_FOUND",
        (_, 402 | 429) => "RESOURCE_EXHAUSTED",
        (_, 503) => "UNAVAILABLE",
        (_, 500..) => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let message = match fault {
        Fault::Method(method, _) => format!("{method} is not allowed here."),
        Fault::Unreadable => "The request broke off or is too large.".to_owned(),
        Fault::Malformed(error) => format!("Invalid JSON payload received. {error}"),
        Fault::Missing(field) => format!("* {field}: must be specified"),
        Fault::OutOfRange { field, value, least, most } => {
            format!("* {field}: must be between {least} and {most}, and is {value}")
        }
        Fault::UnknownModel(model) => format!("models/{model} is not found, or not supported for this method."),
        Fault::OnPurpose(status, _) => format!("The request asked for status {status}."),
        Fault::Failed => "An internal error has occurred. Please retry.".to_owned(),
    };
    json!({ "error": { "code": code, "message": message, "status": status } })
}
