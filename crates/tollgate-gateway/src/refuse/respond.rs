//! A problem as an HTTP response.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue,
    LINK, RETRY_AFTER, VARY,
};
use http::{HeaderName, Response, StatusCode};
use serde_json::Value;
use tollgate_core::decision::{Facts, Reason, RetryClass};

use crate::answer::AnswerBody;
use crate::headers::value;

use super::{Dialect, Problem, Refusal, anthropic, gemini, html, mcp, openai, xml};

const TOLLGATE_REASON: HeaderName = HeaderName::from_static("tollgate-reason");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What a page in a browser may read.
pub(crate) const EXPOSED: &str = "Tollgate-Reason, Tollgate-Cost, Tollgate-Balance, Tollgate-Warning, Tollgate-Clamped, \
                                  Tollgate-Degraded, Retry-After, Link, RateLimit, RateLimit-Policy, x-request-id, \
                                  request-id, x-should-retry, WWW-Authenticate, PAYMENT-REQUIRED, PAYMENT-RESPONSE, \
                                  Payment-Receipt, Mcp-Session-Id";

/// Waits longer than this are not for a program to sit out.
const PATIENCE: Duration = Duration::from_secs(60);

/// The response for `problem`.
pub(crate) fn respond(refusal: &Refusal, problem: &Problem, dialect: Dialect) -> Response<AnswerBody> {
    let mut status = problem.status;
    let body = match dialect {
        Dialect::Mcp(form) => {
            let form = mcp::form_for(refusal, problem, form);
            status = mcp::status(problem, form);
            mcp::message(problem, form)
        }
        Dialect::Json => Value::Object(problem.members.clone()).to_string(),
        Dialect::Xml => xml::document(&problem.members),
        Dialect::Html => html::page(problem),
        Dialect::OpenAi => Value::Object(openai::envelope(problem)).to_string(),
        Dialect::Anthropic => Value::Object(anthropic::envelope(problem)).to_string(),
        Dialect::Gemini => Value::Object(gemini::envelope(problem)).to_string(),
    };
    let mut response = Response::new(AnswerBody::whole(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(dialect.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Language, Authorization"));
    headers.insert(TOLLGATE_REASON, HeaderValue::from_static(problem.code));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    if dialect == Dialect::Html {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(html::CONTENT_SECURITY_POLICY));
    }
    links(headers, problem);
    match refusal {
        Refusal::Denied(denied) => {
            retry(headers, problem, denied.retry.when);
            rate_limit(headers, &denied.denial.facts, denied.retry.wait);
            if denied.denial.reason == Reason::ApiKeyMissing || denied.denial.reason == Reason::ApiKeyInvalid {
                headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tollgate\""));
            }
        }
        Refusal::Fault(fault) => {
            if let Some(allow) = &fault.allow {
                headers.insert(ALLOW, value(allow));
            }
            retry(headers, problem, RetryClass::AfterTime);
        }
    }
    response
}

fn links(headers: &mut HeaderMap, problem: &Problem) {
    let mut links = Vec::new();
    if let Some(url) = &problem.payment_url {
        links.push(format!("<{url}>; rel=\"payment\""));
    }
    if let Some(url) = &problem.docs_url {
        links.push(format!("<{url}>; rel=\"help\""));
        links.push(format!("<{}>; rel=\"describedby\"", problem.type_url));
    }
    if !links.is_empty() {
        headers.insert(LINK, value(&links.join(", ")));
    }
}

/// Tells SDKs whether to repeat the request by themselves. Never for a payment; for too fast a request
/// only if a program can wait for it.
fn retry(headers: &mut HeaderMap, problem: &Problem, helps: RetryClass) {
    let (status, after) = (problem.status, problem.retry_after);
    if let Some(after) = after {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
    }
    let hopeless = match status {
        402 => true,
        429 => after.is_none_or(|after| after > PATIENCE),
        // An operator has to act first.
        _ => status >= 500 && helps != RetryClass::AfterTime,
    };
    if hopeless {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
}

/// Rounded up: whoever comes back earlier comes too early.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The RateLimit fields of the policy that was violated (draft-ietf-httpapi-ratelimit-headers-10).
fn rate_limit(headers: &mut HeaderMap, facts: &Facts, wait: Option<Duration>) {
    let reset = wait.map_or_else(String::new, |wait| format!(";t={}", wait.as_secs().max(1)));
    let (policy, limit) = match facts {
        Facts::Rate(rate) => {
            let unit = if rate.unit == "tokens" { ";tollgate-unit=\"tokens\"" } else { "" };
            (
                format!("\"{}\";q={};w={}{unit}", rate.policy, rate.limit, rate.window.as_secs()),
                format!("\"{}\";r=0{reset}", rate.policy),
            )
        }
        Facts::Concurrency { policy, limit } => {
            (format!("\"{policy}\";q={limit};qu=\"concurrent-requests\""), format!("\"{policy}\";r=0{reset}"))
        }
        Facts::Quota(quota) => {
            let window = quota.window.map_or_else(String::new, |window| format!(";w={}", window.as_secs()));
            let left = quota.limit.saturating_sub(quota.used);
            (format!("\"{}\";q={}{window}", quota.policy, quota.limit), format!("\"{}\";r={left}{reset}", quota.policy))
        }
        _ => return,
    };
    headers.insert(RATE_LIMIT_POLICY, value(&policy));
    headers.insert(RATE_LIMIT, value(&limit));
}
