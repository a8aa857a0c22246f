//! Definitions: what is sold and routed, in the form that configuration, the admin API and the
//! database share.
//!
//! A definition is plain data with every rule spelled out in text and numbers. `to_core` checks it
//! and makes the value that decisions are made with; its errors name the field and what was expected.

mod add_on;
mod api;
mod cap;
mod mcp;
mod model;
mod model_price;
mod plan;
mod price;
mod quota;
mod rate_limit;
mod text;
mod upstream;

pub use add_on::AddOnDefinition;
pub use api::{ApiDefinition, Approval, FrontFormat, LlmFormat, RouteDefinition};
pub(crate) use cap::caps_to_core;
pub use cap::{CapDefinition, CapPeriodDefinition};
pub use mcp::{McpDefinition, McpItemDefinition, McpRefusals, McpServerDefinition};
pub use model::{ModelDefinition, TargetDefinition};
pub use model_price::ModelPriceDefinition;
pub use plan::{
    CallerLeftDefinition, DisclosureDefinition, FraudDefinition, PaymentDefinition, PlanDefinition,
    RequirementDefinition,
};
pub use price::{ComponentDefinition, PackageDefinition, PriceDefinition, TierDefinition};
pub use quota::{DegradeDefinition, PastDefinition, PeriodDefinition, QuotaDefinition};
pub use rate_limit::{PerDefinition, RateLimitDefinition, WhenTooFastDefinition};
pub use text::{
    Amount, ApplicationIdText, At, CurrencyCode, CustomerIdText, GrantIdText, InvoiceIdText, KeyIdText, MeterNames,
    Multiplier, PaymentIdText, PaymentMethodIdText, RequestIdText, SubscriptionIdText, Text, UnitPrice,
};
pub use upstream::{UpstreamDefinition, UpstreamFormat, Upstreams};

use crate::StoreError;

/// A name in definitions: letters, digits, dots, dashes and underscores.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), StoreError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    if !name.is_empty() && name.len() <= 120 && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(StoreError::invalid(field, "1 to 120 letters, digits, dots, dashes, slashes or underscores"))
}

/// The name of what is sold. It stands on invoices, after a word that says what it is.
fn check_title(field: &str, title: &str) -> Result<(), StoreError> {
    if title.trim().is_empty() || title.chars().count() > 120 || title.chars().any(char::is_control) {
        return Err(StoreError::invalid(field, "1 to 120 characters without control characters"));
    }
    Ok(())
}

/// Puts `prefix` before the field of an error.
pub(crate) fn within<T>(prefix: &str, result: Result<T, StoreError>) -> Result<T, StoreError> {
    result.map_err(|error| match error {
        StoreError::Invalid { field, expected } => StoreError::Invalid { field: format!("{prefix}.{field}"), expected },
        other => other,
    })
}

/// A list of names in the form of the core.
pub(crate) fn names(list: &[String]) -> Box<[Box<str>]> {
    list.iter().map(|name| name.as_str().into()).collect()
}
