//! The catalogue of reasons: one row for each way in which a request is refused.
//!
//! This table drives responses, documentation, pages, logs, metrics and alerts. Codes are stable;
//! a row is only ever added.

use std::fmt;
use std::str::FromStr;

/// Whether repeating the request can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    /// After somebody did what the first action says.
    AfterAction,
    /// After some time, by itself.
    AfterTime,
    /// With a smaller request.
    SmallerRequest,
    /// Not until a person has looked at it.
    Never,
}

impl RetryClass {
    /// The value of `retry.when`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AfterAction => "after_action",
            Self::AfterTime => "after_time",
            Self::SmallerRequest => "smaller_request",
            Self::Never => "never",
        }
    }
}

/// Who can carry out an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The program, or whoever wrote it.
    Caller,
    /// The customer's owner.
    Owner,
    /// The customer's owner or billing contact.
    Billing,
    /// The operator of the gateway.
    Operator,
}

impl Who {
    /// The values of `who`.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Caller => &["caller"],
            Self::Owner => &["owner"],
            Self::Billing => &["owner", "billing"],
            Self::Operator => &["operator"],
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $who:ident, $title:literal;)*) => {
        /// What would end a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $variant,)* }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name, also the last part of its link.
            #[must_use]
            pub const fn id(self) -> &'static str { match self { $(Self::$variant => $id,)* } }

            /// Who can carry it out.
            #[must_use]
            pub const fn who(self) -> Who { match self { $(Self::$variant => Who::$who,)* } }

            /// The words on the button when there are no figures to put into them.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title,)* } }
        }
    };
}

actions! {
    /// Send a valid key.
    SendKey = "send_key", Caller, "Send a valid API key";
    /// Make a new key.
    CreateKey = "create_key", Owner, "Create a new API key";
    /// Ask for access to the API.
    RequestAccess = "request_access", Owner, "Request access";
    /// Let the key do more.
    ChangeKey = "change_key", Owner, "Change what the key may do";
    /// Buy a plan.
    Subscribe = "subscribe", Owner, "Choose a plan";
    /// Renew what ended.
    Renew = "renew", Owner, "Renew the subscription";
    /// Move to a larger plan.
    Upgrade = "upgrade", Owner, "Upgrade the plan";
    /// Buy a single feature.
    BuyAddOn = "buy_addon", Owner, "Buy the add-on";
    /// Put a payment method on file.
    AddPaymentMethod = "add_payment_method", Billing, "Add a payment method";
    /// Replace the payment method on file.
    UpdatePaymentMethod = "update_payment_method", Billing, "Update the payment method";
    /// Charge the payment method again.
    RetryPayment = "retry_payment", Billing, "Charge again now";
    /// Pay what is open.
    PayInvoice = "pay_invoice", Billing, "Pay the open invoices";
    /// Pay the rest of the minimum.
    PayMinimum = "pay_minimum", Billing, "Pay the minimum";
    /// Add prepaid money.
    TopUp = "top_up", Billing, "Add credit";
    /// Pay for this one request.
    PayRequest = "pay_request", Caller, "Pay for this request";
    /// Raise a spend cap.
    RaiseCap = "raise_cap", Owner, "Raise the cap";
    /// Show that it is really the customer.
    Verify = "verify", Owner, "Confirm it is you";
    /// Ask for less.
    SmallerRequest = "smaller_request", Caller, "Send a smaller request";
    /// Wait.
    Wait = "wait", Caller, "Wait and retry";
    /// Set a price.
    SetPrice = "set_price", Operator, "Set a price for the model";
    /// Read what happened.
    Troubleshoot = "troubleshoot", Caller, "What happened?";
    /// Write to a person.
    ContactSupport = "contact_support", Caller, "Contact support";
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $retry:ident, $title:literal, [$($action:ident),*];)*) => {
        /// Why a request was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code,)* } }

            /// The HTTP status it is answered with.
            #[must_use]
            pub const fn status(self) -> u16 { match self { $(Self::$variant => $status,)* } }

            /// Whether repeating the request can help, in general.
            #[must_use]
            pub const fn retry_class(self) -> RetryClass { match self { $(Self::$variant => RetryClass::$retry,)* } }

            /// A few words that name it.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title,)* } }

            /// What ends it, the best first.
            #[must_use]
            pub const fn actions(self) -> &'static [Action] { match self { $(Self::$variant => &[$(Action::$action),*],)* } }
        }
    };
}

reasons! {
    /// No key was sent.
    ApiKeyMissing = "api_key_missing", 401, AfterAction, "API key missing", [SendKey, CreateKey];
    /// The key is not one of ours.
    ApiKeyInvalid = "api_key_invalid", 401, AfterAction, "API key invalid", [SendKey, CreateKey];
    /// The key was revoked.
    ApiKeyRevoked = "api_key_revoked", 401, AfterAction, "API key revoked", [CreateKey];
    /// The key has expired.
    ApiKeyExpired = "api_key_expired", 401, AfterAction, "API key expired", [CreateKey];

    /// The API needs an approval that the application does not have.
    ApiAccessNotApproved = "api_access_not_approved", 403, AfterAction, "Access not approved", [RequestAccess];
    /// The key may not do this.
    ScopeMissing = "scope_missing", 403, AfterAction, "The key may not do this", [ChangeKey, CreateKey];
    /// The key may not be used from here.
    OriginNotAllowed = "origin_not_allowed", 403, AfterAction, "The key may not be used from here", [ChangeKey];
    /// The customer was closed.
    AccountClosed = "account_closed", 403, Never, "Account closed", [ContactSupport];

    /// There is no subscription.
    SubscriptionRequired = "subscription_required", 402, AfterAction, "Subscription required", [Subscribe];
    /// The subscription ended.
    SubscriptionExpired = "subscription_expired", 402, AfterAction, "Subscription expired", [Renew, Subscribe];
    /// The subscription is suspended.
    SubscriptionSuspended = "subscription_suspended", 402, AfterAction, "Subscription suspended", [PayInvoice];
    /// The trial ended.
    TrialEnded = "trial_ended", 402, AfterAction, "Trial ended", [Subscribe];
    /// The plan needs a payment method on file.
    PaymentMethodRequired = "payment_method_required", 402, AfterAction, "Payment method required", [AddPaymentMethod];
    /// The payment method on file has expired.
    PaymentMethodExpired = "payment_method_expired", 402, AfterAction, "Payment method expired", [UpdatePaymentMethod];
    /// A payment failed and the grace period is over.
    PaymentFailed = "payment_failed", 402, AfterAction, "Payment failed", [UpdatePaymentMethod, RetryPayment];
    /// An invoice is overdue.
    InvoiceOverdue = "invoice_overdue", 402, AfterAction, "Invoice overdue", [PayInvoice];
    /// The minimum of the period is not paid.
    MinimumPaymentDue = "minimum_payment_due", 402, AfterAction, "Minimum payment due", [PayMinimum];
    /// The balance does not cover the request.
    InsufficientBalance = "insufficient_balance", 402, AfterAction, "Insufficient balance", [TopUp, SmallerRequest];
    /// A quota is used up.
    QuotaExceeded = "quota_exceeded", 402, AfterAction, "Quota used up", [Upgrade, BuyAddOn];
    /// The plan is too slow, and the operator sells speed.
    RateLimitUpgrade = "rate_limit_upgrade", 402, AfterTime, "Rate limit of the plan", [Upgrade, Wait];
    /// The plan does not include the feature.
    FeatureNotInPlan = "feature_not_in_plan", 402, AfterAction, "Feature not in plan", [BuyAddOn, Upgrade];
    /// The plan does not open the model.
    ModelNotInPlan = "model_not_in_plan", 402, AfterAction, "Model not in plan", [BuyAddOn, Upgrade];
    /// The prompt is larger than the plan allows.
    ContextWindowExceedsPlan = "context_window_exceeds_plan", 402, SmallerRequest, "Prompt larger than the plan allows", [Upgrade, SmallerRequest];
    /// A spend cap is reached.
    SpendCapReached = "spend_cap_reached", 402, AfterAction, "Spending cap reached", [RaiseCap, SmallerRequest];
    /// The customer is under review.
    AccountUnderReview = "account_under_review", 402, Never, "Account under review", [Verify];
    /// The payment provider declined the authorization for this request.
    PaymentVerificationFailed = "payment_verification_failed", 402, AfterAction, "Payment verification failed", [UpdatePaymentMethod];
    /// This route is paid per request.
    PaymentRequired = "payment_required", 402, AfterAction, "Payment required", [PayRequest, TopUp];

    /// Too many requests.
    RateLimited = "rate_limited", 429, AfterTime, "Too many requests", [Wait, Upgrade];
    /// Too many tokens.
    TokenRateLimited = "token_rate_limited", 429, AfterTime, "Too many tokens", [Wait, Upgrade];
    /// Too many requests at the same time.
    ConcurrencyLimited = "concurrency_limited", 429, AfterTime, "Too many requests at once", [Wait, Upgrade];

    /// Tollgate cannot reach its own records.
    BillingUnavailable = "billing_unavailable", 503, AfterTime, "Billing unavailable", [Wait];
    /// Nobody set a price.
    ModelNotPriced = "model_not_priced", 503, AfterAction, "No price is set", [SetPrice];
    /// The upstream cannot be reached.
    UpstreamUnavailable = "upstream_unavailable", 503, AfterTime, "Upstream unavailable", [Wait];
}

impl Reason {
    /// Whether money, and not access or pace, is the matter.
    #[must_use]
    pub const fn is_payment(self) -> bool {
        self.status() == 402
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A text that is no reason code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown reason code")]
pub struct UnknownReason;

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, UnknownReason> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code).ok_or(UnknownReason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_carry_their_status() {
        let mut codes: Vec<&str> = Reason::ALL.iter().map(|r| r.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 33);
        for &reason in Reason::ALL {
            assert_eq!(reason.code().parse(), Ok(reason));
            assert!([401, 402, 403, 429, 503].contains(&reason.status()), "{reason}");
            assert!(!reason.actions().is_empty(), "{reason} offers no way out");
        }
    }

    /// Agents look for these words to decide whether to repeat a request (gateways reference, 67).
    #[test]
    fn payment_links_never_look_like_a_rate_limit() {
        for &reason in Reason::ALL.iter().filter(|r| r.is_payment()) {
            for action in reason.actions() {
                for word in ["limit", "rate", "quota", "overloaded"] {
                    assert!(!action.id().contains(word), "{reason} links to {}", action.id());
                }
            }
        }
    }
}
