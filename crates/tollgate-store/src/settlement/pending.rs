//! What was committed and is not folded yet, added up per customer.
//!
//! Every settlement passes here, most of them about keys that are there already: lookups borrow, and
//! nothing is allocated for what is known.

use std::hash::{Hash, Hasher};

use hashbrown::{Equivalent, HashMap};
use tollgate_core::id::{ApplicationId, CustomerId, GrantId, KeyId};
use tollgate_core::meter::{METERS, Meter};
use tollgate_core::money::Currency;

use crate::{Corrupt, StoreError};

use super::entry::{CallEntry, CounterKind, Entry};

/// Customers are folded in so many shards, one at a time, so that no commit waits long behind a fold.
pub(crate) const SHARDS: usize = 64;

/// The shard that a customer's entries are folded in.
pub(crate) fn shard_of(customer: [u8; 16]) -> usize {
    usize::from(customer[15]) % SHARDS
}

/// What is to be folded for the customers of one shard.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// What grants paid, by grant, with who owns them and in which currency.
    pub(super) draws: HashMap<GrantId, (CustomerId, Currency, i64)>,
    pub(super) expiries: Vec<(GrantId, CustomerId, Currency, i64)>,
    pub(super) on_account: HashMap<(CustomerId, Currency), i64>,
    pub(super) losses: HashMap<(CustomerId, Currency), i64>,
    pub(super) quotas: HashMap<QuotaKey, u64>,
    pub(super) counters: HashMap<CounterKey, CounterSum>,
    pub(super) thresholds: Vec<(CustomerId, String, i64, u8, i64)>,
    pub(super) rollups: HashMap<RollupKey, RollupSum>,
}

/// A quota's period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QuotaKey {
    pub(super) customer: CustomerId,
    pub(super) quota: String,
    pub(super) meter: String,
    pub(super) period_start: i64,
}

/// A counter's period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CounterKey {
    pub(super) customer: CustomerId,
    pub(super) name: String,
    pub(super) period_start: i64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CounterSum {
    pub(super) quantity: i64,
    pub(super) charged_nanos: i64,
    pub(super) charged_picos: i64,
}

/// What a roll-up row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RollupKey {
    pub(super) hour: i64,
    pub(super) customer: Option<CustomerId>,
    pub(super) application: Option<ApplicationId>,
    pub(super) key: Option<KeyId>,
    pub(super) route: String,
    pub(super) model: String,
    pub(super) outcome: String,
    pub(super) currency: String,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RollupSum {
    pub(super) requests: i64,
    pub(super) cost: i64,
    pub(super) loss: i64,
    pub(super) meters: [i64; METERS],
}

const HOUR_MICROS: i64 = 3_600_000_000;

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        // Every call makes a roll-up; an expiry does not.
        self.rollups.is_empty() && self.expiries.is_empty()
    }

    /// Adds one entry.
    pub(super) fn add(&mut self, entry: &Entry<'_>) -> Result<(), StoreError> {
        match entry {
            Entry::Call(call) => self.add_call(call),
            Entry::Expiry(expiry) => {
                let grant = GrantId::from_bytes(expiry.grant.0);
                let customer = CustomerId::from_bytes(expiry.customer.0);
                self.expiries.push((grant, customer, currency(expiry.currency)?, expiry.amount));
                Ok(())
            }
        }
    }

    fn add_call(&mut self, call: &CallEntry<'_>) -> Result<(), StoreError> {
        let customer = CustomerId::from_bytes(call.customer.0);
        if call.cost != 0 || call.loss != 0 {
            let currency = currency(call.currency)?;
            for draw in &call.draws {
                let sum = self.draws.entry(GrantId::from_bytes(draw.grant.0)).or_insert((customer, currency, 0));
                sum.2 = sum.2.saturating_add(draw.amount);
            }
            add(&mut self.on_account, (customer, currency), call.on_account);
            add(&mut self.losses, (customer, currency), call.loss);
        }
        for counter in &call.counters {
            if counter.kind == CounterKind::Quota {
                let key = QuotaRef {
                    customer,
                    quota: counter.name,
                    meter: counter.meter,
                    period_start: counter.period_start,
                };
                update(&mut self.quotas, &key, |sum| *sum = sum.saturating_add(counter.quantity));
                if counter.crossed != 0 {
                    let name = counter.name.to_owned();
                    let at = call.started_at.saturating_add_unsigned(call.total_us);
                    self.thresholds.push((customer, name, counter.period_start, counter.crossed, at));
                }
            } else {
                let key = CounterRef { customer, name: counter.name, period_start: counter.period_start };
                update(&mut self.counters, &key, |sum| {
                    sum.quantity = sum.quantity.saturating_add(i64::try_from(counter.quantity).unwrap_or(i64::MAX));
                    sum.charged_nanos = sum.charged_nanos.saturating_add(counter.charged_nanos);
                    sum.charged_picos = sum.charged_picos.saturating_add(counter.charged_picos);
                });
            }
        }
        self.add_rollup(call);
        Ok(())
    }

    fn add_rollup(&mut self, call: &CallEntry<'_>) {
        let outcome = match (call.reason, call.status) {
            ("", 500..) => "upstream_error",
            ("", _) => "served",
            (reason, _) => reason,
        };
        let key = RollupRef {
            hour: call.started_at.div_euclid(HOUR_MICROS) * HOUR_MICROS,
            customer: call.customer.somebody().map(CustomerId::from_bytes),
            application: call.application.somebody().map(ApplicationId::from_bytes),
            key: call.key.somebody().map(KeyId::from_bytes),
            route: call.route,
            model: call.model,
            outcome,
            currency: call.currency,
        };
        update(&mut self.rollups, &key, |sum| sum.add(call));
    }
}

impl RollupSum {
    fn add(&mut self, call: &CallEntry<'_>) {
        self.requests += 1;
        self.cost = self.cost.saturating_add(call.cost);
        self.loss = self.loss.saturating_add(call.loss);
        for &(code, quantity) in &call.usage {
            if let Some(meter) = Meter::from_code(code) {
                let total = &mut self.meters[usize::from(meter.code())];
                *total = total.saturating_add(i64::try_from(quantity).unwrap_or(i64::MAX));
            }
        }
    }
}

/// Changes the sum under `key`, which begins at nothing.
fn update<K, Q, V>(sums: &mut HashMap<K, V>, key: &Q, change: impl FnOnce(&mut V))
where
    K: Hash + Eq + for<'a> From<&'a Q>,
    Q: Hash + Equivalent<K>,
    V: Default,
{
    if let Some(sum) = sums.get_mut(key) {
        return change(sum);
    }
    let mut sum = V::default();
    change(&mut sum);
    sums.insert(K::from(key), sum);
}

fn add<K: Hash + Eq>(sums: &mut HashMap<K, i64>, key: K, amount: i64) {
    if amount != 0 {
        let sum = sums.entry(key).or_default();
        *sum = sum.saturating_add(amount);
    }
}

fn currency(code: &str) -> Result<Currency, StoreError> {
    code.parse().map_err(|_| Corrupt(format!("an entry of the settlement log is in {code:?}")).into())
}

/// A key that is looked up with borrowed text, and becomes one that owns it when it is new.
macro_rules! borrowed {
    ($borrowed:ident for $key:ident { $($copied:ident: $type:ty),*; $($text:ident),* }) => {
        #[derive(Hash)]
        struct $borrowed<'a> {
            $($copied: $type,)*
            $($text: &'a str,)*
        }

        impl Equivalent<$key> for $borrowed<'_> {
            fn equivalent(&self, key: &$key) -> bool {
                $(self.$copied == key.$copied &&)* $(self.$text == key.$text &&)* true
            }
        }

        impl From<&$borrowed<'_>> for $key {
            fn from(key: &$borrowed<'_>) -> Self {
                Self { $($copied: key.$copied,)* $($text: key.$text.to_owned(),)* }
            }
        }

        // In the order of the borrowed key, whatever the order of its own fields: equal keys hash alike.
        impl Hash for $key {
            fn hash<H: Hasher>(&self, state: &mut H) {
                let Self { $($copied,)* $($text,)* } = self;
                $borrowed { $($copied: *$copied,)* $($text,)* }.hash(state);
            }
        }
    };
}

borrowed!(QuotaRef for QuotaKey { customer: CustomerId, period_start: i64; quota, meter });
borrowed!(CounterRef for CounterKey { customer: CustomerId, period_start: i64; name });
borrowed!(RollupRef for RollupKey {
    hour: i64, customer: Option<CustomerId>, application: Option<ApplicationId>, key: Option<KeyId>;
    route, model, outcome, currency
});
