//! Rate limits as they are written down.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tollgate_core::catalogue::{RateLimit, RatePer, RateUnit, WhenTooFast};
use tollgate_core::gcra::Pace;

use super::check_name;
use super::quota::selector;
use crate::StoreError;

/// A rate limit of a plan: exactly one of `requests`, `tokens`, `concurrency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitDefinition {
    /// Its stable name, for example `rpm`.
    pub id: String,
    /// So many requests in the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// So many tokens in the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// So many requests at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// The window in seconds.
    #[serde(default = "a_minute")]
    pub per_seconds: u64,
    /// How many may come at once; as many as the window holds if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// Who shares it.
    #[serde(default)]
    pub per: PerDefinition,
    /// Count only requests to these APIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<String>,
    /// Count only requests to these routes, written `api.route`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// Count only requests for these models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// What the answer is when it is reached.
    #[serde(default)]
    pub when_too_fast: WhenTooFastDefinition,
}

const fn a_minute() -> u64 {
    60
}

/// Who shares a rate limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PerDefinition {
    /// All requests of the customer.
    #[default]
    Customer,
    /// Each key by itself.
    Key,
    /// Each route by itself.
    Route,
    /// Each model by itself.
    Model,
}

/// The answer to a request that is too fast.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenTooFastDefinition {
    /// 429 with `Retry-After`.
    #[default]
    Wait,
    /// 402 `rate_limit_upgrade`.
    Upgrade,
}

impl RateLimitDefinition {
    /// The rate limit.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub fn to_core(&self) -> Result<RateLimit, StoreError> {
        check_name("id", &self.id)?;
        if self.per_seconds == 0 {
            return Err(StoreError::invalid("per_seconds", "at least 1"));
        }
        let pace =
            |quantity: u64| Pace::new(quantity, Duration::from_secs(self.per_seconds), self.burst.unwrap_or(quantity));
        let unit = match (self.requests, self.tokens, self.concurrency) {
            (Some(quantity @ 1..), None, None) => RateUnit::Requests(pace(quantity)),
            (None, Some(quantity @ 1..), None) => RateUnit::Tokens(pace(quantity)),
            (None, None, Some(most)) => RateUnit::Concurrency(most),
            _ => {
                let expected = "exactly one of `requests`, `tokens` (at least 1) and `concurrency`";
                return Err(StoreError::invalid("requests", expected));
            }
        };
        Ok(RateLimit {
            id: self.id.as_str().into(),
            unit,
            per: match self.per {
                PerDefinition::Customer => RatePer::Customer,
                PerDefinition::Key => RatePer::Key,
                PerDefinition::Route => RatePer::Route,
                PerDefinition::Model => RatePer::Model,
            },
            applies_to: selector(&self.apis, &self.routes, &self.models)?,
            when_too_fast: match self.when_too_fast {
                WhenTooFastDefinition::Wait => WhenTooFast::Wait,
                WhenTooFastDefinition::Upgrade => WhenTooFast::Upgrade,
            },
        })
    }
}
