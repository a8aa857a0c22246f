//! Plans and add-ons.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{ModelAccess, Price, Quota, RateLimit};
use crate::fraud::FraudRules;
use crate::money::{Currency, Factor, Nanos};
use crate::period::Cadence;

/// One version of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The plan's stable name, for example `pro`.
    pub key: Box<str>,
    /// Counts from 1; a subscription stays on the version it was sold.
    pub version: u32,
    /// The name people read.
    pub name: Box<str>,
    /// What it is priced in.
    pub currency: Currency,
    /// The price of a billing period.
    pub base_price: Nanos,
    /// The length of a billing period.
    pub cadence: Cadence,
    /// Days of use before the first payment; 0 for none.
    pub trial_days: u16,
    /// Whether use is paid before or after.
    pub payment: PaymentTerms,
    /// Whether a payment method must be on file.
    pub payment_method: Requirement,
    /// The least a period costs.
    pub minimum_commitment: Nanos,
    /// Days in which access continues after a failed payment.
    pub grace_days: u16,
    /// Features it includes.
    pub features: Box<[Box<str>]>,
    /// Models it opens.
    pub models: ModelAccess,
    /// The largest prompt, in tokens.
    pub context_tokens_max: Option<u64>,
    /// The output bound of a request that names none, in tokens.
    pub output_tokens_default: Option<u64>,
    /// Who waits for a saturated upstream is served first with the highest of these.
    pub priority: u8,
    /// If the balance covers at least so many output tokens, a larger output bound is lowered to
    /// what it covers, and said so; `None` refuses.
    pub clamp_output_from: Option<u64>,
    /// Quotas; at most [`Plan::QUOTAS_MAX`].
    pub quotas: Box<[Quota]>,
    /// Rate limits; at most [`Plan::RATE_LIMITS_MAX`].
    pub rate_limits: Box<[RateLimit]>,
    /// Own prices by the key of the price they replace.
    pub prices: HashMap<Box<str>, Arc<Price>>,
    /// Own prices by model.
    pub model_prices: HashMap<Box<str>, Arc<Price>>,
    /// Multiplies the price book for all other models.
    pub model_markup: Factor,
    /// What is owed when the caller leaves during an answer.
    pub caller_left: CallerLeft,
    /// How much of the customer's figures a key may see.
    pub disclosure: Disclosure,
    /// When a customer is put under review.
    pub fraud: Option<Box<FraudRules>>,
}

impl Plan {
    /// The most quotas a plan may have; holds keep one number for each.
    pub const QUOTAS_MAX: usize = 8;
    /// The most rate limits a plan may have.
    pub const RATE_LIMITS_MAX: usize = 8;

    /// The price that applies to a route whose own price is `price`.
    #[must_use]
    pub fn price_for<'a>(&'a self, price: &'a Arc<Price>) -> &'a Arc<Price> {
        if self.prices.is_empty() { price } else { self.prices.get(&price.key).unwrap_or(price) }
    }
}

/// Whether use is paid before or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentTerms {
    /// From the wallet; never more than it holds.
    Prepaid,
    /// From the wallet while it lasts, then on account, up to a limit if there is one.
    Postpaid {
        /// The most that may be owed.
        credit_limit: Option<Nanos>,
    },
}

/// Whether something must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// It must.
    Required,
    /// It may.
    Optional,
}

/// What is owed when the caller leaves during an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerLeft {
    /// What the upstream generated: it is read to its end, within these bounds, because the upstream
    /// charges for it as well.
    Generated {
        /// The longest it is read on.
        time_max: Duration,
    },
    /// What the caller received; the upstream is told to stop.
    Received,
}

/// How much a refusal and a served response tell the holder of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    /// All figures.
    Full,
    /// The reason without amounts: the key is resold.
    ReasonOnly,
}

/// One version of an add-on: an offer that needs a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOn {
    /// The add-on's stable name.
    pub key: Box<str>,
    /// Counts from 1.
    pub version: u32,
    /// The name people read.
    pub name: Box<str>,
    /// What it is priced in.
    pub currency: Currency,
    /// The price of a billing period.
    pub price: Nanos,
    /// Features it opens.
    pub features: Box<[Box<str>]>,
    /// Models it opens.
    pub models: Box<[Box<str>]>,
    /// What it adds to quotas, by quota id.
    pub quotas: Box<[(Box<str>, u64)]>,
    /// The prompt it allows, in tokens.
    pub context_tokens_max: Option<u64>,
}
