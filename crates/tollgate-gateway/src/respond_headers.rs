//! Headers of answers: who, what it cost, what is left, what is ahead; and what browsers may read.

use std::fmt::Write as _;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, VARY,
};
use http::{Method, Request, Response, StatusCode};
use tollgate_core::catalogue::{Disclosure, RateUnit};
use tollgate_core::decision::Notices;
use tollgate_core::money::{Currency, Nanos};
use tollgate_core::period::Period;

use crate::admit::Admission;
use crate::answer::AnswerBody;
use crate::estimate::ModelEstimate;
use crate::headers::{owned_value, value};
use crate::refuse::EXPOSED;
use crate::settle::Receipt;
use crate::snapshot::Setup;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const COST: HeaderName = HeaderName::from_static("tollgate-cost");
const BALANCE: HeaderName = HeaderName::from_static("tollgate-balance");
const WARNING: HeaderName = HeaderName::from_static("tollgate-warning");
const CLAMPED: HeaderName = HeaderName::from_static("tollgate-clamped");
const LEFT_OUT: HeaderName = HeaderName::from_static("tollgate-left-out");
const DEGRADED: HeaderName = HeaderName::from_static("tollgate-degraded");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The request's id under the two names that SDKs read.
pub(crate) fn identify(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id.clone());
    headers.insert(ANTHROPIC_REQUEST_ID, id);
}

/// On which terms an answer is served.
pub(crate) fn terms(
    headers: &mut HeaderMap,
    admission: &Admission,
    clamped: Option<u64>,
    model: Option<&ModelEstimate>,
) {
    if let Some(tokens) = clamped {
        headers.insert(CLAMPED, HeaderValue::from(tokens));
    }
    if let Some(model) = model.filter(|model| !model.request.model().ends_with(&*model.name)) {
        headers.insert(DEGRADED, value(&format!("model={}", model.name)));
    }
    warnings(headers, admission, admission.notices());
    rate_limit(headers, admission);
}

/// The members of a request that had no place in the upstream's format, as far as they fit.
pub(crate) fn left_out(headers: &mut HeaderMap, members: &[String]) {
    const MEMBERS_MAX: usize = 32;
    if !members.is_empty() {
        let members: Vec<&str> =
            members.iter().map(String::as_str).filter(|it| it.is_ascii()).take(MEMBERS_MAX).collect();
        headers.insert(LEFT_OUT, value(&members.join(", ")));
    }
}

/// Usage stages and grace, so that programs see them before they are refused.
fn warnings(headers: &mut HeaderMap, admission: &Admission, notices: Notices) {
    if let Some((quota, percent)) = notices.stage
        && let Some(quota) = admission.plan().and_then(|plan| plan.quotas.get(quota))
    {
        headers.append(WARNING, value(&format!("quota=\"{}\";percent={percent}", quota.id)));
    }
    if let Some(until) = notices.grace_until {
        headers.append(WARNING, value(&format!("payment_past_due;access_until=\"{until}\"")));
    }
}

/// The first request limit and the first quota of the plan, as the RateLimit fields say them
/// (draft-ietf-httpapi-ratelimit-headers-10).
fn rate_limit(headers: &mut HeaderMap, admission: &Admission) {
    let Some(plan) = admission.plan() else { return };
    if plan.disclosure == Disclosure::ReasonOnly || (plan.rate_limits.is_empty() && plan.quotas.is_empty()) {
        return;
    }
    let (mut policy, mut left) = (String::with_capacity(96), String::with_capacity(96));
    let standing = admission.customer().standing();
    let now = admission.decided_at();
    let requests = plan.rate_limits.iter().enumerate().find_map(|(index, limit)| match limit.unit {
        RateUnit::Requests(pace) => Some((index, admission.limit_label(index)?, limit, pace)),
        RateUnit::Tokens(_) | RateUnit::Concurrency(_) => None,
    });
    if let Some((index, label, limit, pace)) = requests {
        let bucket = standing.rates.get(u8::try_from(index).unwrap_or(u8::MAX), label).bucket;
        let reset = bucket.full_at().since(now).as_secs();
        item(&mut policy, &limit.id, [("q", pace.quantity()), ("w", pace.window().as_secs())]);
        item(&mut left, &limit.id, [("r", bucket.remaining(&pace, now)), ("t", reset)]);
    }
    if let (Some(quota), Some(window), Some(subscription)) =
        (plan.quotas.first(), standing.quotas.first(), &standing.subscription)
    {
        let limit = subscription.quota_limit(0);
        let Period { start, end } = window.period;
        item(&mut policy, &quota.id, [("q", limit), ("w", end.since(start).as_secs())]);
        item(&mut left, &quota.id, [("r", window.left(limit)), ("t", end.since(now).as_secs())]);
    }
    drop(standing);
    headers.insert(RATE_LIMIT_POLICY, owned_value(policy));
    headers.insert(RATE_LIMIT, owned_value(left));
}

/// Appends `"name";key=number;key=number` to a list of a structured field (RFC 9651).
fn item(list: &mut String, name: &str, parameters: [(&str, u64); 2]) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push('"');
    list.push_str(name);
    list.push('"');
    let mut digits = itoa::Buffer::new();
    for (key, number) in parameters {
        list.push(';');
        list.push_str(key);
        list.push('=');
        list.push_str(digits.format(number));
    }
}

/// What a settled answer cost, and what is left where the plan shows it.
pub(crate) fn receipt(headers: &mut HeaderMap, receipt: &Receipt) {
    if receipt.disclosure == Disclosure::Full {
        headers.insert(COST, money(receipt.cost, receipt.currency));
        headers.insert(BALANCE, money(receipt.balance, receipt.currency));
    }
}

/// `0.0123 USD`.
fn money(amount: Nanos, currency: Currency) -> HeaderValue {
    let mut text = String::with_capacity(32);
    // Writing to a String cannot fail.
    let _ = write!(text, "{amount} {currency}");
    owned_value(text)
}

/// What a page of another origin may do with an answer (Fetch standard, CORS protocol).
pub(crate) struct Cors(Option<HeaderValue>);

impl Cors {
    /// The origin that is allowed, if the request names one and the operator allows it.
    pub(crate) fn of<B>(request: &Request<B>, setup: &Setup) -> Self {
        if setup.cors_origins.is_empty() {
            return Self(None);
        }
        let Some(origin) = request.headers().get(ORIGIN) else { return Self(None) };
        let allowed = setup.cors_origins.iter().any(|o| o == "*" || o.as_bytes() == origin.as_bytes());
        Self(allowed.then(|| origin.clone()))
    }

    /// The answer to a browser that asks before it calls.
    pub(crate) fn preflight<B>(&self, request: &Request<B>) -> Option<Response<AnswerBody>> {
        let asks = request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        self.0.as_ref().filter(|_| asks)?;
        let mut response = Response::new(AnswerBody::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.allow(headers);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE"));
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "Authorization, Content-Type, Accept, Accept-Language, Idempotency-Key, x-api-key, x-goog-api-key, \
                 PAYMENT-SIGNATURE, X-PAYMENT, Payment-Authorization, Accept-Payment, Access-Control-Expose-Headers, \
                 Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID",
            ),
        );
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        Some(response)
    }

    /// Lets the page read the answer.
    pub(crate) fn allow(&self, headers: &mut HeaderMap) {
        let Some(origin) = &self.0 else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}
