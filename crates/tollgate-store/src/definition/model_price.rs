//! Rows of the price book as they are stored.

use serde::{Deserialize, Serialize};

/// One model's price: the row that the price book's importer made, kept as it is.
///
/// The store does not look inside: the price book is the meter's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct ModelPriceDefinition(pub serde_json::Value);
