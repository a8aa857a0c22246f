//! Standing: everything about one customer that a decision needs, at one moment.
//!
//! It lives in memory on the node that serves the customer, behind one lock. The definitions in it
//! (subscription, grants, caps) are copies of durable facts; the counters (held, used, drained) are
//! owned here and become durable through settlements.

mod caps;
mod rates;
mod subscription;
mod wallet;
mod window;

pub use caps::CapState;
pub use rates::{LimitState, Rates};
pub use subscription::{Decline, Subscription, SubscriptionState, SuspendedBy};
pub use wallet::{Draw, Draws, Grant, GrantScope, Provenance, Wallet};
pub use window::Window;

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::catalogue::{CapPeriod, Quota, QuotaPeriod};
use crate::fraud::FraudState;
use crate::id::{CustomerId, InvoiceId};
use crate::money::{Currency, Nanos};
use crate::period::{Period, calendar_day, calendar_month};
use crate::rating::Progress;
use crate::time::Timestamp;

/// Everything about one customer that a decision needs.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Who.
    pub customer: CustomerId,
    /// Whether the customer was closed for good.
    pub status: CustomerStatus,
    /// What the wallet and all debts are in.
    pub currency: Currency,
    /// Where the customer's days and months begin.
    pub zone: TimeZone,
    /// The present subscription.
    pub subscription: Option<Subscription>,
    /// Prepaid money and credit.
    pub wallet: Wallet,
    /// What was used on account and no invoice claims yet.
    pub owed: Nanos,
    /// What invoices have claimed of it so far: the credits of its ledger account.
    pub invoiced: Nanos,
    /// What running requests may add to `owed`.
    pub owed_held: Nanos,
    /// One window for each quota of the plan; empty until the first request.
    pub quotas: Box<[Window]>,
    /// How drained the rate limits are.
    pub rates: Rates,
    /// What most customers do not have.
    pub rare: Option<Box<Rare>>,
}

/// The parts of a standing that most customers do not have.
#[derive(Debug, Clone, Default)]
pub struct Rare {
    /// Why everything stopped.
    pub frozen: Option<Freeze>,
    /// The payment method on file.
    pub payment_method: Option<PaymentMethod>,
    /// Unpaid invoices that matter for access, oldest first.
    pub invoices: Vec<OpenInvoice>,
    /// The minimum of the running commitment that is not paid yet.
    pub commitment: Option<Commitment>,
    /// Spend caps with what counts against them.
    pub caps: Vec<CapState>,
    /// Progress in cumulative prices.
    pub tiers: Vec<TierState>,
    /// What the fraud rules remember.
    pub fraud: FraudState,
    /// When the payment provider last declined the authorization of a high-value request.
    pub verification_declined_at: Option<Timestamp>,
}

/// Whether a customer is a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerStatus {
    /// Yes.
    Active,
    /// Not any more, by the operator's decision.
    Closed,
}

/// A review during which nothing is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// The case number that caller and support share.
    pub case: Box<str>,
    /// Since when.
    pub since: Timestamp,
    /// When a person has looked at it, probably.
    pub expected_by: Option<Timestamp>,
    /// Who knows of it.
    pub known_by: KnownBy,
}

/// Who knows of a freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// Only the node whose fraud rule fired: it is being written down.
    ThisNode,
    /// The books.
    Everybody,
}

/// A card or account on file, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentMethod {
    /// `visa`, `sepa_debit`, ...
    pub brand: Box<str>,
    /// Its last four digits.
    pub last4: Box<str>,
    /// The last month in which it is valid: year and month.
    pub expires: Option<(i16, i8)>,
    /// The first instant at which it is not valid any more.
    pub expires_at: Option<Timestamp>,
}

/// An invoice that is finalized and not paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInvoice {
    /// Which.
    pub id: InvoiceId,
    /// As printed on it.
    pub number: Box<str>,
    /// What is left to pay.
    pub amount: Nanos,
    /// When it was to be paid.
    pub due_at: Timestamp,
    /// Until when access continues nevertheless.
    pub blocks_at: Timestamp,
}

/// The minimum a period must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitment {
    /// The minimum.
    pub minimum: Nanos,
    /// What has been paid of it.
    pub paid: Nanos,
    /// When the rest is due; access stops then.
    pub due_at: Timestamp,
}

/// Progress of one component of a cumulative price in one billing period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierState {
    /// The price.
    pub price: Box<str>,
    /// The place of the component in it.
    pub component: u8,
    /// The billing period it is about.
    pub period: Period,
    /// How far it has come.
    pub progress: Progress,
    /// Units that running requests may add.
    pub held: u64,
}

impl Standing {
    /// The standing of a customer who has nothing yet.
    #[must_use]
    pub fn new(customer: CustomerId, currency: Currency, zone: TimeZone) -> Self {
        Self {
            customer,
            status: CustomerStatus::Active,
            currency,
            zone,
            subscription: None,
            wallet: Wallet::default(),
            owed: Nanos::ZERO,
            invoiced: Nanos::ZERO,
            owed_held: Nanos::ZERO,
            quotas: Box::default(),
            rates: Rates::default(),
            rare: None,
        }
    }

    /// The parts that most customers do not have, made if need be.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(Box::default)
    }

    /// Spend caps with what counts against them.
    #[must_use]
    pub fn caps(&self) -> &[CapState] {
        self.rare.as_ref().map_or(&[], |rare| &rare.caps)
    }

    /// Puts the customer on `subscription`. What was used of a quota counts on in a quota of the same
    /// name; rate limits start anew if the plan is another one.
    pub fn subscribe(&mut self, subscription: Option<Subscription>) {
        self.change_plan(subscription, &[]);
    }

    /// The same; `booked` has what was used of the new plan's quotas by the books, for those that the plan
    /// before did not have. Leaving a plan and coming back does not make its quotas new.
    fn change_plan(&mut self, subscription: Option<Subscription>, booked: &[Window]) {
        let before = std::mem::replace(&mut self.subscription, subscription);
        let same = |a: &Subscription, b: &Subscription| Arc::ptr_eq(&a.plan, &b.plan);
        match (&before, &self.subscription) {
            (Some(before), Some(after)) if same(before, after) => return,
            (Some(before), Some(after)) => {
                let window = |(place, quota): (usize, &Quota)| {
                    let known = before.plan.quotas.iter().position(|q| q.id == quota.id && q.period == quota.period);
                    let counted = known.and_then(|known| self.quotas.get(known));
                    counted.or_else(|| booked.get(place)).copied().unwrap_or_default()
                };
                self.quotas = after.plan.quotas.iter().enumerate().map(window).collect();
            }
            (_, _) => self.quotas = booked.into(),
        }
        self.rates.clear();
    }

    /// Takes over definitions from `fresh`, which was just read from durable facts, and keeps what this
    /// node counts: what is left and held of grants it knows, use of windows that still run, buckets.
    ///
    /// `fresh` may lag behind what was settled here; it cannot be ahead of it.
    pub fn adopt(&mut self, fresh: Self) {
        self.status = fresh.status;
        self.zone = fresh.zone;
        // Invoices claim what is owed; what was used since is known here only.
        let claimed = fresh.invoiced.saturating_minus(self.invoiced);
        self.owed = self.owed.saturating_minus(claimed);
        self.invoiced = fresh.invoiced;
        self.wallet.adopt(fresh.wallet);
        self.change_plan(fresh.subscription, &fresh.quotas);
        match (&mut self.rare, fresh.rare) {
            (None, fresh) => self.rare = fresh,
            (Some(known), fresh) => known.adopt(fresh.map(|fresh| *fresh).unwrap_or_default()),
        }
    }

    /// Brings every window to the period that contains `now`.
    ///
    /// Everything after it may take the windows as current. Cheap when nothing has turned.
    pub fn advance(&mut self, now: Timestamp) {
        let Self { subscription, zone, quotas, rare, .. } = self;
        if let Some(subscription) = subscription {
            subscription.advance(zone, now);
            let plan = &subscription.plan;
            if quotas.len() != plan.quotas.len() {
                *quotas = vec![Window::default(); plan.quotas.len()].into();
            }
            for (window, quota) in quotas.iter_mut().zip(&plan.quotas) {
                if !window.period.contains(now) {
                    window.turn(quota_period(quota.period, subscription.period, zone, now));
                }
            }
        }
        if let Some(rare) = rare {
            for cap in &mut rare.caps {
                if !cap.window.period.contains(now) {
                    cap.window.turn(cap_period(cap.cap.period, zone, now));
                }
            }
            let billing = subscription.as_ref().map_or(Period::ALWAYS, |s| s.period);
            for tier in &mut rare.tiers {
                if tier.period != billing {
                    tier.period = billing;
                    tier.progress = Progress::default();
                }
            }
        }
    }
}

impl Rare {
    fn adopt(&mut self, fresh: Self) {
        let known = std::mem::replace(self, fresh);
        self.fraud = known.fraud;
        if self.frozen.is_none() {
            // Nobody has lifted what is not in the books yet.
            self.frozen = known.frozen.filter(|freeze| freeze.known_by == KnownBy::ThisNode);
        }
        for cap in &mut self.caps {
            let same = |other: &&CapState| other.cap.scope == cap.cap.scope && other.cap.period == cap.cap.period;
            if let Some(other) = known.caps.iter().find(same) {
                cap.window = other.window;
            }
        }
        self.tiers = known.tiers;
    }
}

/// The period of a quota that contains `now`.
#[must_use]
pub fn quota_period(period: QuotaPeriod, billing: Period, zone: &TimeZone, now: Timestamp) -> Period {
    match period {
        QuotaPeriod::Billing => billing,
        QuotaPeriod::Day => calendar_day(zone, now),
        QuotaPeriod::Month => calendar_month(zone, now),
        QuotaPeriod::Total => Period::ALWAYS,
    }
}

/// The period of a spend cap that contains `now`.
#[must_use]
pub fn cap_period(period: CapPeriod, zone: &TimeZone, now: Timestamp) -> Period {
    match period {
        CapPeriod::Day => calendar_day(zone, now),
        CapPeriod::Month => calendar_month(zone, now),
        CapPeriod::Total => Period::ALWAYS,
    }
}
