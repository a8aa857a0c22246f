//! The page of every reason.

use tollgate_core::decision::Reason;

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        &[$(($code, include_str!(concat!("../../../../../docs/errors/", $code, ".md"))),)*]
    };
}

const PAGES: &[(&str, &str)] = pages![
    "api_key_missing",
    "api_key_invalid",
    "api_key_revoked",
    "api_key_expired",
    "api_access_not_approved",
    "scope_missing",
    "origin_not_allowed",
    "account_closed",
    "subscription_required",
    "subscription_expired",
    "subscription_suspended",
    "trial_ended",
    "payment_method_required",
    "payment_method_expired",
    "payment_failed",
    "invoice_overdue",
    "minimum_payment_due",
    "insufficient_balance",
    "quota_exceeded",
    "rate_limit_upgrade",
    "feature_not_in_plan",
    "model_not_in_plan",
    "context_window_exceeds_plan",
    "spend_cap_reached",
    "account_under_review",
    "payment_verification_failed",
    "payment_required",
    "rate_limited",
    "token_rate_limited",
    "concurrency_limited",
    "billing_unavailable",
    "model_not_priced",
    "upstream_unavailable",
];

/// The page of `reason`, in Markdown.
pub(super) fn page(reason: Reason) -> Option<&'static str> {
    PAGES.iter().find(|(code, _)| *code == reason.code()).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_page() {
        let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        let pages: Vec<&str> = PAGES.iter().map(|(code, _)| *code).collect();
        assert_eq!(pages, codes);
        for (code, text) in PAGES {
            assert!(text.starts_with("# ") && text.contains(code), "{code} has a title and its code");
        }
    }
}
