//! What a request counts in: quotas and rate limits of the plan, by their place.

use crate::catalogue::{PastLimit, Plan, RatePer};
use crate::gcra::Pace;

use super::Ask;

/// Some of a plan's quotas, by their place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QuotaSet(u8);

impl QuotaSet {
    pub(crate) fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        (0..Plan::QUOTAS_MAX).filter(move |index| self.0 & (1 << index) != 0)
    }
}

/// Some of a plan's rate limits, by their place, with who shares each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LimitSet {
    mask: u8,
    labels: [u64; Plan::RATE_LIMITS_MAX],
}

impl LimitSet {
    pub(crate) fn insert(&mut self, index: usize, label: u64) {
        self.mask |= 1 << index;
        self.labels[index] = label;
    }

    /// Places and labels.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        (0..Plan::RATE_LIMITS_MAX)
            .filter(|index| self.mask & (1 << index) != 0)
            .map(|index| (index, self.labels[index]))
    }
}

/// The label under which the state of a limit is kept: 0 for the whole customer.
pub(crate) fn label(per: RatePer, ask: &Ask<'_>) -> u64 {
    match per {
        RatePer::Customer => 0,
        RatePer::Key => fold(&ask.key.to_bytes()),
        RatePer::Route => fold(ask.route.key.as_bytes()),
        RatePer::Model => fold(ask.model_id().unwrap_or_default().as_bytes()),
    }
}

/// FNV-1a. Labels of one customer are few and not chosen by an attacker who could gain by a collision:
/// two of the customer's own keys would share a limit.
fn fold(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The pace past a degrading quota.
pub(crate) fn slower(plan: &Plan, quota: usize) -> Option<Pace> {
    let PastLimit::Degrade(degradation) = &plan.quotas.get(quota)?.past else { return None };
    let per_minute = degradation.requests_per_minute?;
    Some(Pace::new(per_minute, std::time::Duration::from_secs(60), 1))
}
