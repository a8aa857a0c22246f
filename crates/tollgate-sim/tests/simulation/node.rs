//! A node without its sockets: standings in memory, the real rules, the real store.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_core::catalogue::{Charge, Component, Price, PriceModel, RouteTerms};
use tollgate_core::decision::{Ask, Decision, Hold, Precision, Settled, decide, place, release, settle};
use tollgate_core::id::{ApplicationId, CustomerId, GrantId, KeyId, RequestKind, SeededIds};
use tollgate_core::meter::{Meter, MeterSet, Usage};
use tollgate_core::money::Rate;
use tollgate_core::standing::Standing;
use tollgate_core::time::{Clock as _, ManualClock, Timestamp};
use tollgate_store::customers::NewCustomer;
use tollgate_store::definition::{PlanDefinition, Text};
use tollgate_store::grants::{NewGrant, Origin};
use tollgate_store::settlement::{
    CallEntry, Counter, CounterKind, Draw, Entry, ExpiryEntry, Settlement, Settler, Settling,
};
use tollgate_store::subscriptions::NewSubscription;
use tollgate_store::{Options, Store, StoreError};

/// Friday, 27 November 2026, 09:30 UTC: months end soon.
const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_795_771_800);

const KEY: KeyId = KeyId::from_bits(11);
const APPLICATION: ApplicationId = ApplicationId::from_bits(12);

/// A node and its database.
pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    settler: Settler,
    /// What it knows of customers; gone with a restart.
    pub(crate) known: HashMap<CustomerId, Standing>,
    running: HashMap<u64, Running>,
    routes: Vec<RouteTerms>,
    url: String,
    seed: u64,
}

struct Running {
    customer: CustomerId,
    route: usize,
    bound: Usage,
    hold: Hold,
}

impl Node {
    /// A node on an empty database.
    pub(crate) async fn begin(url: &str, seed: u64) -> Self {
        let clock = Arc::new(ManualClock::at(BEGIN));
        let (store, settler) = open(url, &clock, seed << 32).await;
        let routes = ["rest", "maps"].map(route).to_vec();
        let (known, running) = (HashMap::new(), HashMap::new());
        Self { store, clock, settler, known, running, routes, url: url.to_owned(), seed: seed << 32 }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Stops in order and starts anew: nothing in memory survives.
    pub(crate) async fn restart(self) -> Self {
        let Self { store, clock, settler, known, running, routes, url, seed } = self;
        store.stop_settling().await;
        drop((store, settler, known, running));
        // Ids of another run are others.
        let seed = seed.wrapping_add(1);
        let (store, settler) = open(&url, &clock, seed).await;
        Self { store, clock, settler, known: HashMap::new(), running: HashMap::new(), routes, url, seed }
    }

    pub(crate) async fn publish(&self, plan: &PlanDefinition) {
        let mut change = self.store.change("script").await.unwrap();
        change.publish(plan).await.unwrap();
        change.commit().await.unwrap();
    }

    pub(crate) async fn customer(&self) -> CustomerId {
        let mut change = self.store.change("script").await.unwrap();
        let new = NewCustomer {
            name: "Acme".to_owned(),
            email: String::new(),
            currency: Text(tollgate_core::money::Currency::USD),
            time_zone: "UTC".to_owned(),
        };
        let id = change.create_customer(&new).await.unwrap().id.0;
        change.commit().await.unwrap();
        id
    }

    pub(crate) async fn subscribe(&mut self, customer: CustomerId, plan: &str) {
        let plan = plan.to_owned();
        let new = NewSubscription { plan, plan_version: None, add_ons: Vec::new(), state: None, anchor_at: None };
        let mut change = self.store.change("script").await.unwrap();
        change.subscribe(customer, &new).await.unwrap();
        change.commit().await.unwrap();
        self.refresh(customer).await;
    }

    pub(crate) async fn grant(&mut self, customer: CustomerId, origin: Origin<'_>, new: &NewGrant) -> GrantId {
        let mut change = self.store.change("script").await.unwrap();
        let id = change.add_grant(customer, origin, new).await.unwrap().id.0;
        change.commit().await.unwrap();
        self.refresh(customer).await;
        id
    }

    pub(crate) async fn void(&mut self, customer: CustomerId, grant: GrantId) {
        self.store.fold_customer(customer).await.unwrap();
        let mut change = self.store.change("script").await.unwrap();
        change.void_grant(customer, grant).await.unwrap();
        change.commit().await.unwrap();
        self.refresh(customer).await;
    }

    /// Takes over what changed, as the gateway's directory does.
    pub(crate) async fn refresh(&mut self, customer: CustomerId) {
        if let Some(known) = self.known.get_mut(&customer) {
            self.store.fold_customer(customer).await.unwrap();
            known.adopt(self.store.load_standing(customer).await.unwrap());
        }
    }

    /// The standing, read when first needed, in the periods of now.
    pub(crate) async fn standing(&mut self, customer: CustomerId) -> &mut Standing {
        let now = self.now();
        if !self.known.contains_key(&customer) {
            let read = self.store.load_standing(customer).await.unwrap();
            self.known.insert(customer, read);
        }
        let standing = self.known.get_mut(&customer).unwrap();
        standing.advance(now);
        standing
    }

    /// Judges a request that may use `units` and holds what it may cost; the reason if it is denied.
    pub(crate) async fn begin_request(
        &mut self,
        handle: u64,
        customer: CustomerId,
        route: usize,
        units: u64,
    ) -> Result<(), &'static str> {
        let now = self.now();
        let bound = Usage::ONE_CALL.with(Meter::BytesOut, units);
        let terms = self.routes[route].clone();
        let ask = ask(&terms, bound);
        let standing = self.standing(customer).await;
        match decide(standing, &ask, now) {
            Decision::Admit(terms) => {
                let hold = place(standing, &ask, terms, now);
                self.running.insert(handle, Running { customer, route, bound, hold });
                Ok(())
            }
            Decision::Deny(denial) => {
                let reason = denial.reason.code();
                let entry = CallEntry { status: 402, reason, ..self.entry(customer, route, now) };
                let _ticket = self.settler.submit(&Entry::Call(entry));
                Err(reason)
            }
        }
    }

    /// Ends a request with what it used, or without having run.
    pub(crate) async fn end_request(&mut self, handle: u64, used: Option<u64>) -> Option<Settled> {
        let Running { customer, route, bound, hold } = self.running.remove(&handle).unwrap();
        let now = self.now();
        let terms = self.routes[route].clone();
        let ask = ask(&terms, bound);
        let standing = self.standing(customer).await;
        let Some(units) = used else {
            release(standing, &ask, &hold, now);
            return None;
        };
        let settled = settle(standing, &ask, &hold, Usage::ONE_CALL.with(Meter::BytesOut, units), now);
        self.submit(customer, route, &hold, &settled);
        Some(settled)
    }

    /// What a request came to, on its way to the log as the gateway writes it.
    fn submit(&self, customer: CustomerId, route: usize, hold: &Hold, settled: &Settled) {
        let quotas = hold.plan.as_ref().map_or(&[][..], |plan| &plan.quotas);
        let counters = settled.quotas.iter().map(|used| Counter {
            kind: CounterKind::Quota,
            name: &quotas[usize::from(used.quota)].id,
            period_start: used.period.start.unix_micros(),
            quantity: used.quantity,
            meter: "calls",
            crossed: 0,
            charged_nanos: 0,
            charged_picos: 0,
        });
        let draws = settled.draws.as_slice().iter();
        let entry = CallEntry {
            status: 200,
            usage: settled.usage.iter().map(|(meter, quantity)| (meter.code(), quantity)).collect(),
            usage_source: "reported",
            currency: "USD",
            cost: settled.cost.get(),
            draws: draws.map(|d| Draw { grant: d.grant.to_bytes().into(), amount: d.amount.get() }).collect(),
            on_account: settled.on_account.get(),
            loss: settled.loss.get(),
            counters: counters.collect(),
            ..self.entry(customer, route, hold.admitted_at)
        };
        let _ticket = self.settler.submit(&Entry::Call(entry));
    }

    fn entry(&self, customer: CustomerId, route: usize, at: Timestamp) -> CallEntry<'_> {
        CallEntry {
            request: self.store.mint::<RequestKind>().to_bytes().into(),
            started_at: at.unix_micros(),
            customer: customer.to_bytes().into(),
            application: APPLICATION.to_bytes().into(),
            key: KEY.to_bytes().into(),
            route: &self.routes[route].key,
            method: "GET",
            path: "/",
            ..CallEntry::default()
        }
    }

    /// Lets credit expire, as the gateway does every minute.
    pub(crate) async fn sweep(&mut self, customers: &[CustomerId]) {
        let now = self.now();
        for &customer in customers {
            for (grant, amount) in self.standing(customer).await.wallet.expire(now) {
                let entry = ExpiryEntry {
                    grant: grant.to_bytes().into(),
                    customer: customer.to_bytes().into(),
                    amount: amount.get(),
                    currency: "USD",
                    at: now.unix_micros(),
                };
                let _ticket = self.settler.submit(&Entry::Expiry(entry));
            }
        }
    }
}

async fn open(url: &str, clock: &Arc<ManualClock>, seed: u64) -> (Store, Settler) {
    let began = Instant::now();
    let store = loop {
        let ids = Arc::new(SeededIds::new(seed));
        let options = Options { url: url.to_owned(), clock: Arc::clone(clock) as _, ids };
        match Store::open(options).await {
            Ok(store) => break store,
            // The writer's thread lets go of the file when it has ended, a moment after it said so.
            Err(StoreError::InUse(_)) if began.elapsed() < Duration::from_secs(10) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    let settling = Settling { node: "n1".to_owned(), cores: 1, settlement: Settlement::Strict, observer: None };
    let settler = store.start_settling(settling).await.unwrap();
    (store, settler)
}

fn ask(route: &RouteTerms, bound: Usage) -> Ask<'_> {
    Ask { route, model: None, key: KEY, application: APPLICATION, bound, precision: Precision::Counted }
}

/// A route of `api` on which a unit costs 1.5 nano-units.
fn route(api: &str) -> RouteTerms {
    let model = PriceModel::PerUnit(Rate::from_picos(1_500));
    let component = Component { meters: MeterSet::of(Meter::BytesOut), model };
    RouteTerms {
        key: format!("{api}.calls").into(),
        api: api.into(),
        feature: None,
        charge: Charge::Price(Arc::new(Price::of("unit", Box::new([component])))),
        verify_from: None,
        time_max: Duration::from_secs(30),
    }
}
