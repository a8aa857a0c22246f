//! Why a request was not forwarded.

use std::borrow::Cow;
use std::time::Duration;

use tollgate_core::catalogue::Disclosure;
use tollgate_core::decision::{Denial, Facts, Offers, Reason, explain, offers, retry};
use tollgate_core::decision::{Retry, RetryClass};
use tollgate_core::money::Currency;
use tollgate_core::standing::Standing;
use tollgate_core::time::Timestamp;
use tollgate_meter::json_guard::BadBody;

use crate::snapshot::Snapshot;

/// Why a request was not forwarded, or its answer not passed on.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// For one of the catalogue's reasons.
    Denied(Box<Denied>),
    /// Because of the request itself, or of what the upstream did.
    Fault(Box<Fault>),
}

/// A denial with everything about the customer that its answer shows, as of the moment of the decision.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) denial: Denial,
    pub(crate) detail: String,
    pub(crate) offers: Offers,
    pub(crate) retry: Retry,
    pub(crate) currency: Currency,
    pub(crate) plan: Option<PlanName>,
    pub(crate) subscription: Option<String>,
    pub(crate) disclosure: Disclosure,
}

/// A plan as refusals name it.
#[derive(Debug)]
pub(crate) struct PlanName {
    pub(crate) key: Box<str>,
    pub(crate) version: u32,
    pub(crate) name: Box<str>,
}

/// A fault of the request or of the upstream.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: Cow<'static, str>,
    /// The field that is wrong.
    pub(crate) field: Option<Box<str>>,
    /// For 405: the methods that are served.
    pub(crate) allow: Option<Box<str>>,
    pub(crate) retry_after: Option<Duration>,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<BadBody> for Refusal {
    fn from(bad: BadBody) -> Self {
        Self::bad_request(&bad.field, bad.expected)
    }
}

const fn fault(status: u16, code: &'static str, title: &'static str, detail: &'static str) -> Fault {
    Fault { status, code, title, detail: Cow::Borrowed(detail), field: None, allow: None, retry_after: None }
}

impl Refusal {
    /// A denial about which nothing is known of the customer.
    pub(crate) fn reason(reason: Reason, now: Timestamp) -> Self {
        Self::facts(Denial::plain(reason), now)
    }

    fn facts(denial: Denial, now: Timestamp) -> Self {
        Self::Denied(Box::new(Denied {
            detail: explain(&denial, None, &Offers::default()),
            offers: Offers::default(),
            retry: retry(&denial, now),
            currency: Currency::USD,
            plan: None,
            subscription: None,
            disclosure: Disclosure::Full,
            denial,
        }))
    }

    /// A denial for a customer in `standing`.
    pub(crate) fn denied(denial: Denial, standing: &Standing, snapshot: &Snapshot, now: Timestamp) -> Self {
        let subscription = standing.subscription.as_ref();
        let disclosure = subscription.map_or(Disclosure::Full, |s| s.plan.disclosure);
        let offers = offers(&denial, standing, &snapshot.catalogue);
        let detail = match disclosure {
            Disclosure::Full => explain(&denial, Some(standing), &offers),
            Disclosure::ReasonOnly => without_figures(denial.reason),
        };
        Self::Denied(Box::new(Denied {
            detail,
            retry: retry(&denial, now),
            offers,
            currency: standing.currency,
            plan: subscription.map(|s| PlanName {
                key: s.plan.key.clone(),
                version: s.plan.version,
                name: s.plan.name.clone(),
            }),
            subscription: subscription.map(|s| s.id.to_string()),
            disclosure,
            denial,
        }))
    }

    /// 400: `field` was to be `expected`.
    pub(crate) fn bad_request(field: &str, expected: impl Into<Cow<'static, str>>) -> Self {
        let detail = format!("{field}: expected {}.", expected.into());
        Fault {
            detail: detail.into(),
            field: Some(field.into()),
            ..fault(400, "invalid_request", "Invalid request", "")
        }
        .into()
    }

    /// 400: the prompt is larger than the model takes.
    pub(crate) fn context_length(model: &str, prompt_tokens: u64, window: u64) -> Self {
        let detail = format!("The prompt has {prompt_tokens} tokens; model {model} takes {window}.");
        Fault {
            detail: detail.into(),
            field: Some("messages".into()),
            ..fault(400, "context_length_exceeded", "Prompt larger than the model takes", "")
        }
        .into()
    }

    pub(crate) fn not_found() -> Self {
        fault(404, "route_not_found", "Not found", "No API is served under this host and path.").into()
    }

    /// 404: the session belongs to another customer. To whoever asks it does not exist.
    pub(crate) fn unknown_session() -> Self {
        fault(404, "unknown_session", "Unknown session", "There is no such MCP session. Please begin a new one.").into()
    }

    pub(crate) fn method_not_allowed(allow: &str) -> Self {
        Fault {
            allow: Some(allow.into()),
            ..fault(405, "method_not_allowed", "Method not allowed", "The route does not serve this method.")
        }
        .into()
    }

    pub(crate) fn body_too_large(most: u64) -> Self {
        let detail = format!("The body is larger than the {most} bytes that the route takes.");
        Fault { detail: detail.into(), ..fault(413, "request_too_large", "Request too large", "") }.into()
    }

    pub(crate) fn target_too_long() -> Self {
        fault(414, "target_too_long", "Target too long", "The request target is longer than 8 KiB.").into()
    }

    pub(crate) fn expectation_failed() -> Self {
        fault(417, "expectation_failed", "Expectation failed", "Only `Expect: 100-continue` is understood.").into()
    }

    /// The caller stopped sending. Nobody reads the answer; the log does.
    pub(crate) fn caller_left() -> Self {
        fault(499, "caller_left", "The caller left", "The connection was closed before the request was complete.")
            .into()
    }

    pub(crate) fn upstream_failed() -> Self {
        fault(
            502,
            "upstream_failed",
            "The upstream failed",
            "The service behind this API gave no valid answer. Nothing was charged.",
        )
        .into()
    }

    /// The same inside a model's stream that has begun: what came of it is owed.
    pub(crate) fn upstream_broke_off() -> Self {
        fault(
            502,
            "upstream_failed",
            "The upstream failed",
            "The service behind this API broke off before its answer was complete. Only what had come of it is charged.",
        )
        .into()
    }

    pub(crate) fn upstream_timeout() -> Self {
        fault(
            504,
            "upstream_timeout",
            "The upstream took too long",
            "The service behind this API did not answer in time. Nothing was charged.",
        )
        .into()
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Denied(denied) => denied.denial.status(),
            Self::Fault(fault) => fault.status,
        }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.denial.reason.code(),
            Self::Fault(fault) => fault.code,
        }
    }

    /// What happened, in a sentence.
    #[cfg(test)]
    pub(crate) fn detail(&self) -> &str {
        match self {
            Self::Denied(denied) => &denied.detail,
            Self::Fault(fault) => &fault.detail,
        }
    }
}

impl Denied {
    /// Whether figures may be shown to whoever holds the key.
    pub(crate) fn shows_figures(&self) -> bool {
        self.disclosure == Disclosure::Full && !matches!(self.denial.facts, Facts::None)
    }
}

fn without_figures(reason: Reason) -> String {
    let remedy = match reason.retry_class() {
        RetryClass::AfterTime => "Please retry later.",
        RetryClass::AfterAction | RetryClass::SmallerRequest | RetryClass::Never => {
            "Please contact whoever gave you this API key."
        }
    };
    format!("{}. {remedy}", reason.title())
}
