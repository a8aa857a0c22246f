//! Why a model does not answer. Each format has words of its own for it.

use http::{Method, StatusCode};

/// What is wrong, with the request or on purpose.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another method than POST, on this path.
    Method(Method, String),
    /// The body broke off or is too large.
    Unreadable,
    /// The body is no JSON, or no request.
    Malformed(serde_json::Error),
    /// This member is needed.
    Missing(&'static str),
    /// A number that is not between its least and its most.
    OutOfRange { field: &'static str, value: i64, least: i64, most: i64 },
    /// There is no model of this name.
    UnknownModel(String),
    /// The request asks for this status, with this word for what is wrong.
    OnPurpose(StatusCode, Option<String>),
    /// The model fails on its own side.
    Failed,
}

impl Fault {
    /// The status of the answer that says so.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Method(..) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unreadable | Self::Malformed(_) | Self::Missing(_) | Self::OutOfRange { .. } => {
                StatusCode::BAD_REQUEST
            }
            Self::UnknownModel(_) => StatusCode::NOT_FOUND,
            Self::OnPurpose(status, _) => *status,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// `value` if it lies between 1 and `most`.
pub(super) fn in_range(field: &'static str, value: i64, most: i64) -> Result<usize, Fault> {
    let allowed = usize::try_from(value).ok().filter(|_| (1..=most).contains(&value));
    allowed.ok_or(Fault::OutOfRange { field, value, least: 1, most })
}
