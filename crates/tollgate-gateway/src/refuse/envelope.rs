//! What the envelopes of the providers' formats have in common.

use serde_json::Value;

use super::Problem;

/// Members that stand within the error too: what is beside it does not reach every program that uses an SDK.
const WITHIN: [&str; 9] = ["actions", "retry", "balance", "required", "shortfall", "quota", "limit", "cap", "plan"];

impl Problem {
    /// The sentence with its link and the id of the request: most clients show nothing else.
    pub(super) fn sentence(&self) -> String {
        let link = self.resolve_url.as_ref().map_or_else(String::new, |url| format!(" {url}"));
        format!("{}{link} (request {})", self.detail, self.request_id())
    }

    pub(super) fn request_id(&self) -> &str {
        self.members.get("request_id").and_then(Value::as_str).unwrap_or_default()
    }

    /// The field that is wrong.
    pub(super) fn field(&self) -> Option<&str> {
        self.members.get("field").and_then(Value::as_str)
    }

    /// The members that a program reads to act on the error.
    pub(super) fn within(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        WITHIN.into_iter().filter_map(|name| Some((name, self.members.get(name)?)))
    }
}
