//! Prices as they are written down.

use serde::{Deserialize, Serialize};
use tollgate_core::catalogue::{Component, Price, PriceModel, Tier};
use tollgate_core::meter::{Meter, MeterSet};
use tollgate_core::money::{Nanos, Rate};

use super::{Amount, MeterNames, UnitPrice, check_name, within};
use crate::StoreError;

/// A price. Either `per_call`, or `components` that are added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceDefinition {
    /// Its stable name.
    pub key: String,
    /// So much for each call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_call: Option<Amount>,
    /// Parts that are added up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentDefinition>,
}

/// One part of a price: a meter and exactly one of `flat`, `per_unit`, `graduated`, `volume`, `package`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentDefinition {
    /// What it counts.
    pub meter: MeterNames,
    /// So much for a request, whatever its quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat: Option<Amount>,
    /// So much for each unit; up to 12 decimal places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_unit: Option<UnitPrice>,
    /// Each unit at the price of its tier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub graduated: Vec<TierDefinition>,
    /// All units at the price of the tier that the period's total reaches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume: Vec<TierDefinition>,
    /// So much for each package begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageDefinition>,
}

/// One tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierDefinition {
    /// Its last unit; absent in the last tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u64>,
    /// The price of a unit.
    #[serde(default)]
    pub unit: UnitPrice,
    /// Due once when the tier is entered.
    #[serde(default)]
    pub flat: Amount,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageDefinition {
    /// The price of a package.
    pub amount: Amount,
    /// Units in it.
    pub size: u64,
    /// Units of the period before the first package.
    #[serde(default)]
    pub free_units: u64,
}

impl PriceDefinition {
    /// The price.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub fn to_core(&self) -> Result<Price, StoreError> {
        check_name("key", &self.key)?;
        let components = match (&self.per_call, self.components.as_slice()) {
            (Some(amount), []) => {
                not_negative("per_call", amount.0)?;
                let meters = MeterSet::of(Meter::Calls);
                Box::new([Component { meters, model: PriceModel::Flat(amount.0) }]) as Box<[Component]>
            }
            (None, components @ [_, ..]) => components
                .iter()
                .enumerate()
                .map(|(index, component)| within(&format!("components[{index}]"), component.to_core()))
                .collect::<Result<_, _>>()?,
            _ => return Err(StoreError::invalid("per_call", "either `per_call` or `components`, and not both")),
        };
        Ok(Price::of(&self.key, components))
    }
}

impl ComponentDefinition {
    fn to_core(&self) -> Result<Component, StoreError> {
        let meters = self.meter.to_core().map_err(|expected| StoreError::invalid("meter", expected))?;
        let mut models = Vec::new();
        if let Some(amount) = &self.flat {
            not_negative("flat", amount.0)?;
            models.push(PriceModel::Flat(amount.0));
        }
        if let Some(rate) = &self.per_unit {
            rate_not_negative("per_unit", rate.0)?;
            models.push(PriceModel::PerUnit(rate.0));
        }
        if !self.graduated.is_empty() {
            models.push(PriceModel::Graduated(tiers("graduated", &self.graduated)?));
        }
        if !self.volume.is_empty() {
            models.push(PriceModel::Volume(tiers("volume", &self.volume)?));
        }
        if let Some(package) = &self.package {
            not_negative("package.amount", package.amount.0)?;
            if package.size == 0 {
                return Err(StoreError::invalid("package.size", "at least 1"));
            }
            let (amount, size, free_units) = (package.amount.0, package.size, package.free_units);
            models.push(PriceModel::Package { amount, size, free_units });
        }
        match <[PriceModel; 1]>::try_from(models) {
            Ok([model]) => Ok(Component { meters, model }),
            Err(_) => Err(StoreError::invalid(
                "flat",
                "exactly one of `flat`, `per_unit`, `graduated`, `volume` and `package`",
            )),
        }
    }
}

fn tiers(field: &str, tiers: &[TierDefinition]) -> Result<Box<[Tier]>, StoreError> {
    let mut below = 0;
    let last = tiers.len() - 1;
    for (index, tier) in tiers.iter().enumerate() {
        let place = format!("{field}[{index}].up_to");
        match tier.up_to {
            None if index == last => (),
            Some(top) if index < last && top > below => below = top,
            Some(_) if index == last => return Err(StoreError::invalid(place, "nothing: the last tier has no end")),
            _ => return Err(StoreError::invalid(place, format!("a number above {below}"))),
        }
        rate_not_negative(&format!("{field}[{index}].unit"), tier.unit.0)?;
        not_negative(&format!("{field}[{index}].flat"), tier.flat.0)?;
    }
    Ok(tiers.iter().map(|t| Tier { up_to: t.up_to, unit: t.unit.0, flat: t.flat.0 }).collect())
}

pub(super) fn not_negative(field: &str, amount: Nanos) -> Result<(), StoreError> {
    if amount < Nanos::ZERO { Err(StoreError::invalid(field, "an amount of 0 or more")) } else { Ok(()) }
}

fn rate_not_negative(field: &str, rate: Rate) -> Result<(), StoreError> {
    if rate < Rate::ZERO { Err(StoreError::invalid(field, "a price of 0 or more")) } else { Ok(()) }
}
