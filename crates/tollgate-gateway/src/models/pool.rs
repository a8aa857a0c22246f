//! The models of one API: names, and who serves them.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_core::catalogue::Price;
use tollgate_core::time::Timestamp;
use tollgate_store::definition::{ApiDefinition, ModelDefinition, TargetDefinition};

use crate::snapshot::Snapshot;

use super::Provider;

/// The models of one API.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The first serves where nothing else is said.
    providers: Box<[Arc<Provider>]>,
    names: HashMap<Box<str>, Named>,
}

/// Who serves a name.
#[derive(Debug)]
struct Named {
    targets: Box<[Target]>,
    fallbacks: Box<[Target]>,
    attempts_max: usize,
}

#[derive(Debug)]
struct Target {
    provider: Arc<Provider>,
    model: Box<str>,
    weight: u64,
}

/// A model at a provider.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) provider: Arc<Provider>,
    /// The model's name there.
    pub(crate) model: Box<str>,
}

impl Pool {
    /// The models of `api`, whose upstreams are `providers` in their order.
    pub(crate) fn new(api: &ApiDefinition, providers: Vec<Arc<Provider>>) -> Self {
        let target = |target: &TargetDefinition| {
            let provider = providers.iter().find(|it| *it.key == *target.upstream).or(providers.first())?;
            let provider = Arc::clone(provider);
            Some(Target { provider, model: target.model.as_str().into(), weight: u64::from(target.weight) })
        };
        let named = |model: &ModelDefinition| Named {
            targets: model.targets.iter().filter_map(target).collect(),
            fallbacks: model.fallbacks.iter().filter_map(target).collect(),
            attempts_max: usize::try_from(model.attempts_max).unwrap_or(1),
        };
        let names = api.models.iter().map(|model| (model.name.as_str().into(), named(model))).collect();
        Self { providers: providers.into(), names }
    }

    /// The names that the operator gave, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.names.keys().map(|name| &**name).collect();
        names.sort_unstable();
        names
    }

    /// What `name` costs where it is served first.
    pub(crate) fn price<'a>(&self, name: &str, snapshot: &'a Snapshot) -> Option<&'a Arc<Price>> {
        let first = self.candidates(name, snapshot, 0, Timestamp::MIN).into_iter().next()?;
        snapshot.model_price(&first.provider.prices, &first.model)
    }

    /// All providers.
    pub(crate) fn providers(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.iter()
    }

    /// Who serves `name`, in the order in which they are tried: by weight with `chance`, then the fallbacks;
    /// those that rest last. At least one, if the API has an upstream.
    ///
    /// A name that the operator did not give is a model's own: at the upstream before its slash
    /// (`anthropic/claude-sonnet-4-5`), else at the first one whose provider has a price for it.
    pub(crate) fn candidates(&self, name: &str, snapshot: &Snapshot, chance: u64, now: Timestamp) -> Vec<Candidate> {
        let Some(named) = self.names.get(name) else {
            return self.by_itself(name, snapshot).into_iter().collect();
        };
        let mut chosen: Vec<&Target> = by_weight(&named.targets, chance);
        chosen.extend(&named.fallbacks);
        // Stable: within both halves the order stays.
        chosen.sort_by_key(|target| target.provider.rests(now));
        chosen.truncate(named.attempts_max);
        chosen
            .into_iter()
            .map(|target| Candidate { provider: Arc::clone(&target.provider), model: target.model.clone() })
            .collect()
    }

    /// The name under which `asked` is sold: without the upstream that it names.
    pub(crate) fn sold_name<'a>(&self, asked: &'a str) -> &'a str {
        if self.names.contains_key(asked) {
            return asked;
        }
        match asked.split_once('/') {
            Some((key, model)) if !key.is_empty() && self.providers.iter().any(|it| *it.key == *key) => model,
            _ => asked,
        }
    }

    fn by_itself(&self, name: &str, snapshot: &Snapshot) -> Option<Candidate> {
        let candidate =
            |provider: &Arc<Provider>, model: &str| Candidate { provider: Arc::clone(provider), model: model.into() };
        if let Some((key, model)) = name.split_once('/')
            && let Some(provider) = self.providers.iter().find(|provider| *provider.key == *key && !key.is_empty())
        {
            return Some(candidate(provider, model));
        }
        let priced = self.providers.iter().find(|provider| snapshot.model(&provider.prices, name).is_some());
        priced.or(self.providers.first()).map(|provider| candidate(provider, name))
    }
}

/// All targets in a random order in which each comes first by its weight.
fn by_weight(targets: &[Target], chance: u64) -> Vec<&Target> {
    let mut left: Vec<&Target> = targets.iter().collect();
    let mut ordered = Vec::with_capacity(left.len());
    let mut chance = chance;
    while !left.is_empty() {
        let total: u64 = left.iter().map(|target| target.weight).sum();
        let mut point = chance % total.max(1);
        let index = left.iter().position(|target| match point.checked_sub(target.weight) {
            Some(rest) => {
                point = rest;
                false
            }
            None => true,
        });
        ordered.push(left.remove(index.unwrap_or(0)));
        // Another point for the next place (SplitMix64's step).
        chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 1;
    }
    ordered
}
