//! Names that callers use for models, and who serves them, as they are written down.

use serde::{Deserialize, Serialize};

use super::{Upstreams, check_name, within};
use crate::StoreError;

/// A name for a model, and the models that serve it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelDefinition {
    /// What callers ask for.
    pub name: String,
    /// Who serves it; several share it by their weights.
    #[serde(rename = "target")]
    pub targets: Vec<TargetDefinition>,
    /// Who serves it, in this order, when none of the targets can.
    #[serde(default, rename = "fallback", skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<TargetDefinition>,
    /// How many of them are tried for one request.
    #[serde(default = "three", skip_serializing_if = "is_three")]
    pub attempts_max: u32,
}

/// A model at an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetDefinition {
    /// The upstream's name within the API; the first one if it is left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub upstream: String,
    /// The model's name there.
    pub model: String,
    /// Its share among the targets.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u32,
}

const fn one() -> u32 {
    1
}
const fn three() -> u32 {
    3
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_one(weight: &u32) -> bool {
    *weight == 1
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_three(attempts: &u32) -> bool {
    *attempts == 3
}

/// A weight above it says nothing that smaller ones could not.
const WEIGHT_MAX: u32 = 1_000_000;

impl ModelDefinition {
    pub(super) fn check(&self, upstreams: &Upstreams) -> Result<(), StoreError> {
        check_name("name", &self.name)?;
        if self.targets.is_empty() {
            return Err(StoreError::invalid("target", "at least one model that serves it"));
        }
        if self.attempts_max == 0 || self.attempts_max > 10 {
            return Err(StoreError::invalid("attempts_max", "1 to 10"));
        }
        for (list, name) in [(&self.targets, "target"), (&self.fallbacks, "fallback")] {
            for (index, target) in list.iter().enumerate() {
                within(&format!("{name}[{index}]"), target.check(upstreams))?;
            }
        }
        Ok(())
    }
}

impl TargetDefinition {
    fn check(&self, upstreams: &Upstreams) -> Result<(), StoreError> {
        if !self.upstream.is_empty() && !upstreams.iter().any(|upstream| upstream.key == self.upstream) {
            let known: Vec<&str> = upstreams.iter().map(|upstream| upstream.key.as_str()).collect();
            return Err(StoreError::invalid("upstream", format!("one of this API's upstreams: {}", known.join(", "))));
        }
        if self.model.is_empty() || self.model.len() > 256 {
            return Err(StoreError::invalid("model", "the model's name at its upstream"));
        }
        if self.weight == 0 || self.weight > WEIGHT_MAX {
            return Err(StoreError::invalid("weight", format!("1 to {WEIGHT_MAX}")));
        }
        Ok(())
    }
}
