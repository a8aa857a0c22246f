//! What an error of an upstream says, and of whom.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, SET_COOKIE};
use http::{Response, StatusCode};
use serde_json::Value;

use crate::headers::clean_response;

use crate::translation::Translation;

/// What went wrong with a request to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It gave no answer, or said that the fault is its own.
    Failed,
    /// Its key was refused.
    KeyRefused,
    /// The key may not do this: one model, one content.
    NotAllowed,
    /// The operator's balance there is used up.
    OutOfFunds,
    /// Too much was asked of it, with this key.
    TooFast(Option<Duration>),
}

impl Trouble {
    /// What an error with this head and body says about the upstream; `None` if it is about the request.
    ///
    /// Only members that the upstream writes itself are looked at: its messages repeat what callers sent.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &body["error"];
        let says = |words: &str| [&error["code"], &error["type"], &error["status"]].iter().any(|it| **it == *words);
        // OpenAI says 429 when the operator's balance there is used up, Anthropic 400, others 402.
        let is_out_of_funds = says("insufficient_quota")
            || says("billing_not_active")
            || error["message"].as_str().is_some_and(|it| it.starts_with("Your credit balance is too low"));
        let details = error["details"].as_array().into_iter().flatten();
        let mut reasons = details.filter_map(|detail| detail["reason"].as_str());
        match status {
            StatusCode::PAYMENT_REQUIRED => Some(Self::OutOfFunds),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST if is_out_of_funds => {
                Some(Self::OutOfFunds)
            }
            // So says Gemini.
            StatusCode::BAD_REQUEST if reasons.any(|reason| reason == "API_KEY_INVALID") => Some(Self::KeyRefused),
            StatusCode::UNAUTHORIZED => Some(Self::KeyRefused),
            StatusCode::FORBIDDEN => Some(Self::NotAllowed),
            StatusCode::TOO_MANY_REQUESTS => {
                let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Some(Self::TooFast(seconds.map(Duration::from_secs)))
            }
            _ if status.is_server_error() => Some(Self::Failed),
            _ => None,
        }
    }
}

/// An upstream's error as the caller gets it.
pub(super) fn error_for(
    translation: Option<&Translation>,
    mut head: http::response::Parts,
    body: Bytes,
) -> Response<Bytes> {
    clean_response(&mut head.headers);
    drop_operators(&mut head.headers);
    let body = match translation {
        None => body,
        Some(translation) => {
            head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            translation.error(head.status.as_u16(), &body)
        }
    };
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(head, body)
}

/// Takes out what an upstream says to the operator: who it is there, and what is left of its limits.
pub(super) fn drop_operators(headers: &mut HeaderMap) {
    let is_operators = |name: &HeaderName| {
        let name = name.as_str();
        name == SET_COOKIE.as_str()
            || ["openai-organization", "openai-project", "anthropic-organization-id"].contains(&name)
            || name.starts_with("x-ratelimit-")
            || name.starts_with("anthropic-ratelimit-")
    };
    let names: Vec<HeaderName> = headers.keys().filter(|name| is_operators(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(status: u16, body: &str) -> Option<Trouble> {
        Trouble::of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn whose_fault_an_error_is() {
        assert_eq!(trouble(500, ""), Some(Trouble::Failed));
        assert_eq!(trouble(529, ""), Some(Trouble::Failed));
        assert_eq!(trouble(401, ""), Some(Trouble::KeyRefused));
        assert_eq!(trouble(403, "{}"), Some(Trouble::NotAllowed));
        assert_eq!(trouble(402, ""), Some(Trouble::OutOfFunds));
        assert_eq!(trouble(429, r#"{"error":{"code":"insufficient_quota"}}"#), Some(Trouble::OutOfFunds));
        assert_eq!(trouble(429, "{}"), Some(Trouble::TooFast(None)));
        let low = r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API"}}"#;
        assert_eq!(trouble(400, low), Some(Trouble::OutOfFunds));
        let key = r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#;
        assert_eq!(trouble(400, key), Some(Trouble::KeyRefused));
        for status in [400, 404, 413, 422] {
            assert_eq!(trouble(status, "{}"), None, "{status}");
        }
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
        let told = Trouble::of(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
        assert_eq!(told, Some(Trouble::TooFast(Some(Duration::from_secs(7)))));
    }

    #[test]
    fn what_a_caller_has_written_is_nobodys_trouble() {
        let echoed = r#"{"error":{"message":"role 'insufficient_quota' is unknown: billing_not_active","code":"invalid_value"}}"#;
        assert_eq!(trouble(400, echoed), None);
        assert_eq!(trouble(400, r#"{"error":{"message":"No tool named Your credit balance is too low"}}"#), None);
    }
}
