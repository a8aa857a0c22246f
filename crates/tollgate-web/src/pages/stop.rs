//! Why a page is not what was asked for, in a person's words, or as problem details for a program.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tollgate_payments::Decline;
use tollgate_store::StoreError;
use tracing::error;

use super::html::{Frame, page, wants_json};
use crate::Web;
use crate::payment::NotPaid;

/// Why something is not done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// There is no such page or request.
    NotFound(&'static str),
    /// It is not said who asks.
    SignIn,
    /// Whoever asks may not.
    NotAllowed(String),
    /// The form came from another site.
    CrossSite,
    /// The form is not one of ours, or nothing came of what was ordered with it.
    Outdated,
    /// A field holds something else than what was expected.
    Invalid {
        /// Which.
        field: String,
        /// What was expected there.
        expected: String,
    },
    /// More came than a form holds.
    TooLarge,
    /// Things stand so that it cannot be done.
    Impossible(String),
    /// The payment provider declined.
    Declined(Decline),
    /// Nobody knows whether the payment was made.
    PaymentUnknown,
    /// Something else was ordered with the form, and may have been paid.
    Ordered(String),
    /// The store does not answer.
    Unavailable,
}

/// What is said about a [`Stop`].
pub(crate) struct Words {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: String,
    pub(crate) field: Option<String>,
}

impl Stop {
    pub(crate) fn invalid(field: &str, expected: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), expected: expected.into() }
    }

    /// Whether the same form can be sent again as it is: what it asked for may have been done.
    pub(crate) const fn may_have_happened(&self) -> bool {
        matches!(self, Self::PaymentUnknown | Self::Unavailable)
    }

    /// Whether the form is worth showing again.
    pub(crate) const fn is_about_the_form(&self) -> bool {
        matches!(
            self,
            Self::Invalid { .. }
                | Self::Impossible(_)
                | Self::Declined(_)
                | Self::PaymentUnknown
                | Self::Ordered(_)
                | Self::Outdated
                | Self::Unavailable
        )
    }

    /// What is said about it.
    pub(crate) fn words(&self) -> Words {
        let words = |status: StatusCode, code: &'static str, title: &'static str, detail: &str| Words {
            status,
            code,
            title,
            detail: detail.to_owned(),
            field: None,
        };
        match self {
            Self::NotFound(detail) => words(StatusCode::NOT_FOUND, "not_found", "Not found", detail),
            Self::SignIn => words(
                StatusCode::UNAUTHORIZED,
                "sign_in_required",
                "Sign in first",
                "Show an API key of the customer: `Authorization: Bearer <key>`.",
            ),
            Self::NotAllowed(detail) => words(StatusCode::FORBIDDEN, "not_allowed", "Not allowed", detail),
            Self::CrossSite => words(
                StatusCode::FORBIDDEN,
                "cross_site",
                "Sent from another site",
                "The form was sent from another web site. Nothing was done.",
            ),
            Self::Outdated => words(
                StatusCode::CONFLICT,
                "form_outdated",
                "The form is outdated",
                "The form was out of date and nothing was done. Please check it and send it again.",
            ),
            Self::Invalid { field, expected } => Words {
                field: Some(field.clone()),
                ..words(
                    StatusCode::BAD_REQUEST,
                    "invalid_request",
                    "Please check the form",
                    &format!("{}: expected {expected}.", label(field)),
                )
            },
            Self::TooLarge => words(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "Too much was sent",
                "A form here is smaller than 16 KiB. Nothing was done.",
            ),
            Self::Impossible(detail) => words(StatusCode::CONFLICT, "conflict", "This cannot be done", detail),
            Self::Declined(decline) => {
                words(StatusCode::PAYMENT_REQUIRED, "payment_declined", "Payment declined", &decline.message)
            }
            Self::PaymentUnknown => words(
                StatusCode::SERVICE_UNAVAILABLE,
                "payment_unknown",
                "Payment not confirmed",
                "The payment provider did not answer. Send the form again: you will not be charged twice.",
            ),
            Self::Ordered(detail) => words(StatusCode::CONFLICT, "already_ordered", "Already ordered", detail),
            Self::Unavailable => words(
                StatusCode::SERVICE_UNAVAILABLE,
                "store_unavailable",
                "Not just now",
                "The records cannot be reached just now. Please try again in a moment; nothing is done twice.",
            ),
        }
    }

    /// It as the whole answer.
    pub(crate) fn answer(&self, web: &Web, headers: &HeaderMap) -> Response {
        let words = self.words();
        let mut response = if wants_json(headers) { words.problem() } else { words.page(web) };
        if words.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

/// A field as people read it.
fn label(field: &str) -> String {
    let words = field.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Words {
    /// For a program (RFC 9457).
    fn problem(&self) -> Response {
        self.problem_with(json!({}))
    }

    /// The same, with more members.
    pub(crate) fn problem_with(&self, mut members: Value) -> Response {
        members["type"] = "about:blank".into();
        members["title"] = self.title.into();
        members["status"] = self.status.as_u16().into();
        members["code"] = self.code.into();
        members["detail"] = self.detail.as_str().into();
        if let Some(field) = &self.field {
            members["field"] = field.as_str().into();
        }
        let headers = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        (self.status, headers, members.to_string()).into_response()
    }

    fn page(&self, web: &Web) -> Response {
        let template = Message { frame: Frame::of(web), title: self.title, detail: &self.detail };
        page(self.status, &template)
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    frame: Frame,
    title: &'a str,
    detail: &'a str,
}

/// Any other path.
pub(super) async fn nothing_here(State(web): State<Web>, headers: HeaderMap) -> Response {
    Stop::NotFound("There is no page at this address.").answer(&web, &headers)
}

impl From<StoreError> for Stop {
    fn from(failed: StoreError) -> Self {
        match failed {
            StoreError::Invalid { field, expected } => Self::Invalid { field, expected },
            StoreError::NotFound { .. } => Self::Impossible(format!("That is gone: {failed}.")),
            StoreError::Conflict(detail) => Self::Impossible(detail),
            fault => {
                error!(error = %fault, "A page could not reach the store");
                Self::Unavailable
            }
        }
    }
}

impl From<NotPaid> for Stop {
    fn from(not_paid: NotPaid) -> Self {
        match not_paid {
            NotPaid::Declined(decline) => Self::Declined(decline),
            NotPaid::Unknown => Self::PaymentUnknown,
            NotPaid::NoProvider => Self::Impossible("Nothing can be paid here. Please contact support.".to_owned()),
        }
    }
}
