//! Errors as OpenAI words them.

use http::Response;
use serde_json::{Value, error::Category, json};

use crate::sandbox::body::Body;
use crate::sandbox::fault::Fault;
use crate::sandbox::json;

/// The answer that says what is wrong.
pub(super) fn answer(fault: &Fault) -> Response<Body> {
    json::answer(fault.status(), &body(fault))
}

/// The error object.
pub(super) fn body(fault: &Fault) -> Value {
    let kind = if fault.status().is_server_error() { "server_error" } else { "invalid_request_error" };
    let (message, param, code) = words(fault);
    json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
}

/// Message, parameter and code.
pub(super) fn words(fault: &Fault) -> (String, Option<&'static str>, Option<&str>) {
    match fault {
        Fault::Method(method, path) => {
            (format!("Not allowed to {method} on {path}. (HINT: Perhaps you meant to use POST?)"), None, None)
        }
        Fault::Unreadable => ("The body of your request broke off or is too large.".to_owned(), None, None),
        Fault::Malformed(error) => match error.classify() {
            Category::Data => (format!("Invalid request: {error}"), None, None),
            Category::Syntax | Category::Eof | Category::Io => {
                (format!("We could not parse the JSON body of your request: {error}"), None, None)
            }
        },
        Fault::Missing(param) => {
            (format!("Missing required parameter: '{param}'."), Some(*param), Some("missing_required_parameter"))
        }
        Fault::OutOfRange { field, value, least, most } => {
            let (bound, code) = if value < least {
                (format!("below minimum value. Expected a value >= {least}"), "integer_below_min_value")
            } else {
                (format!("above maximum value. Expected a value <= {most}"), "integer_above_max_value")
            };
            (format!("Invalid '{field}': integer {bound}, but got {value} instead."), Some(*field), Some(code))
        }
        Fault::UnknownModel(model) => {
            let message = format!("The model `{model}` does not exist or you do not have access to it.");
            (message, None, Some("model_not_found"))
        }
        Fault::OnPurpose(status, code) => (format!("The request asked for status {status}."), None, code.as_deref()),
        Fault::Failed => {
            ("The server had an error while processing your request. Sorry about that!".to_owned(), None, None)
        }
    }
}
