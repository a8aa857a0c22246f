//! What happens: every step is done for real and told to the auditor, and the outcomes are compared.

use std::time::Duration;

use tollgate_core::id::{CustomerId, GrantId};
use tollgate_core::money::Nanos;
use tollgate_store::definition::{PlanDefinition, Text};
use tollgate_store::grants::{NewGrant, Origin};

use super::audit;
use super::model::{Customer, Grant, Length, Model, Outcome, PlanFacts};
use super::node::Node;

const CUSTOMERS: u64 = 6;
const APIS: [&str; 2] = ["rest", "maps"];

/// The plans that customers are moved between.
const PLANS: [(PlanFacts, &str); 4] = [
    (
        PlanFacts { key: "small", quota: Some(("calls", Length::Day, 25)), credit: None },
        r#""quota":[{"id":"calls","meter":"calls","limit":25,"period":"day"}]"#,
    ),
    (
        PlanFacts { key: "large", quota: Some(("calls", Length::Day, 60)), credit: None },
        r#""quota":[{"id":"calls","meter":"calls","limit":60,"period":"day"}]"#,
    ),
    (PlanFacts { key: "open", quota: None, credit: None }, r#""quota":[]"#),
    (
        PlanFacts { key: "later", quota: Some(("monthly", Length::Month, 200)), credit: Some(30_000) },
        r#""payment":"postpaid","credit_limit":"0.00003",
           "quota":[{"id":"monthly","meter":"calls","limit":200,"period":"month"}]"#,
    ),
];

/// A life of so many steps.
pub(crate) async fn live(seed: u64, url: &str, steps: u32) {
    let mut script = Script::begin(seed, url).await;
    for step in 0..steps {
        if script.step(step).await == Then::Restart {
            script = script.restarted().await;
        }
    }
    script = script.restarted().await;
    audit::transfers(&script.node, &script.model).await;
}

/// How a life goes on after a step.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    Restart,
}

struct Script {
    node: Node,
    model: Model,
    chance: Chance,
    customers: Vec<CustomerId>,
    /// Grants that were not taken back.
    grants: Vec<(CustomerId, GrantId)>,
    running: Vec<(u64, CustomerId, u64)>,
    handles: u64,
}

impl Script {
    async fn begin(seed: u64, url: &str) -> Self {
        let node = Node::begin(url, seed).await;
        for (facts, rest) in PLANS {
            let text = format!(r#"{{"key":"{0}","name":"{0}","currency":"USD",{rest}}}"#, facts.key);
            node.publish(&serde_json::from_str::<PlanDefinition>(&text).unwrap()).await;
        }
        let mut script = Self {
            node,
            model: Model::default(),
            chance: Chance(seed),
            customers: Vec::new(),
            grants: Vec::new(),
            running: Vec::new(),
            handles: 0,
        };
        for _ in 0..CUSTOMERS {
            script.node.clock.advance(Duration::from_millis(2));
            let id = script.node.customer().await;
            script.model.customers.insert(id, Customer::default());
            script.customers.push(id);
            script.subscribe(id).await;
        }
        script
    }

    async fn step(&mut self, step: u32) -> Then {
        let customer = self.customers[self.chance.index(self.customers.len())];
        match self.chance.below(1_000) {
            0..=399 => self.begin_request(customer).await,
            400..=749 => self.end_request().await,
            750..=869 => self.pass_time(),
            870..=909 => self.grant(customer).await,
            910..=919 => self.void().await,
            920..=944 => self.subscribe(customer).await,
            945..=969 => self.node.refresh(customer).await,
            970..=984 => self.sweep().await,
            985..=996 => audit::memory(&mut self.node, &self.model).await,
            _ => return Then::Restart,
        }
        if step % 500 == 499 {
            audit::memory(&mut self.node, &self.model).await;
            audit::books(&self.node, &self.model).await;
        }
        Then::GoOn
    }

    fn micros(&self) -> i64 {
        self.node.now().unix_micros()
    }

    async fn begin_request(&mut self, customer: CustomerId) {
        let (route, units) = (self.chance.index(APIS.len()), self.chance.below(3_000));
        self.handles += 1;
        let handle = self.handles;
        let now = self.micros();
        let expected = self.model.begin(customer, handle, APIS[route], units, now);
        let actual = self.node.begin_request(handle, customer, route, units).await;
        assert_eq!(actual, expected, "a request of {units} units to {} by {customer}", APIS[route]);
        if actual.is_ok() {
            self.running.push((handle, customer, units));
        }
    }

    async fn end_request(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let place = self.chance.index(self.running.len());
        let (handle, customer, bound) = self.running.swap_remove(place);
        // One in eight breaks off; some use more than they were believed to.
        let used = match self.chance.below(8) {
            0 => None,
            1 => Some(bound + self.chance.below(bound + 1)),
            _ => Some(self.chance.below(bound + 1)),
        };
        let expected = self.model.end(customer, handle, used);
        let settled = self.node.end_request(handle, used).await;
        if let Some(settled) = settled {
            let nanos = |amount: Nanos| i128::from(amount.get());
            let actual = Outcome {
                cost: nanos(settled.cost),
                draws: settled.draws.as_slice().iter().map(|draw| (draw.grant, nanos(draw.amount))).collect(),
                on_account: nanos(settled.on_account),
                loss: nanos(settled.loss),
            };
            assert_eq!(actual, expected, "{used:?} of {bound} units by {customer}");
        }
    }

    fn pass_time(&mut self) {
        let seconds = match self.chance.below(20) {
            0 => self.chance.below(12 * 86_400),
            1..=4 => self.chance.below(6 * 3_600),
            _ => self.chance.below(300),
        };
        self.node.clock.advance(Duration::from_secs(seconds));
    }

    async fn grant(&mut self, customer: CustomerId) {
        // Ids of one millisecond have no order of their own.
        self.node.clock.advance(Duration::from_millis(2));
        let now = self.node.now();
        let amount = i64::try_from(1 + self.chance.below(40_000)).unwrap();
        let is_paid = self.chance.below(2) == 0;
        let api = (self.chance.below(4) == 0).then_some("maps");
        let effective_at = (self.chance.below(5) == 0).then(|| now + self.hours(48));
        let expires_at = (self.chance.below(2) == 0).then(|| effective_at.unwrap_or(now) + self.hours(20 * 24));
        let priority = [10, 50, 50, 90][self.chance.index(4)];
        let new = NewGrant {
            amount: Text(Nanos::new(amount)),
            priority,
            scope: api.map(str::to_owned).into_iter().collect(),
            effective_at: effective_at.map(Text),
            expires_at: expires_at.map(Text),
            note: String::new(),
        };
        let origin = if is_paid { Origin::Paid { provider: "manual" } } else { Origin::Given };
        let id = self.node.grant(customer, origin, &new).await;
        let grant = Grant {
            left: amount.into(),
            held: 0,
            is_paid,
            priority,
            api,
            effective_at: effective_at.unwrap_or(now).unix_micros(),
            expires_at: expires_at.map_or(i64::MAX, |at| at.unix_micros()),
            is_void: false,
        };
        self.model.grant(customer, id, grant);
        self.grants.push((customer, id));
    }

    fn hours(&mut self, most: u64) -> Duration {
        Duration::from_secs(1 + self.chance.below(most * 3_600))
    }

    async fn void(&mut self) {
        if !self.grants.is_empty() {
            let place = self.chance.index(self.grants.len());
            let (customer, grant) = self.grants.swap_remove(place);
            self.node.void(customer, grant).await;
            self.model.void(customer, grant);
        }
    }

    async fn subscribe(&mut self, customer: CustomerId) {
        let (facts, _) = PLANS[self.chance.index(PLANS.len())];
        self.node.subscribe(customer, facts.key).await;
        self.model.subscribe(customer, facts);
    }

    async fn sweep(&mut self) {
        self.node.sweep(&self.customers).await;
        let now = self.micros();
        self.model.sweep(now);
    }

    async fn restarted(mut self) -> Self {
        audit::memory(&mut self.node, &self.model).await;
        self.model.restart();
        let mut node = self.node.restart().await;
        audit::memory(&mut node, &self.model).await;
        audit::books(&node, &self.model).await;
        Self { node, running: Vec::new(), ..self }
    }
}

/// Numbers that follow from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    /// The next number below `bound`, which is not zero.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}
