//! Errors as Anthropic words them.

use http::Response;
use serde_json::{Value, json};

use crate::sandbox::body::Body;
use crate::sandbox::fault::Fault;
use crate::sandbox::json;

/// The answer that says what is wrong.
pub(super) fn answer(fault: &Fault) -> Response<Body> {
    json::answer(fault.status(), &body(fault))
}

/// The error object, which is also the data of an event.
pub(super) fn body(fault: &Fault) -> Value {
    let kind = match (fault, fault.status().as_u16()) {
        (Fault::OnPurpose(_, Some(kind)), _) => kind,
        (_, 401) => "authentication_error",
        (_, 402) => "billing_error",
        (_, 403) => "permission_error",
        (_, 404) => "not_found_error",
        (_, 429) => "rate_limit_error",
        (_, 529) => "overloaded_error",
        (_, 500..) => "api_error",
        _ => "invalid_request_error",
    };
    let message = match fault {
        Fault::Method(..) => "Method Not Allowed".to_owned(),
        Fault::Unreadable => "The request body broke off or is too large".to_owned(),
        Fault::Malformed(error) => format!("The request body is not valid JSON, or no request: {error}"),
        Fault::Missing(field) => format!("{field}: Field required"),
        Fault::OutOfRange { field, value, least, most } => {
            format!("{field}: Input should be between {least} and {most}, and is {value}")
        }
        Fault::UnknownModel(model) => format!("model: {model}"),
        Fault::OnPurpose(status, _) => format!("The request asked for status {status}"),
        Fault::Failed => "Internal server error".to_owned(),
    };
    json!({ "type": "error", "error": { "type": kind, "message": message } })
}
