//! The state of rate limits: buckets and running requests, by limit and by who shares it.

use crate::gcra::Gcra;
use crate::time::Timestamp;

/// How drained the rate limits of one customer are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates(Vec<LimitState>);

/// The state of one limit for one label (a key, a route, a model; 0 for the whole customer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitState {
    /// Which limit of the plan.
    pub limit: u8,
    /// Who shares it.
    pub label: u64,
    /// Its bucket.
    pub bucket: Gcra,
    /// Requests that run.
    pub running: u32,
}

impl Rates {
    /// States kept before those that are idle are dropped. Labels are few (keys, routes, models).
    const KEPT: usize = 64;

    /// The state of `limit` for `label`; fresh if there is none.
    #[must_use]
    pub fn get(&self, limit: u8, label: u64) -> LimitState {
        let fresh = LimitState { limit, label, bucket: Gcra::default(), running: 0 };
        self.0.iter().find(|s| s.limit == limit && s.label == label).copied().unwrap_or(fresh)
    }

    /// The state of `limit` for `label`, to be changed.
    pub fn get_mut(&mut self, limit: u8, label: u64, now: Timestamp) -> &mut LimitState {
        let index = match self.0.iter().position(|s| s.limit == limit && s.label == label) {
            Some(index) => index,
            None => {
                if self.0.len() >= Self::KEPT {
                    self.0.retain(|s| s.running > 0 || s.bucket.full_at() > now);
                }
                self.0.push(LimitState { limit, label, bucket: Gcra::default(), running: 0 });
                self.0.len() - 1
            }
        };
        &mut self.0[index]
    }

    /// Forgets everything: the plan changed and its limits with it. Running requests are counted anew
    /// from nothing; their ends are ignored.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
