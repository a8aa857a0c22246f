//! Plans as they are written down.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tollgate_core::catalogue::{CallerLeft, Disclosure, ModelAccess, PaymentTerms, Plan, Price, Requirement};
use tollgate_core::fraud::{FraudRules, Sharing, Spike, Velocity};
use tollgate_core::money::Factor;
use tollgate_core::period::Cadence;

use super::price::not_negative;
use super::{
    Amount, CurrencyCode, Multiplier, PriceDefinition, QuotaDefinition, RateLimitDefinition, Text, check_name,
    check_title, names, within,
};
use crate::StoreError;
use crate::grants::check_debt;

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanDefinition {
    /// Its stable name.
    pub key: String,
    /// The name people read.
    pub name: String,
    /// What it is priced in.
    pub currency: CurrencyCode,
    /// The price of a billing period.
    #[serde(default)]
    pub base_price: Amount,
    /// The length of a billing period: `day`, `week`, `month`, `year`, or a number of them: `3 months`.
    #[serde(default = "a_month")]
    pub period: String,
    /// Days of use before the first payment.
    #[serde(default)]
    pub trial_days: u16,
    /// Whether use is paid before or after.
    #[serde(default)]
    pub payment: PaymentDefinition,
    /// With `payment = "postpaid"`: the most that may be owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_limit: Option<Amount>,
    /// Whether a payment method must be on file.
    #[serde(default)]
    pub payment_method: RequirementDefinition,
    /// The least a period costs.
    #[serde(default)]
    pub minimum_commitment: Amount,
    /// Days in which access continues after a failed payment.
    #[serde(default = "a_week")]
    pub grace_days: u16,
    /// Whether it can be bought; a plan that cannot stays with those who have it.
    #[serde(default = "yes")]
    pub on_sale: bool,
    /// Features it includes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// Models it opens; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// The largest prompt, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens_max: Option<u64>,
    /// The output bound of a request that names none, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens_default: Option<u64>,
    /// Where an upstream serves as much as it can, requests on plans with a higher priority are served first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: u8,
    /// Lower an output bound to what the balance covers if that is at least so many tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clamp_output_from: Option<u64>,
    /// Multiplies the price book: `1.25` adds a quarter.
    #[serde(default = "as_is")]
    pub model_markup: Multiplier,
    /// Own prices, by the key of the price they replace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<PriceDefinition>,
    /// Own prices by model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub model_prices: BTreeMap<String, PriceDefinition>,
    /// What is owed when the caller leaves during an answer.
    #[serde(default)]
    pub caller_left: CallerLeftDefinition,
    /// With `caller_left = "generated"`: the longest an answer is read on, in seconds.
    #[serde(default = "half_a_minute")]
    pub caller_left_seconds_max: u64,
    /// How much of the figures a key may see.
    #[serde(default)]
    pub disclosure: DisclosureDefinition,
    /// When a customer is put under review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraud: Option<FraudDefinition>,
    /// Quotas.
    #[serde(default, rename = "quota", skip_serializing_if = "Vec::is_empty")]
    pub quotas: Vec<QuotaDefinition>,
    /// Rate limits.
    #[serde(default, rename = "rate_limit", skip_serializing_if = "Vec::is_empty")]
    pub rate_limits: Vec<RateLimitDefinition>,
}

fn a_month() -> String {
    "month".to_owned()
}
const fn a_week() -> u16 {
    7
}
const fn yes() -> bool {
    true
}
const fn as_is() -> Multiplier {
    Text(Factor::ONE)
}
const fn half_a_minute() -> u64 {
    30
}

/// Whether use is paid before or after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentDefinition {
    /// Before.
    #[default]
    Prepaid,
    /// After.
    Postpaid,
}

/// Whether something must be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequirementDefinition {
    /// It may.
    #[default]
    Optional,
    /// It must.
    Required,
}

/// What is owed when the caller leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallerLeftDefinition {
    /// What was generated.
    #[default]
    Generated,
    /// What was received.
    Received,
}

/// How much of the figures a key may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisclosureDefinition {
    /// All.
    #[default]
    Full,
    /// The reason without amounts.
    ReasonOnly,
}

/// Fraud rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FraudDefinition {
    /// More requests than this in `requests_seconds` are a review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_max: Option<u64>,
    /// The window of `requests_max`.
    #[serde(default = "a_minute")]
    pub requests_seconds: u64,
    /// An hour that spends so many times the average is a review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spike_factor: Option<u32>,
    /// Hours below this amount never are.
    #[serde(default)]
    pub spike_floor: Amount,
    /// Hours of history the rule needs.
    #[serde(default = "a_day")]
    pub spike_history_hours_min: u32,
    /// More addresses than this on one key in `addresses_seconds` are a review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses_max: Option<u16>,
    /// The window of `addresses_max`.
    #[serde(default = "an_hour")]
    pub addresses_seconds: u64,
}

const fn a_minute() -> u64 {
    60
}
const fn a_day() -> u32 {
    24
}
const fn an_hour() -> u64 {
    3_600
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(priority: &u8) -> bool {
    *priority == 0
}

impl PlanDefinition {
    /// Whether it may be published: what is bought must be something that can be invoiced.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.to_core(1)?;
        check_title("name", &self.name)?;
        check_debt("base_price", self.base_price.0)
    }

    /// The plan, as version `version`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub fn to_core(&self, version: u32) -> Result<Plan, StoreError> {
        check_name("key", &self.key)?;
        not_negative("base_price", self.base_price.0)?;
        not_negative("minimum_commitment", self.minimum_commitment.0)?;
        if self.credit_limit.is_some() && self.payment == PaymentDefinition::Prepaid {
            return Err(StoreError::invalid("credit_limit", "nothing, unless `payment` is \"postpaid\""));
        }
        at_most("quota", self.quotas.len(), Plan::QUOTAS_MAX)?;
        at_most("rate_limit", self.rate_limits.len(), Plan::RATE_LIMITS_MAX)?;
        unique("quota", self.quotas.iter().map(|quota| quota.id.as_str()))?;
        unique("rate_limit", self.rate_limits.iter().map(|limit| limit.id.as_str()))?;
        Ok(Plan {
            key: self.key.as_str().into(),
            version,
            name: self.name.as_str().into(),
            currency: self.currency.0,
            base_price: self.base_price.0,
            cadence: cadence(&self.period)?,
            trial_days: self.trial_days,
            payment: match self.payment {
                PaymentDefinition::Prepaid => PaymentTerms::Prepaid,
                PaymentDefinition::Postpaid => {
                    PaymentTerms::Postpaid { credit_limit: self.credit_limit.map(|amount| amount.0) }
                }
            },
            payment_method: match self.payment_method {
                RequirementDefinition::Optional => Requirement::Optional,
                RequirementDefinition::Required => Requirement::Required,
            },
            minimum_commitment: self.minimum_commitment.0,
            grace_days: self.grace_days,
            features: names(&self.features),
            models: self.models.as_deref().map_or(ModelAccess::All, |models| ModelAccess::Only(names(models))),
            context_tokens_max: self.context_tokens_max,
            output_tokens_default: self.output_tokens_default,
            priority: self.priority,
            clamp_output_from: self.clamp_output_from,
            quotas: each("quota", &self.quotas, QuotaDefinition::to_core)?,
            rate_limits: each("rate_limit", &self.rate_limits, RateLimitDefinition::to_core)?,
            prices: prices("prices", self.prices.iter().map(|price| (price.key.as_str(), price)))?,
            model_prices: prices(
                "model_prices",
                self.model_prices.iter().map(|(model, price)| (model.as_str(), price)),
            )?,
            model_markup: self.model_markup.0,
            caller_left: match self.caller_left {
                CallerLeftDefinition::Generated => {
                    CallerLeft::Generated { time_max: Duration::from_secs(self.caller_left_seconds_max) }
                }
                CallerLeftDefinition::Received => CallerLeft::Received,
            },
            disclosure: match self.disclosure {
                DisclosureDefinition::Full => Disclosure::Full,
                DisclosureDefinition::ReasonOnly => Disclosure::ReasonOnly,
            },
            fraud: self.fraud.as_ref().map(|fraud| Box::new(fraud.to_core())),
        })
    }
}

impl FraudDefinition {
    fn to_core(&self) -> FraudRules {
        FraudRules {
            velocity: self
                .requests_max
                .map(|requests_max| Velocity { requests_max, window: Duration::from_secs(self.requests_seconds) }),
            spike: self.spike_factor.map(|factor| Spike {
                factor,
                floor: self.spike_floor.0,
                history_hours_min: self.spike_history_hours_min,
            }),
            sharing: self
                .addresses_max
                .map(|addresses_max| Sharing { addresses_max, window: Duration::from_secs(self.addresses_seconds) }),
        }
    }
}

fn each<D, C>(field: &str, list: &[D], to_core: impl Fn(&D) -> Result<C, StoreError>) -> Result<Box<[C]>, StoreError> {
    let one = |(index, item)| within(&format!("{field}[{index}]"), to_core(item));
    list.iter().enumerate().map(one).collect()
}

fn prices<'a>(
    field: &str,
    list: impl Iterator<Item = (&'a str, &'a PriceDefinition)>,
) -> Result<HashMap<Box<str>, Arc<Price>>, StoreError> {
    list.map(|(name, price)| {
        let price = within(&format!("{field}.{name}"), price.to_core())?;
        Ok((name.into(), Arc::new(price)))
    })
    .collect()
}

fn at_most(field: &str, count: usize, most: usize) -> Result<(), StoreError> {
    if count > most { Err(StoreError::invalid(field, format!("at most {most} of them"))) } else { Ok(()) }
}

fn unique<'a>(field: &str, ids: impl Iterator<Item = &'a str>) -> Result<(), StoreError> {
    let mut seen = std::collections::HashSet::new();
    for (index, id) in ids.enumerate() {
        if !seen.insert(id) {
            return Err(StoreError::invalid(format!("{field}[{index}].id"), "a name that occurs once"));
        }
    }
    Ok(())
}

/// `month`, `3 months`, ...
fn cadence(text: &str) -> Result<Cadence, StoreError> {
    let expected = || StoreError::invalid("period", "day, week, month, year, or a number of them such as `3 months`");
    let (count, unit) = text.split_once(' ').unwrap_or(("1", text));
    let count: u16 = count.parse().ok().filter(|count| (1..=1_000).contains(count)).ok_or_else(expected)?;
    Ok(match unit.strip_suffix('s').unwrap_or(unit) {
        "day" => Cadence::Days(count),
        "week" => Cadence::Weeks(count),
        "month" => Cadence::Months(count),
        "year" => Cadence::Months(count.checked_mul(12).ok_or_else(expected)?),
        _ => return Err(expected()),
    })
}
