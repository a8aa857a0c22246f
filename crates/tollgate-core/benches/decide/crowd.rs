//! Many customers with everything that a usual plan has, each behind a lock as in the gateway.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use tollgate_core::catalogue::*;
use tollgate_core::decision::{Ask, Decision, Precision, Settled, decide, place, settle};
use tollgate_core::gcra::Pace;
use tollgate_core::id::{ApplicationId, CustomerId, GrantId, KeyId, SubscriptionId};
use tollgate_core::meter::{Meter, MeterSet, Usage};
use tollgate_core::money::{Currency, Factor, Nanos};
use tollgate_core::period::{Cadence, Period};
use tollgate_core::standing::{Grant, Provenance, Standing, Subscription, SubscriptionState};
use tollgate_core::time::Timestamp;

/// Saturday, 21 November 2026, 09:30 UTC.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_253_400);
const DAY: Duration = Duration::from_secs(86_400);

/// Customers, and a route that costs a thousandth of a cent.
pub(crate) struct Crowd {
    customers: Vec<Arc<Mutex<Standing>>>,
    route: RouteTerms,
    now: Timestamp,
    chance: u64,
}

impl Crowd {
    pub(crate) fn new(customers: usize) -> Self {
        let plan = Arc::new(plan());
        let customer = |number: usize| Arc::new(Mutex::new(standing(&plan, number as u128)));
        let mut customers: Vec<_> = (1..=customers).map(customer).collect();
        // Neighbours in the list are then no neighbours in memory.
        let mut chance = 7;
        for place in (1..customers.len()).rev() {
            let other = next(&mut chance, place + 1);
            customers.swap(place, other);
        }
        Self { customers, route: route(), now: NOW, chance }
    }

    /// Judges, holds and settles one request of a customer chosen at random.
    pub(crate) fn serve_anybody(&mut self) -> Settled {
        let number = next(&mut self.chance, self.customers.len());
        self.now = self.now + Duration::from_micros(10);
        self.serve(number)
    }

    /// The same for customer `number`.
    pub(crate) fn serve(&self, number: usize) -> Settled {
        let ask = Ask {
            route: &self.route,
            model: None,
            key: KeyId::from_bits(11),
            application: ApplicationId::from_bits(12),
            bound: Usage::ONE_CALL.with(Meter::BytesOut, 65_536),
            precision: Precision::Counted,
        };
        let mut standing = self.customers[number].lock().expect("nothing here panics");
        standing.advance(self.now);
        let Decision::Admit(terms) = decide(&standing, &ask, self.now) else {
            unreachable!("everybody can pay for everything")
        };
        let hold = place(&mut standing, &ask, terms, self.now);
        settle(&mut standing, &ask, &hold, Usage::ONE_CALL.with(Meter::BytesOut, 512), self.now)
    }
}

/// The next number below `bound` (SplitMix64).
fn next(chance: &mut u64, bound: usize) -> usize {
    *chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *chance;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap_or(0)
}

/// A customer on `plan` with money in the wallet.
fn standing(plan: &Arc<Plan>, number: u128) -> Standing {
    let mut standing = Standing::new(CustomerId::from_bits(number), Currency::USD, TimeZone::UTC);
    standing.subscribe(Some(Subscription {
        id: SubscriptionId::from_bits(number),
        plan: Arc::clone(plan),
        add_ons: Box::default(),
        state: SubscriptionState::Active,
        anchor: NOW - 10 * DAY,
        period: Period { start: NOW - 10 * DAY, end: NOW + 20 * DAY },
    }));
    standing.wallet.insert(Grant {
        id: GrantId::from_bits(number),
        provenance: Provenance::Paid,
        priority: 50,
        scope: None,
        effective_at: NOW - 10 * DAY,
        expires_at: Timestamp::MAX,
        remaining: Nanos::units(1_000_000),
        held: Nanos::ZERO,
    });
    standing
}

fn route() -> RouteTerms {
    RouteTerms {
        key: "rest.search".into(),
        api: "rest".into(),
        feature: None,
        charge: Charge::Price(Arc::new(Price::flat("search", Nanos::new(10_000)))),
        verify_from: None,
        time_max: Duration::from_secs(60),
    }
}

/// Prepaid, with a monthly quota and limits of requests and of what runs at once.
fn plan() -> Plan {
    let limit = |id: &str, unit| RateLimit {
        id: id.into(),
        unit,
        per: RatePer::Customer,
        applies_to: Selector::All,
        when_too_fast: WhenTooFast::Wait,
    };
    Plan {
        key: "pro".into(),
        version: 1,
        name: "Pro".into(),
        currency: Currency::USD,
        base_price: Nanos::ZERO,
        cadence: Cadence::MONTHLY,
        trial_days: 0,
        payment: PaymentTerms::Prepaid,
        payment_method: Requirement::Optional,
        minimum_commitment: Nanos::ZERO,
        grace_days: 7,
        features: Box::default(),
        models: ModelAccess::All,
        context_tokens_max: None,
        output_tokens_default: None,
        priority: 0,
        clamp_output_from: None,
        quotas: Box::new([Quota {
            id: "calls-month".into(),
            meters: MeterSet::of(Meter::Calls),
            limit: u64::MAX / 2,
            period: QuotaPeriod::Month,
            applies_to: Selector::All,
            coverage: Coverage::CeilingOnly,
            stages: Box::new([80, 95, 100]),
            past: PastLimit::Block,
        }]),
        rate_limits: Box::new([
            limit("requests", RateUnit::Requests(Pace::new(1_000_000, Duration::from_secs(1), 1_000_000))),
            limit("at-once", RateUnit::Concurrency(1_000)),
        ]),
        prices: std::collections::HashMap::new(),
        model_prices: std::collections::HashMap::new(),
        model_markup: Factor::ONE,
        caller_left: CallerLeft::Received,
        disclosure: Disclosure::Full,
        fraud: None,
    }
}
