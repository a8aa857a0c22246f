//! What request headers ask of an answer.
//!
//! | header | effect |
//! |---|---|
//! | `x-sandbox-chunks` | the answer has so many tokens, before the request's own bounds apply |
//! | `x-sandbox-chunk-gap-ms` | the wait before each token of a stream |
//! | `x-sandbox-cut` | closes the connection after so many tokens of a stream, or in the middle of a whole answer |
//! | `x-sandbox-status` | no answer but an error with this status, 400 to 599 |
//! | `x-sandbox-error` | the word by which that error names what is wrong, in the place that the format has for it |
//! | `x-sandbox-usage` | `missing`: the answer does not say what it used |
//!
//! A header that cannot be read is ignored. An upstream that always sets one of them is an upstream that
//! always behaves so.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::fault::Fault;

/// The most tokens that `x-sandbox-chunks` can ask for.
const CHUNKS_MAX: usize = 1_000_000;

/// What request headers ask of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Knobs {
    pub(super) chunks: Option<usize>,
    pub(super) gap: Option<Duration>,
    pub(super) cut: Option<usize>,
    pub(super) hides_usage: bool,
    status: Option<StatusCode>,
    error: Option<String>,
}

impl Knobs {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name)?.to_str().ok();
        let number = |name| text(name)?.parse::<u32>().ok();
        let count = |name| number(name).and_then(|count| usize::try_from(count).ok());
        let status = text("x-sandbox-status").and_then(|status| status.parse::<StatusCode>().ok());
        Self {
            chunks: count("x-sandbox-chunks").map(|chunks| chunks.min(CHUNKS_MAX)),
            gap: number("x-sandbox-chunk-gap-ms").map(|millis| Duration::from_millis(millis.into())),
            cut: count("x-sandbox-cut"),
            hides_usage: text("x-sandbox-usage") == Some("missing"),
            status: status.filter(|status| status.is_client_error() || status.is_server_error()),
            error: text("x-sandbox-error").map(str::to_owned),
        }
    }

    /// The error that is asked for instead of an answer.
    pub(super) fn fault(&self) -> Result<(), Fault> {
        match self.status {
            Some(status) => Err(Fault::OnPurpose(status, self.error.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn knobs(list: &[(&'static str, &'static str)]) -> Knobs {
        let header = |&(name, value): &(_, _)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        Knobs::of(&list.iter().map(header).collect())
    }

    #[test]
    fn what_cannot_be_read_is_ignored() {
        let odd = knobs(&[("x-sandbox-chunks", "many"), ("x-sandbox-status", "200"), ("x-sandbox-usage", "wrong")]);
        assert!(odd.chunks.is_none() && odd.fault().is_ok() && !odd.hides_usage);
        assert_eq!(knobs(&[("x-sandbox-chunks", "4000000000")]).chunks, Some(CHUNKS_MAX));
        let refused = knobs(&[("x-sandbox-status", "429"), ("x-sandbox-error", "insufficient_quota")]);
        let word = |fault| matches!(fault, Fault::OnPurpose(status, Some(word)) if status == 429 && word == "insufficient_quota");
        assert!(refused.fault().is_err_and(word));
    }
}
