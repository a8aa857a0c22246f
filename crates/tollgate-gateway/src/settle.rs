//! Phase: write down what a request came to, and wait until it is durable.

use std::borrow::Cow;

use tollgate_core::catalogue::{Disclosure, Plan};
use tollgate_core::decision::Settled;
use tollgate_core::meter::UsageSource;
use tollgate_core::money::{Currency, Nanos};
use tollgate_store::settlement::{CallEntry, Counter, CounterKind, Draw, Entry, Ticket, counter_names};

use crate::admit::{Admission, Ended};
use crate::call::Call;
use crate::core::Core;
use crate::metering::Metered;

/// What a settled request means for its answer.
pub(crate) struct Receipt {
    pub(crate) ticket: Ticket,
    /// What the customer pays.
    pub(crate) cost: Nanos,
    /// What is left.
    pub(crate) balance: Nanos,
    /// Whether the customer is shown figures.
    pub(crate) disclosure: Disclosure,
    pub(crate) currency: Currency,
}

/// Settles a request with what it used and puts it on its way to the log.
pub(crate) fn settle(core: &Core, call: &Call, status: u16, admission: Admission, metered: Metered) -> Receipt {
    let Ended { settled, plan, currency, balance, disclosure } = admission.settle(metered.usage, core.now());
    if settled.loss.is_positive() {
        tracing::warn!(request = %call.id, loss = %settled.loss, "A request used more than was held for it");
    }
    let ticket = submit(core, call, status, &settled, plan.as_deref(), metered.source, currency);
    Receipt { ticket, cost: settled.cost, balance, currency, disclosure }
}

/// Writes down a request that is served and costs nothing: the upstream failed, or the route charges no
/// client errors.
pub(crate) fn settle_nothing(core: &Core, call: &Call, status: u16, admission: Admission) -> Ticket {
    admission.release();
    record_unserved(core, call, status)
}

/// Writes down a request that was answered and for which nothing is held any more.
pub(crate) fn record_unserved(core: &Core, call: &Call, status: u16) -> Ticket {
    let entry = CallEntry { status, ..entry_of(call) };
    core.settler.submit(&Entry::Call(entry))
}

/// Writes down a refusal.
pub(crate) fn record_refusal(core: &Core, call: &Call, status: u16, reason: &str, problem: &str) {
    let entry = CallEntry { status, reason, problem, ..entry_of(call) };
    // Nobody waits for it: nothing was delivered that would have to be billed.
    let _ticket = core.settler.submit(&Entry::Call(entry));
}

fn entry_of(call: &Call) -> CallEntry<'_> {
    CallEntry {
        request: call.id.to_bytes().into(),
        started_at: call.arrived_at.unix_micros(),
        total_us: call.total_us(),
        gate_us: call.gate_us(),
        upstream_us: call.upstream_us,
        customer: call.key.as_ref().map_or([0; 16], |key| key.customer.id.to_bytes()).into(),
        application: call.key.as_ref().map_or([0; 16], |key| key.application.to_bytes()).into(),
        key: call.key.as_ref().map_or([0; 16], |key| key.id.to_bytes()).into(),
        route: call.route.as_ref().map_or("", |route| &route.terms.key),
        model: &call.model,
        method: call.method.as_str(),
        path: call.path(),
        bytes_in: call.bytes_in,
        bytes_out: call.bytes_out,
        flags: call.flags,
        retry: call.retry,
        ..CallEntry::default()
    }
}

fn submit(
    core: &Core,
    call: &Call,
    status: u16,
    settled: &Settled,
    plan: Option<&Plan>,
    source: UsageSource,
    currency: Currency,
) -> Ticket {
    let cap_names: Vec<String> = settled.caps.iter().map(|cap| counter_names::cap(cap.scope, cap.kind)).collect();
    let tier_names: Vec<String> =
        settled.tiers.iter().map(|tier| counter_names::tier(&tier.price.key, tier.component)).collect();
    let quota_meters: Vec<Cow<'static, str>> = settled
        .quotas
        .iter()
        .map(|used| quota_of(plan, used.quota).map_or(Cow::Borrowed(""), |quota| quota.meters.name()))
        .collect();
    let quotas = settled.quotas.iter().zip(&quota_meters).filter_map(|(used, meter)| {
        Some(Counter {
            kind: CounterKind::Quota,
            name: &quota_of(plan, used.quota)?.id,
            period_start: used.period.start.unix_micros(),
            quantity: used.quantity,
            meter,
            crossed: used.crossed.unwrap_or(0),
            charged_nanos: 0,
            charged_picos: 0,
        })
    });
    let caps = settled.caps.iter().zip(&cap_names).map(|(cap, name)| Counter {
        kind: CounterKind::Cap,
        name,
        period_start: cap.period.start.unix_micros(),
        quantity: u64::try_from(cap.amount.get()).unwrap_or(0),
        meter: "",
        crossed: 0,
        charged_nanos: 0,
        charged_picos: 0,
    });
    let tiers = settled.tiers.iter().zip(&tier_names).map(|(tier, name)| {
        let picos = tier.charge.get();
        Counter {
            kind: CounterKind::Tier,
            name,
            period_start: tier.period.start.unix_micros(),
            quantity: tier.quantity,
            meter: "",
            crossed: 0,
            charged_nanos: i64::try_from(picos.div_euclid(1_000)).unwrap_or(i64::MAX),
            charged_picos: i64::try_from(picos.rem_euclid(1_000)).unwrap_or(0),
        }
    });
    let draws = settled.draws.as_slice();
    let entry = CallEntry {
        status,
        usage: settled.usage.iter().map(|(meter, quantity)| (meter.code(), quantity)).collect(),
        usage_source: source.name(),
        currency: currency.code(),
        cost: settled.cost.get(),
        draws: draws.iter().map(|d| Draw { grant: d.grant.to_bytes().into(), amount: d.amount.get() }).collect(),
        on_account: settled.on_account.get(),
        loss: settled.loss.get(),
        counters: quotas.chain(caps).chain(tiers).collect(),
        ..entry_of(call)
    };
    core.settler.submit(&Entry::Call(entry))
}

fn quota_of(plan: Option<&Plan>, place: u8) -> Option<&tollgate_core::catalogue::Quota> {
    plan?.quotas.get(usize::from(place))
}
