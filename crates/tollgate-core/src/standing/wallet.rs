//! The wallet: grants of prepaid and promotional credit, and the order in which they burn.
//!
//! A hold remembers what it drew from which grant and gives back to the same ones. Re-running the
//! order on release is how balances drift (billing reference, finding 2).

use std::cmp::Ordering;
use std::sync::Arc;

use crate::catalogue::RouteTerms;
use crate::id::GrantId;
use crate::money::Nanos;
use crate::time::Timestamp;

/// The grants of one customer, in the order in which they burn.
#[derive(Debug, Clone, Default)]
pub struct Wallet(Vec<Grant>);

/// When a grant expired that was voided or used up elsewhere: before anything can be spent.
const GONE: Timestamp = Timestamp::MIN;

/// One amount of credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Which.
    pub id: GrantId,
    /// Bought or given.
    pub provenance: Provenance,
    /// 0 burns first.
    pub priority: u8,
    /// What it may be spent on; `None` for everything.
    pub scope: Option<Arc<GrantScope>>,
    /// From when it may be spent.
    pub effective_at: Timestamp,
    /// The first instant at which it may not be spent any more.
    pub expires_at: Timestamp,
    /// What is left, including what is held.
    pub remaining: Nanos,
    /// Held by running requests.
    pub held: Nanos,
}

/// Whether credit was bought or given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// Given: burns before bought credit of the same rank.
    Promotional,
    /// Bought.
    Paid,
}

/// What a grant may be spent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantScope {
    /// Requests to these APIs or routes.
    pub routes: Box<[Box<str>]>,
}

impl GrantScope {
    fn covers(&self, route: &RouteTerms) -> bool {
        self.routes.iter().any(|name| route.is_named(name) || *name == route.api)
    }
}

/// What one hold takes from one grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// From which.
    pub grant: GrantId,
    /// How much.
    pub amount: Nanos,
}

/// What a hold or settlement takes from the wallet, in burn order. Nearly always one grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Draws {
    /// Nothing.
    #[default]
    None,
    /// From one grant.
    One(Draw),
    /// From several.
    Many(Vec<Draw>),
}

impl Draws {
    fn push(&mut self, draw: Draw) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(draw),
            Self::One(first) => Self::Many(vec![first, draw]),
            Self::Many(mut draws) => {
                draws.push(draw);
                Self::Many(draws)
            }
        };
    }

    /// The draws in burn order.
    #[must_use]
    pub fn as_slice(&self) -> &[Draw] {
        match self {
            Self::None => &[],
            Self::One(draw) => std::slice::from_ref(draw),
            Self::Many(draws) => draws,
        }
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> Nanos {
        self.as_slice().iter().map(|draw| draw.amount).sum()
    }
}

impl Grant {
    /// Whether it may be spent on `route` at `now`.
    #[must_use]
    pub fn usable(&self, route: &RouteTerms, now: Timestamp) -> bool {
        self.effective_at <= now && now < self.expires_at && self.scope.as_ref().is_none_or(|scope| scope.covers(route))
    }

    /// What is left and not held.
    #[must_use]
    pub fn free(&self) -> Nanos {
        self.remaining.saturating_minus(self.held).at_least_zero()
    }

    /// Burn order: restricted scope, priority, soonest expiry, promotional before paid, older first.
    fn burns_before(&self, other: &Self) -> Ordering {
        let rank = |grant: &Self| {
            (
                grant.scope.is_none(),
                grant.priority,
                grant.expires_at,
                matches!(grant.provenance, Provenance::Paid),
                grant.effective_at,
                grant.id,
            )
        };
        rank(self).cmp(&rank(other))
    }
}

impl Wallet {
    /// Puts `grant` at its place in the burn order.
    pub fn insert(&mut self, grant: Grant) {
        let place = self.0.partition_point(|other| other.burns_before(&grant) == Ordering::Less);
        self.0.insert(place, grant);
    }

    /// Takes over grants from `fresh`: new ones as they are, known ones with what is left and held here.
    /// A grant that is gone there was voided or used up; only what is held of it stays until it settles.
    pub(super) fn adopt(&mut self, fresh: Self) {
        let known = std::mem::take(&mut self.0);
        for grant in fresh.0 {
            let here = known.iter().find(|k| k.id == grant.id);
            let (remaining, held) = here.map_or((grant.remaining, grant.held), |k| (k.remaining, k.held));
            self.insert(Grant { remaining, held, ..grant });
        }
        for grant in known {
            if grant.held.is_positive() && self.get(grant.id).is_none() {
                // It pays for what runs. What that does not use is not there any more.
                self.insert(Grant { remaining: grant.held, expires_at: GONE, ..grant });
            }
        }
    }

    /// The grants in burn order.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.0
    }

    /// The grant `id`.
    #[must_use]
    pub fn get(&self, id: GrantId) -> Option<&Grant> {
        self.0.iter().find(|grant| grant.id == id)
    }

    /// The grant `id`, to be changed.
    pub fn get_mut(&mut self, id: GrantId) -> Option<&mut Grant> {
        self.0.iter_mut().find(|grant| grant.id == id)
    }

    /// What may be spent on `route` at `now`.
    #[must_use]
    pub fn available(&self, route: &RouteTerms, now: Timestamp) -> Nanos {
        self.0.iter().filter(|grant| grant.usable(route, now)).map(Grant::free).sum()
    }

    /// Whether `amount` may be spent on `route` at `now`. Looks at no more grants than it needs.
    #[must_use]
    pub fn covers(&self, amount: Nanos, route: &RouteTerms, now: Timestamp) -> bool {
        let mut missing = amount;
        let mut usable = self.0.iter().filter(|grant| grant.usable(route, now));
        while missing.is_positive() {
            let Some(grant) = usable.next() else { return false };
            missing = missing.saturating_minus(grant.free());
        }
        true
    }

    /// What is left of all grants at `now`, and how much of it is held.
    #[must_use]
    pub fn balance(&self, now: Timestamp) -> (Nanos, Nanos) {
        let valid = || self.0.iter().filter(|grant| grant.effective_at <= now && now < grant.expires_at);
        (valid().map(|grant| grant.remaining).sum(), valid().map(|grant| grant.held).sum())
    }

    /// Holds up to `amount` for `route`; the result says what was found.
    pub fn hold(&mut self, amount: Nanos, route: &RouteTerms, now: Timestamp) -> Draws {
        let mut draws = Draws::None;
        let mut missing = amount;
        for grant in self.0.iter_mut().filter(|grant| grant.usable(route, now)) {
            if !missing.is_positive() {
                break;
            }
            let amount = grant.free().min(missing);
            if amount.is_positive() {
                grant.held = grant.held.saturating_plus(amount);
                missing = missing.saturating_minus(amount);
                draws.push(Draw { grant: grant.id, amount });
            }
        }
        draws
    }

    /// Takes `cost` out of what `held` holds, in burn order, and lets go of the rest.
    ///
    /// The cost must not be more than was held. A grant that is used up stays until durable facts agree
    /// ([`Standing::adopt`](super::Standing::adopt)): forgotten here, it would be taken for a new one.
    pub fn settle(&mut self, held: &Draws, cost: Nanos) -> Draws {
        let mut taken = Draws::None;
        let mut missing = cost;
        for draw in held.as_slice() {
            let Some(grant) = self.get_mut(draw.grant) else { continue };
            let amount = draw.amount.min(missing);
            grant.held = grant.held.saturating_minus(draw.amount).at_least_zero();
            grant.remaining = grant.remaining.saturating_minus(amount);
            missing = missing.saturating_minus(amount);
            if amount.is_positive() {
                taken.push(Draw { grant: draw.grant, amount });
            }
        }
        debug_assert!(!missing.is_positive(), "a settlement never exceeds its hold");
        taken
    }

    /// Takes what is left of expired grants out of the wallet. What running requests hold of a grant stays,
    /// and with it the grant, until they have settled.
    pub fn expire(&mut self, now: Timestamp) -> Vec<(GrantId, Nanos)> {
        let is_over = |grant: &&mut Grant| {
            let is_ours = grant.expires_at != GONE;
            is_ours && grant.expires_at <= now && grant.held.is_zero() && grant.remaining.is_positive()
        };
        let over = self.0.iter_mut().filter(is_over);
        over.map(|grant| (grant.id, std::mem::take(&mut grant.remaining))).collect()
    }

    /// Lets go of everything that `held` holds.
    pub fn release(&mut self, held: &Draws) {
        self.settle(held, Nanos::ZERO);
    }
}

#[cfg(test)]
mod tests;
