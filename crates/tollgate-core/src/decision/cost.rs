//! What a request costs: the price that applies, less what quotas include.

use std::sync::Arc;

use crate::catalogue::{Charge, Component, Coverage, PastLimit, Plan, Price, PriceModel, Quota};
use crate::meter::{Meter, MeterSet, Usage};
use crate::money::{Factor, Nanos, Overflow, Picos, Rate};
use crate::rating::Progress;
use crate::standing::Standing;
use crate::time::Timestamp;

use super::Ask;
use super::claims::QuotaSet;

/// Why there is no cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// Nobody set a price.
    #[error("no price is set")]
    Unpriced,
    /// The cost does not fit into an amount.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// The price that applies to an ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tariff {
    /// `None` for free.
    pub(crate) price: Option<Arc<Price>>,
    pub(crate) factor: Factor,
}

impl Tariff {
    const FREE: Self = Self { price: None, factor: Factor::ONE };

    /// The price that applies: the plan's own, else the route's or the model's with the plan's markup.
    pub(crate) fn of(ask: &Ask<'_>, plan: Option<&Plan>) -> Result<Self, CostError> {
        let exactly = |price: &Arc<Price>| Self { price: Some(Arc::clone(price)), factor: Factor::ONE };
        match &ask.route.charge {
            Charge::Free => Ok(Self::FREE),
            Charge::Unpriced => Err(CostError::Unpriced),
            Charge::Price(price) | Charge::PerRequest(price) => {
                Ok(exactly(plan.map_or(price, |plan| plan.price_for(price))))
            }
            Charge::Model => {
                let model = ask.model.ok_or(CostError::Unpriced)?;
                let own = plan.and_then(|plan| plan.model_prices.get(model.id));
                if let Some(price) = own {
                    return Ok(exactly(price));
                }
                let price = Arc::clone(model.price.ok_or(CostError::Unpriced)?);
                Ok(Self { price: Some(price), factor: plan.map_or(Factor::ONE, |plan| plan.model_markup) })
            }
        }
    }
}

/// At which point of the counters a cost is worked out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At<'a> {
    /// Before the request, after everything that running requests hold: the most it can cost.
    Admission,
    /// For somebody who asks, on what was settled so far.
    Quote,
    /// After the request, on what was settled before it.
    Settlement(&'a Admitted<'a>),
}

/// On what a request was admitted. Its period may be over when it ends, and its plan another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admitted<'a> {
    pub(crate) plan: Option<&'a Arc<Plan>>,
    pub(crate) at: Timestamp,
    pub(crate) included: &'a IncludedLeft,
}

/// What each of a plan's quotas still included.
pub(crate) type IncludedLeft = [u64; Plan::QUOTAS_MAX];

impl At<'_> {
    const fn is_admission(self) -> bool {
        matches!(self, Self::Admission)
    }
}

/// What one cumulative component of a price charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TierCharge {
    pub(crate) component: u8,
    pub(crate) quantity: u64,
    pub(crate) charge: Picos,
}

/// A cost and how it came about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) amount: Nanos,
    pub(crate) tiers: Vec<TierCharge>,
}

/// The cost of `usage` at `tariff` for a customer in `standing`.
///
/// At admission it is the most that the usage can cost: whatever kind of token each token turns out to be,
/// and whichever level of the price the prompt reaches.
pub(crate) fn cost(
    standing: &Standing,
    ask: &Ask<'_>,
    tariff: &Tariff,
    usage: &Usage,
    at: At<'_>,
) -> Result<Cost, CostError> {
    let Some(price) = &tariff.price else { return Ok(Cost::default()) };
    if price.currency.is_some_and(|currency| currency != standing.currency) {
        return Err(CostError::Unpriced);
    }
    let prompt_tokens = usage.sum(MeterSet::PROMPT_TOKENS);
    if !at.is_admission() || price.levels.is_empty() {
        return sum(standing, ask, tariff, price, price.components_for(prompt_tokens), usage, at);
    }
    let reachable = price.levels.iter().filter(|level| prompt_tokens > level.above);
    let mut dearest = sum(standing, ask, tariff, price, &price.components, usage, at)?;
    for level in reachable {
        let cost = sum(standing, ask, tariff, price, &level.components, usage, at)?;
        if cost.amount > dearest.amount {
            dearest = cost;
        }
    }
    Ok(dearest)
}

fn sum(
    standing: &Standing,
    ask: &Ask<'_>,
    tariff: &Tariff,
    price: &Price,
    components: &[Component],
    usage: &Usage,
    at: At<'_>,
) -> Result<Cost, CostError> {
    let usage = match (at, &ask.model) {
        (At::Admission, Some(model)) => {
            let prompt = as_dearest(*usage, Meter::InputTokens, model.prompt_meters, components);
            as_dearest(prompt, Meter::OutputTokens, model.answer_meters, components)
        }
        _ => *usage,
    };
    covers(price, components, &usage)?;
    let mut included = Included::of(standing, ask, at);
    let mut sum = Picos::ZERO;
    let mut tiers = Vec::new();
    for (index, component) in components.iter().enumerate() {
        let quantity = quantity_of(component, &usage);
        if quantity == 0 {
            continue;
        }
        let split = included.take(component, quantity);
        sum = sum.plus(split.overage_rate.times(split.overage))?;
        if split.rest == 0 {
            continue;
        }
        let charge = if component.model.is_cumulative() {
            let component_index = u8::try_from(index).unwrap_or(u8::MAX);
            let charge = cumulative(standing, price, component_index, &component.model, split.rest, at)?;
            tiers.push(TierCharge { component: component_index, quantity: split.rest, charge });
            charge
        } else {
            crate::rating::total(&component.model, split.rest)?
        };
        sum = sum.plus(charge)?;
    }
    let amount = if tariff.factor == Factor::ONE { sum } else { sum.scaled(tariff.factor)? };
    Ok(Cost { amount: amount.ceil_to_nanos()?, tiers })
}

/// An error if a meter that must be covered counted something and has no component.
fn covers(price: &Price, components: &[Component], usage: &Usage) -> Result<(), CostError> {
    if price.must_cover.is_empty() {
        return Ok(());
    }
    let is_priced = |meter: Meter| components.iter().any(|component| component.meters.contains(meter));
    let mut counted = price.must_cover.iter().filter(|&meter| usage.get(meter) > 0);
    if counted.all(is_priced) { Ok(()) } else { Err(CostError::Unpriced) }
}

/// `usage` with what it counts as `meter` counted as the dearest of `meters`.
fn as_dearest(usage: Usage, meter: Meter, meters: MeterSet, components: &[Component]) -> Usage {
    let quantity = usage.get(meter);
    if quantity == 0 {
        return usage;
    }
    let rate = |wanted: Meter| {
        let of_meter = components.iter().filter(|component| component.meters.contains(wanted));
        of_meter
            .filter_map(|component| if let PriceModel::PerUnit(rate) = component.model { Some(rate) } else { None })
            .max()
    };
    let dearest = meters.iter().max_by_key(|&candidate| rate(candidate)).filter(|&found| rate(found) > rate(meter));
    dearest.map_or(usage, |found| usage.with(meter, 0).with(found, usage.get(found).saturating_add(quantity)))
}

/// The cost of `usage` for a plan that nobody is on yet: for calculators and estimates.
///
/// # Errors
/// [`CostError::Unpriced`] if nobody set a price, [`CostError::Overflow`] if it does not fit.
pub fn quote(ask: &Ask<'_>, plan: Option<&Plan>, standing: &Standing) -> Result<Nanos, CostError> {
    let tariff = Tariff::of(ask, plan)?;
    Ok(cost(standing, ask, &tariff, &ask.bound, At::Quote)?.amount)
}

fn quantity_of(component: &Component, usage: &Usage) -> u64 {
    match component.model {
        PriceModel::Flat(_) => usage.get(Meter::Calls),
        PriceModel::PerUnit(_) | PriceModel::Graduated(_) | PriceModel::Volume(_) | PriceModel::Package { .. } => {
            usage.sum(component.meters)
        }
    }
}

/// The charge of a cumulative component for `quantity` more units.
///
/// At admission running requests may land before or after this one, so the dearer of both places is
/// taken.
fn cumulative(
    standing: &Standing,
    price: &Price,
    component: u8,
    model: &PriceModel,
    quantity: u64,
    at: At<'_>,
) -> Result<Picos, Overflow> {
    let tiers = standing.rare.as_ref().map_or(&[][..], |rare| &rare.tiers);
    let state = tiers.iter().find(|tier| *tier.price == *price.key && tier.component == component);
    let progress = state.map_or_else(Progress::default, |tier| tier.progress);
    let alone = progress.charge(model, quantity)?;
    let held = state.map_or(0, |tier| tier.held);
    if !at.is_admission() || held == 0 {
        return Ok(alone);
    }
    let behind_others = Progress { quantity: progress.quantity, charged: progress.charged }
        .after(held, progress.charge(model, held)?)?
        .charge(model, quantity)?;
    Ok(alone.max(behind_others))
}

/// What the plan's quotas still include, used up component by component.
struct Included<'a> {
    quotas: &'a [Quota],
    left: IncludedLeft,
    counting: QuotaSet,
}

/// A quantity split into what is included, what is overage, and what the price says.
struct Split {
    overage: u64,
    overage_rate: Rate,
    rest: u64,
}

impl<'a> Included<'a> {
    fn of(standing: &'a Standing, ask: &Ask<'_>, at: At<'a>) -> Self {
        let mut included = Self { quotas: &[], left: [0; Plan::QUOTAS_MAX], counting: QuotaSet::default() };
        let plan = match at {
            At::Admission | At::Quote => standing.subscription.as_ref().map(|subscription| &subscription.plan),
            At::Settlement(admitted) => admitted.plan,
        };
        let Some(plan) = plan else { return included };
        included.quotas = &plan.quotas;
        for (index, quota) in included.quotas.iter().enumerate().take(Plan::QUOTAS_MAX) {
            if quota.coverage == Coverage::Included && quota.applies_to.matches(ask.route, ask.model_id()) {
                included.left[index] = left(standing, plan, index, quota, at);
                included.counting.insert(index);
            }
        }
        included
    }

    fn take(&mut self, component: &Component, quantity: u64) -> Split {
        let covers = |&index: &usize| self.quotas[index].meters.intersects(component.meters);
        let Some(index) = self.counting.iter().find(covers) else {
            return Split { overage: 0, overage_rate: Rate::ZERO, rest: quantity };
        };
        let covered = quantity.min(self.left[index]);
        self.left[index] -= covered;
        let beyond = quantity - covered;
        match self.quotas[index].past {
            PastLimit::Overage(Some(rate)) => Split { overage: beyond, overage_rate: rate, rest: 0 },
            // Past a degrading quota a request is served with less, not charged.
            PastLimit::Degrade(_) => Split { overage: 0, overage_rate: Rate::ZERO, rest: 0 },
            PastLimit::Overage(None) | PastLimit::Block | PastLimit::BlockUntilReset | PastLimit::Allowance(_) => {
                Split { overage: 0, overage_rate: Rate::ZERO, rest: beyond }
            }
        }
    }
}

/// What each quota includes at admission.
pub(crate) fn included_left(standing: &Standing, ask: &Ask<'_>) -> IncludedLeft {
    Included::of(standing, ask, At::Admission).left
}

/// What quota `index` of `plan` still includes, with the allowance past it.
fn left(standing: &Standing, plan: &Arc<Plan>, index: usize, quota: &Quota, at: At<'_>) -> u64 {
    let subscription = standing.subscription.as_ref().filter(|subscription| Arc::ptr_eq(&subscription.plan, plan));
    let limit = subscription.map_or(quota.limit, |s| s.quota_limit(index)).saturating_add(quota.past.allowance());
    let window = subscription.and_then(|_| standing.quotas.get(index));
    match (at, window) {
        (At::Admission, Some(window)) => window.left(limit),
        (At::Quote, Some(window)) => limit.saturating_sub(window.used),
        (At::Admission | At::Quote, None) => limit,
        (At::Settlement(admitted), Some(window)) if window.period.contains(admitted.at) => {
            limit.saturating_sub(window.used)
        }
        // The period or the plan is another one: what was included when the request was admitted holds.
        (At::Settlement(admitted), _) => admitted.included[index],
    }
}
