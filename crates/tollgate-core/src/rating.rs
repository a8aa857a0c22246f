//! Rating: from a quantity to money.
//!
//! Prices whose unit price depends on the units before it (graduated, volume, package) are rated as
//! the difference between two totals of the billing period, so that any split of the same use into
//! requests costs the same.

use crate::catalogue::{PriceModel, Tier};
use crate::money::{Overflow, Picos};

/// The total for `quantity` units of one billing period.
///
/// [`PriceModel::Flat`] is per request and has no total of a period; it is its amount.
///
/// # Errors
/// [`Overflow`] if the total does not fit.
pub fn total(model: &PriceModel, quantity: u64) -> Result<Picos, Overflow> {
    match model {
        PriceModel::Flat(amount) => Ok(Picos::from_nanos(*amount)),
        PriceModel::PerUnit(rate) => Ok(rate.times(quantity)),
        PriceModel::Graduated(tiers) => graduated(tiers, quantity),
        PriceModel::Volume(tiers) => volume(tiers, quantity),
        PriceModel::Package { amount, size, free_units } => {
            let packages = quantity.saturating_sub(*free_units).div_ceil((*size).max(1));
            let picos = Picos::from_nanos(*amount).get().checked_mul(i128::from(packages)).ok_or(Overflow)?;
            Ok(Picos::from_picos(picos))
        }
    }
}

/// Each unit at the price of its tier; each tier that is entered adds its flat amount.
fn graduated(tiers: &[Tier], quantity: u64) -> Result<Picos, Overflow> {
    let mut sum = Picos::ZERO;
    let mut below = 0_u64;
    for (index, tier) in tiers.iter().enumerate() {
        if index > 0 && quantity <= below {
            break;
        }
        let top = tier.up_to.unwrap_or(u64::MAX);
        let units = quantity.min(top).saturating_sub(below);
        sum = sum.plus(tier.unit.times(units))?.plus(Picos::from_nanos(tier.flat))?;
        below = top;
    }
    Ok(sum)
}

/// All units at the price of the tier that the quantity reaches.
fn volume(tiers: &[Tier], quantity: u64) -> Result<Picos, Overflow> {
    let reached = tiers.iter().find(|tier| tier.up_to.is_none_or(|top| quantity <= top)).or(tiers.last());
    match reached {
        Some(tier) => tier.unit.times(quantity).plus(Picos::from_nanos(tier.flat)),
        None => Ok(Picos::ZERO),
    }
}

/// How far a cumulative price component has come in a billing period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Units rated so far.
    pub quantity: u64,
    /// Charged for them so far.
    pub charged: Picos,
}

impl Progress {
    /// The charge for `quantity` more units.
    ///
    /// A volume price may fall when a tier is reached. What was charged is not given back during the
    /// period; the next units are free until the total has caught up.
    ///
    /// # Errors
    /// [`Overflow`] if a total does not fit.
    pub fn charge(&self, model: &PriceModel, quantity: u64) -> Result<Picos, Overflow> {
        Ok(total(model, self.quantity.saturating_add(quantity))?.minus_at_least_zero(self.charged))
    }

    /// The progress after `quantity` more units for which `charge` was taken.
    ///
    /// # Errors
    /// [`Overflow`] if the sum does not fit.
    pub fn after(self, quantity: u64, charge: Picos) -> Result<Self, Overflow> {
        Ok(Self { quantity: self.quantity.saturating_add(quantity), charged: self.charged.plus(charge)? })
    }
}

#[cfg(test)]
mod tests;
