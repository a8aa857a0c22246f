//! The simulator: a payment provider without money, for sandboxes and tests.
//!
//! What a test card does is written in [`TEST_CARDS`]. It is deterministic and keeps nothing that a
//! restart would lose: the reference of a payment method says what it does when it is charged
//! (`sim_pm_ok_...`, `sim_pm_insufficient_funds_...`), the reference of a payment follows from its
//! idempotency key.

mod test_cards;

use std::collections::{HashMap, VecDeque};
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use tollgate_core::id::{Ids, PaymentMethodKind, mint};
use tollgate_core::time::Clock;

pub use test_cards::{TEST_CARDS, TestCard};

use crate::{
    Authorized, Card, Charged, Decline, Instrument, MoneyKind, Order, PaymentProvider, Pending, Reply, SavedMethod,
};
use test_cards::message;

/// What the reference of every payment method begins with.
const METHOD: &str = "sim_pm_";
/// The outcome in a reference that is no decline code.
const PAYS: &str = "ok";

/// Idempotency keys that are remembered, to notice one that is used for something else.
const KEYS_MAX: usize = 10_000;

/// A payment provider without money.
pub struct Simulator {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    orders: Mutex<Orders>,
}

/// What was ordered under which key.
#[derive(Default)]
struct Orders {
    by_key: HashMap<String, String>,
    oldest_first: VecDeque<String>,
}

impl Simulator {
    /// A simulator that takes its time from `clock` and its references from `ids`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { clock, ids, orders: Mutex::default() }
    }

    fn save(&self, instrument: &Instrument) -> Result<SavedMethod, Decline> {
        let Instrument::TestCard(card) = instrument else { return Err(declined("unknown_method")) };
        let test_card = self.test_card(card)?;
        if let Some(code) = test_card.now {
            return Err(declined(code));
        }
        let id = mint::<PaymentMethodKind>(&*self.ids, self.clock.now()).to_string();
        let outcome = test_card.later.unwrap_or(PAYS);
        Ok(SavedMethod {
            reference: format!("{METHOD}{outcome}_{}", id.trim_start_matches("pm_")),
            brand: card.brand().to_owned(),
            last4: card.last4().to_owned(),
            expires: Some(card.expires()),
        })
    }

    /// The reference of what `order` comes to; `kind` tells payments from authorizations.
    fn pay(&self, kind: &str, order: &Order) -> Result<String, Decline> {
        self.remember(kind, order)?;
        let money = order.money;
        if !money.amount.is_positive() || money.amount.ceil_to_minor(money.currency) != money.amount {
            return Err(declined("amount_not_payable"));
        }
        if let Some(code) = self.outcome(&order.from)? {
            return Err(declined(code));
        }
        let hash = digest(&SHA256, format!("{kind} {}", order.idempotency_key).as_bytes());
        let digits: String = hash.as_ref().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("sim_{kind}_{digits}"))
    }

    /// The decline code when `instrument` is charged.
    fn outcome<'a>(&self, instrument: &'a Instrument) -> Result<Option<&'a str>, Decline> {
        match instrument {
            Instrument::TestCard(card) => Ok(self.test_card(card)?.now.or(self.test_card(card)?.later)),
            Instrument::OnFile(reference) => {
                let outcome = reference.strip_prefix(METHOD).and_then(|rest| rest.rsplit_once('_'));
                let (outcome, _) = outcome.ok_or_else(|| declined("unknown_method"))?;
                Ok((outcome != PAYS).then_some(outcome))
            }
            Instrument::Token(_) => Err(declined("unknown_method")),
        }
    }

    fn test_card(&self, card: &Card) -> Result<&'static TestCard, Decline> {
        let known = TEST_CARDS.iter().find(|known| known.number == card.number());
        match known {
            None if !card.checks() => Err(declined("incorrect_number")),
            None => Err(declined("live_card")),
            Some(_) if card.is_expired(self.clock.now()) => Err(declined("expired_card")),
            Some(known) => Ok(known),
        }
    }

    /// The same order under the same key is the same payment; another one is refused.
    fn remember(&self, kind: &str, order: &Order) -> Result<(), Decline> {
        let what = match &order.from {
            Instrument::TestCard(card) => format!("{card:?}"),
            Instrument::OnFile(text) | Instrument::Token(text) => text.clone(),
        };
        let order_text = format!("{} {what} {}", order.money, order.purpose);
        let key = format!("{kind} {}", order.idempotency_key);
        // Nothing in here can panic half-way.
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = orders.by_key.get(&key) {
            return if *known == order_text { Ok(()) } else { Err(declined("idempotency_key_reused")) };
        }
        if orders.oldest_first.len() >= KEYS_MAX
            && let Some(oldest) = orders.oldest_first.pop_front()
        {
            orders.by_key.remove(&oldest);
        }
        orders.oldest_first.push_back(key.clone());
        orders.by_key.insert(key, order_text);
        Ok(())
    }
}

fn declined(code: &str) -> Decline {
    Decline::new(code, message(code))
}

fn reply<T>(result: Result<T, Decline>) -> Reply<T> {
    result.map_or_else(Reply::Declined, Reply::Done)
}

impl PaymentProvider for Simulator {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn money_kind(&self) -> MoneyKind {
        MoneyKind::Simulated
    }

    fn save_method<'a>(&'a self, instrument: &'a Instrument) -> Pending<'a, SavedMethod> {
        Box::pin(ready(reply(self.save(instrument))))
    }

    fn charge<'a>(&'a self, order: &'a Order) -> Pending<'a, Charged> {
        Box::pin(ready(reply(self.pay("ch", order).map(|reference| Charged { reference }))))
    }

    fn authorize<'a>(&'a self, order: &'a Order) -> Pending<'a, Authorized> {
        Box::pin(ready(reply(self.pay("auth", order).map(|reference| Authorized { reference }))))
    }

    fn release<'a>(&'a self, _: &'a str) -> Pending<'a, ()> {
        Box::pin(ready(Reply::Done(())))
    }
}

#[cfg(test)]
mod tests;
