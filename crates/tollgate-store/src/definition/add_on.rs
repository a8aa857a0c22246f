//! Add-ons as they are written down.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_core::catalogue::AddOn;

use super::price::not_negative;
use super::{Amount, CurrencyCode, check_name, check_title, names};
use crate::StoreError;
use crate::grants::check_debt;

/// An add-on: an offer that needs a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddOnDefinition {
    /// Its stable name.
    pub key: String,
    /// The name people read.
    pub name: String,
    /// What it is priced in.
    pub currency: CurrencyCode,
    /// The price of a billing period.
    pub price: Amount,
    /// Features it opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// Models it opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// What it adds to quotas, by quota id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quotas: BTreeMap<String, u64>,
    /// The prompt it allows, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens_max: Option<u64>,
}

impl AddOnDefinition {
    /// Whether it may be published: what is bought must be something that can be invoiced.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.to_core(1)?;
        check_title("name", &self.name)?;
        check_debt("price", self.price.0)
    }

    /// The add-on, as version `version`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub fn to_core(&self, version: u32) -> Result<AddOn, StoreError> {
        check_name("key", &self.key)?;
        not_negative("price", self.price.0)?;
        Ok(AddOn {
            key: self.key.as_str().into(),
            version,
            name: self.name.as_str().into(),
            currency: self.currency.0,
            price: self.price.0,
            features: names(&self.features),
            models: names(&self.models),
            quotas: self.quotas.iter().map(|(id, more)| (id.as_str().into(), *more)).collect(),
            context_tokens_max: self.context_tokens_max,
        })
    }
}
