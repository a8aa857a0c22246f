//! Phase: is it paid for and within the limits; if so, hold what it may cost.
//!
//! Decision and hold happen under the customer's one lock, so no two requests can be promised the same
//! money. What comes out is an [`Admission`], and without one nothing is forwarded.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use tollgate_core::catalogue::{Disclosure, Plan};
use tollgate_core::decision::{
    Ask, Decision, Denial, Facts, Hold, ModelAsk, Notices, OutputBound, Precision, Reason, Settled, decide, place,
    release, settle,
};
use tollgate_core::meter::Usage;
use tollgate_core::money::{Currency, Money, Nanos};
use tollgate_core::standing::{CustomerStatus, Freeze, KnownBy, Standing};
use tollgate_core::time::Timestamp;
use tollgate_store::settlement::Health;
use tracing::{info, warn};

use crate::call::Call;
use crate::core::Core;
use crate::directory::{FrozenBy, Key, KnownCustomer};
use crate::estimate::{Estimate, ModelEstimate};
use crate::refuse::Refusal;
use crate::route::Route;
use crate::snapshot::Snapshot;
use crate::verification::Verification;

/// Proof that what a request may cost is held. Forwarding consumes it; it ends in `settle` or `release`.
/// One that is dropped lets go of its hold: a request that broke off costs nothing and blocks nothing.
#[must_use = "settle or release it"]
pub(crate) struct Admission {
    asked: Asked,
    hold: Option<Box<Hold>>,
    core: Arc<Core>,
    /// The authorization at the payment provider, for valuable requests.
    authorization: Option<String>,
}

/// How an admission ended.
pub(crate) struct Ended {
    pub(crate) settled: Settled,
    /// The plan it was admitted on.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) currency: Currency,
    /// What is left.
    pub(crate) balance: Nanos,
    /// Whether the customer is shown figures.
    pub(crate) disclosure: Disclosure,
}

/// What was asked, kept for as long as the hold: settling needs the same words.
struct Asked {
    customer: Arc<KnownCustomer>,
    key: Arc<Key>,
    route: Arc<Route>,
    model: Option<Asking>,
    bound: Usage,
    precision: Precision,
}

/// The model of an ask.
struct Asking {
    id: Box<str>,
    price: Option<Arc<tollgate_core::catalogue::Price>>,
    prompt_tokens: u64,
    prompt_meters: tollgate_core::meter::MeterSet,
    answer_meters: tollgate_core::meter::MeterSet,
    output: OutputBound,
}

impl Asked {
    fn new(key: &Arc<Key>, route: &Arc<Route>, estimate: &Estimate) -> Self {
        Self {
            customer: Arc::clone(&key.customer),
            key: Arc::clone(key),
            route: Arc::clone(route),
            model: estimate.model.as_ref().map(|model| Asking {
                id: model.name.clone(),
                price: model.price.clone(),
                prompt_tokens: model.prompt_tokens,
                prompt_meters: model.prompt_meters(),
                answer_meters: model.answer_meters(),
                output: model.output(),
            }),
            bound: estimate.bound,
            precision: estimate.precision,
        }
    }

    fn ask(&self) -> Ask<'_> {
        Ask {
            route: &self.route.terms,
            model: self.model.as_ref().map(|model| ModelAsk {
                id: &model.id,
                price: model.price.as_ref(),
                prompt_tokens: model.prompt_tokens,
                prompt_meters: model.prompt_meters,
                answer_meters: model.answer_meters,
                output: model.output,
            }),
            key: self.key.id,
            application: self.key.application,
            bound: self.bound,
            precision: self.precision,
        }
    }
}

/// How often a request is judged: its figures can become better known, and its model another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// As it came.
    First,
    /// For another provider, after one has failed.
    Elsewhere,
    /// With its tokens counted.
    Counted,
    /// Served by a cheaper model, which is not replaced again.
    Degraded,
}

/// What the lock was held for.
enum Verdict {
    Held(Box<Hold>),
    /// Past a soft limit a cheaper model serves; it has other costs.
    CheaperModel(Box<str>, Option<Arc<Plan>>),
    Denied(Denial, Box<Refusal>),
}

/// Judges a request and holds what it may cost.
///
/// # Errors
/// 402, 403, 429 or 503 with the reason and the figures of this moment.
pub(crate) async fn admit(
    core: &Arc<Core>,
    call: &mut Call,
    key: &Arc<Key>,
    route: &Arc<Route>,
    snapshot: &Snapshot,
    estimate: &mut Estimate,
    round: Round,
) -> Result<Admission, Refusal> {
    let now = core.now();
    if core.settler.health() != Health::Good {
        return Err(Refusal::reason(Reason::BillingUnavailable, now));
    }
    let mut round = round;
    loop {
        let asked = Asked::new(key, route, estimate);
        match judge(core, &asked, round, call.peer.address, snapshot, now) {
            Verdict::Held(hold) => {
                let mut admission = Admission { asked, hold: Some(hold), core: Arc::clone(core), authorization: None };
                if admission.terms().verify {
                    Box::pin(verify(&mut admission, snapshot, now)).await?;
                }
                return Ok(admission);
            }
            Verdict::CheaperModel(model, plan) => {
                let Some(asked_for) = &estimate.model else { return Err(Refusal::upstream_failed()) };
                let cheaper = asked_for.served_by(&model, route, snapshot, plan.as_deref(), now)?;
                take_over(estimate, cheaper, Precision::Bytes);
                call.flags = call.flags.with(tollgate_store::settlement::Flags::DEGRADED);
                round = Round::Degraded;
            }
            Verdict::Denied(denial, refusal) => {
                let counts = estimate.precision == Precision::Bytes && denial.depends_on_tokens();
                let Some(mut model) = estimate.model.take().filter(|_| counts) else { return Err(*refusal) };
                Box::pin(model.count(&core.counting)).await?;
                take_over(estimate, model, Precision::Counted);
                round = if round == Round::Degraded { round } else { Round::Counted };
            }
        }
    }
}

fn take_over(estimate: &mut Estimate, model: ModelEstimate, precision: Precision) {
    estimate.bound = model.bound();
    estimate.precision = precision;
    estimate.model = Some(model);
}

/// The critical section: everything about one customer, under its lock, without waiting for anything.
fn judge(core: &Core, asked: &Asked, round: Round, peer: IpAddr, snapshot: &Snapshot, now: Timestamp) -> Verdict {
    let mut standing = asked.customer.standing();
    let standing = &mut *standing;
    let deny = |denial: Denial, standing: &Standing| {
        let refusal = Refusal::denied(denial.clone(), standing, snapshot, now);
        Verdict::Denied(denial, Box::new(refusal))
    };
    if standing.status == CustomerStatus::Closed {
        return deny(Denial::plain(Reason::AccountClosed), standing);
    }
    standing.advance(now);
    if round == Round::First {
        watch_for_fraud(core, asked, standing, peer, now);
    }
    let ask = asked.ask();
    match decide(standing, &ask, now) {
        Decision::Deny(denial) => deny(denial, standing),
        Decision::Admit(terms) => {
            let plan = standing.subscription.as_ref().map(|subscription| &subscription.plan);
            let cheaper = plan
                .filter(|_| round != Round::Degraded)
                .and_then(|plan| terms.degradation(plan))
                .zip(ask.model_id())
                .and_then(|(degradation, model)| degradation.model_for(model));
            match cheaper {
                Some(model) => Verdict::CheaperModel(model.into(), plan.cloned()),
                None => Verdict::Held(Box::new(place(standing, &ask, terms, now))),
            }
        }
    }
}

/// Lets the plan's fraud rules see the request; one that fires freezes the customer on the spot.
fn watch_for_fraud(core: &Core, asked: &Asked, standing: &mut Standing, peer: IpAddr, now: Timestamp) {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let rules = standing.subscription.as_ref().and_then(|s| s.plan.fraud.as_deref().copied());
    let Some(rules) = rules else { return };
    let rare = standing.rare_mut();
    let Some(rule) = rare.fraud.observe(&rules, asked.key.id, HASHER.hash_one(peer), now) else { return };
    freeze(core, asked.customer.id, standing, rule.name(), now);
}

fn freeze(
    core: &Core,
    customer: tollgate_core::id::CustomerId,
    standing: &mut Standing,
    rule: &'static str,
    now: Timestamp,
) {
    let rare = standing.rare_mut();
    if rare.frozen.is_some() {
        return;
    }
    let case = core.mint::<tollgate_core::id::EventKind>().to_string().replace("evt_", "case_");
    let expected_by = now + std::time::Duration::from_secs(24 * 3_600);
    let known_by = KnownBy::ThisNode;
    rare.frozen = Some(Freeze { case: case.as_str().into(), since: now, expected_by: Some(expected_by), known_by });
    info!(%customer, rule, case, "A fraud rule put a customer under review");
    core.report_frozen(FrozenBy { customer, case, rule, since: now });
}

/// Takes an authorization for a valuable request.
async fn verify(admission: &mut Admission, snapshot: &Snapshot, now: Timestamp) -> Result<(), Refusal> {
    let amount = admission.terms().amount;
    let customer = Arc::clone(&admission.asked.customer);
    let currency = customer.standing().currency;
    let verifier = Arc::clone(&admission.core.verifier);
    match verifier.authorize(customer.id, Money::new(amount.ceil_to_minor(currency), currency)).await {
        Verification::Authorized(reference) => {
            admission.authorization = Some(reference);
            Ok(())
        }
        Verification::Declined => {
            let denial = Denial { reason: Reason::PaymentVerificationFailed, facts: Facts::Price { amount } };
            Err(Refusal::denied(denial, &customer.standing(), snapshot, now))
        }
        Verification::Unavailable => {
            warn!(customer = %customer.id, "The payment provider did not answer a verification");
            Err(Refusal::reason(Reason::BillingUnavailable, now))
        }
    }
}

impl Admission {
    fn terms(&self) -> &tollgate_core::decision::Terms {
        // Only settle and release take the hold, and both consume the admission.
        let Some(hold) = &self.hold else { unreachable!("an admission holds until it ends") };
        &hold.terms
    }

    /// The output bound that the balance allows, if it is lower than what was asked.
    pub(crate) fn clamped_output(&self) -> Option<u64> {
        self.terms().clamped_output
    }

    /// What the customer is told with the answer.
    pub(crate) fn notices(&self) -> Notices {
        self.hold.as_ref().map(|hold| hold.notices).unwrap_or_default()
    }

    /// The plan it was admitted on.
    pub(crate) fn plan(&self) -> Option<&Arc<Plan>> {
        self.hold.as_ref()?.plan.as_ref()
    }

    pub(crate) fn customer(&self) -> &Arc<KnownCustomer> {
        &self.asked.customer
    }

    /// The most that it was believed to use.
    pub(crate) fn bound(&self) -> Usage {
        self.terms().bound
    }

    /// When it was decided.
    pub(crate) fn decided_at(&self) -> Timestamp {
        self.hold.as_ref().map_or(Timestamp::MIN, |hold| hold.admitted_at)
    }

    /// Under which label the request counts in the plan's rate limit at `index`; `None` if it does not.
    pub(crate) fn limit_label(&self, index: usize) -> Option<u64> {
        self.terms().limit_label(index)
    }

    /// Ends the hold with what was used; the result must become durable.
    pub(crate) fn settle(mut self, usage: Usage, now: Timestamp) -> Ended {
        let Some(hold) = self.hold.take() else { unreachable!("an admission holds until it ends") };
        let customer = Arc::clone(&self.asked.customer);
        let mut standing = customer.standing();
        let settled = settle(&mut standing, &self.asked.ask(), &hold, usage, now);
        let rules = standing.subscription.as_ref().and_then(|s| s.plan.fraud.as_deref().copied());
        if let Some(rules) = rules
            && let Some(rule) = standing.rare_mut().fraud.spent(&rules, settled.cost, now)
        {
            freeze(&self.core, customer.id, &mut standing, rule.name(), now);
        }
        let disclosure = standing.subscription.as_ref().map_or(Disclosure::Full, |s| s.plan.disclosure);
        let balance = standing.wallet.balance(now).0;
        let currency = standing.currency;
        drop(standing);
        self.let_go_of_authorization();
        Ended { settled, plan: hold.plan, currency, balance, disclosure }
    }

    /// Ends the hold without a cost.
    pub(crate) fn release(mut self) {
        self.give_back();
        self.let_go_of_authorization();
    }

    fn give_back(&mut self) {
        if let Some(hold) = self.hold.take() {
            release(&mut self.asked.customer.standing(), &self.asked.ask(), &hold, self.core.now());
        }
    }

    /// The wallet has paid, or nobody has to: the authorization is not needed any more.
    fn let_go_of_authorization(&mut self) {
        if let Some(reference) = self.authorization.take() {
            let verifier = Arc::clone(&self.core.verifier);
            self.core.supervisor.spawn(async move { verifier.release(reference).await });
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.give_back();
        self.let_go_of_authorization();
    }
}
