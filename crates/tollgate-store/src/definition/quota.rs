//! Quotas as they are written down.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_core::catalogue::{Coverage, Degradation, PastLimit, Quota, QuotaPeriod, Selector};
use tollgate_core::money::Rate;

use super::{MeterNames, UnitPrice, check_name, names};
use crate::StoreError;

/// A quota of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaDefinition {
    /// Its stable name, for example `calls-month`.
    pub id: String,
    /// What it counts.
    pub meter: MeterNames,
    /// How much.
    pub limit: u64,
    /// How long.
    #[serde(default)]
    pub period: PeriodDefinition,
    /// Whether use within it is paid for with the plan.
    #[serde(default)]
    pub included: bool,
    /// Count only requests to these APIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<String>,
    /// Count only requests to these routes, written `api.route`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// Count only requests for these models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Percentages at which the customer is warned.
    #[serde(default = "default_stages")]
    pub stages: Vec<u8>,
    /// What happens past it.
    #[serde(default)]
    pub past: PastDefinition,
    /// With `past = "overage"`: the price of a unit; absent for the price of the route or model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overage_price: Option<UnitPrice>,
    /// With `past = "allowance"`: units that are served past it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowance: Option<u64>,
    /// With `past = "degrade"`: how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrade: Option<DegradeDefinition>,
}

fn default_stages() -> Vec<u8> {
    vec![80, 95, 100]
}

/// The period of a quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodDefinition {
    /// The subscription's billing period.
    #[default]
    BillingPeriod,
    /// The calendar day.
    Day,
    /// The calendar month.
    Month,
    /// For ever.
    Total,
}

/// What happens past a quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PastDefinition {
    /// 402: paying lifts it.
    #[default]
    Block,
    /// 429 until the period ends: only waiting lifts it.
    BlockUntilReset,
    /// Serve at a price.
    Overage,
    /// Serve with less.
    Degrade,
    /// Serve some more, then block.
    Allowance,
}

/// How a request is served past a soft limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DegradeDefinition {
    /// Requests per minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Cheaper models by the model asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, String>,
    /// Features that pause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_features: Vec<String>,
}

impl QuotaDefinition {
    /// The quota.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub fn to_core(&self) -> Result<Quota, StoreError> {
        check_name("id", &self.id)?;
        if self.id.contains('/') {
            return Err(StoreError::invalid("id", "a name without slashes"));
        }
        if self.stages.iter().any(|&stage| stage == 0 || stage > 200) || !self.stages.is_sorted() {
            return Err(StoreError::invalid("stages", "ascending percentages between 1 and 200"));
        }
        Ok(Quota {
            id: self.id.as_str().into(),
            meters: self.meter.to_core().map_err(|expected| StoreError::invalid("meter", expected))?,
            limit: self.limit,
            period: match self.period {
                PeriodDefinition::BillingPeriod => QuotaPeriod::Billing,
                PeriodDefinition::Day => QuotaPeriod::Day,
                PeriodDefinition::Month => QuotaPeriod::Month,
                PeriodDefinition::Total => QuotaPeriod::Total,
            },
            applies_to: selector(&self.apis, &self.routes, &self.models)?,
            coverage: if self.included { Coverage::Included } else { Coverage::CeilingOnly },
            stages: self.stages.as_slice().into(),
            past: self.past_limit()?,
        })
    }

    fn past_limit(&self) -> Result<PastLimit, StoreError> {
        let only = |field: &str, present: bool, policy: PastDefinition| {
            if present && self.past != policy {
                Err(StoreError::invalid(field, "nothing, unless `past` asks for it"))
            } else {
                Ok(())
            }
        };
        only("overage_price", self.overage_price.is_some(), PastDefinition::Overage)?;
        only("allowance", self.allowance.is_some(), PastDefinition::Allowance)?;
        only("degrade", self.degrade.is_some(), PastDefinition::Degrade)?;
        Ok(match self.past {
            PastDefinition::Block => PastLimit::Block,
            PastDefinition::BlockUntilReset => PastLimit::BlockUntilReset,
            PastDefinition::Overage => {
                if self.overage_price.is_some_and(|rate| rate.0 < Rate::ZERO) {
                    return Err(StoreError::invalid("overage_price", "a price of 0 or more"));
                }
                PastLimit::Overage(self.overage_price.map(|rate| rate.0))
            }
            PastDefinition::Allowance => {
                let units = self.allowance.ok_or_else(|| StoreError::invalid("allowance", "a number of units"))?;
                PastLimit::Allowance(units)
            }
            PastDefinition::Degrade => {
                let degrade =
                    self.degrade.as_ref().ok_or_else(|| StoreError::invalid("degrade", "how to serve with less"))?;
                PastLimit::Degrade(Degradation {
                    requests_per_minute: degrade.requests_per_minute,
                    models: degrade.models.iter().map(|(a, b)| (a.as_str().into(), b.as_str().into())).collect(),
                    without_features: names(&degrade.without_features),
                })
            }
        })
    }
}

/// Which requests are meant: at most one of the three lists.
pub(super) fn selector(apis: &[String], routes: &[String], models: &[String]) -> Result<Selector, StoreError> {
    match (apis, routes, models) {
        ([], [], []) => Ok(Selector::All),
        (apis, [], []) => Ok(Selector::Apis(names(apis))),
        ([], routes, []) => Ok(Selector::Routes(names(routes))),
        ([], [], models) => Ok(Selector::Models(names(models))),
        _ => Err(StoreError::invalid("apis", "only one of `apis`, `routes` and `models`")),
    }
}
