//! Spend caps as they are written down.

use serde::{Deserialize, Serialize};
use tollgate_core::catalogue::{CapPeriod, CapScope, SpendCap};

use super::Amount;
use super::price::not_negative;
use crate::StoreError;

/// A spend cap of a customer, application or key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapDefinition {
    /// The most that may be spent.
    pub amount: Amount,
    /// In this time.
    pub period: CapPeriodDefinition,
}

/// The period of a spend cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapPeriodDefinition {
    /// The calendar day.
    Day,
    /// The calendar month.
    Month,
    /// For ever.
    Total,
}

impl CapPeriodDefinition {
    pub(crate) const fn to_core(self) -> CapPeriod {
        match self {
            Self::Day => CapPeriod::Day,
            Self::Month => CapPeriod::Month,
            Self::Total => CapPeriod::Total,
        }
    }
}

/// The caps of one scope; at most one for each period.
///
/// # Errors
/// [`StoreError::Invalid`] names the field.
pub(crate) fn caps_to_core(scope: CapScope, caps: &[CapDefinition]) -> Result<Vec<SpendCap>, StoreError> {
    let mut result: Vec<SpendCap> = Vec::new();
    for (index, cap) in caps.iter().enumerate() {
        not_negative(&format!("caps[{index}].amount"), cap.amount.0)?;
        let period = cap.period.to_core();
        if result.iter().any(|other| other.period == period) {
            return Err(StoreError::invalid(format!("caps[{index}].period"), "another period than the caps before it"));
        }
        result.push(SpendCap { scope, period, amount: cap.amount.0 });
    }
    Ok(result)
}
