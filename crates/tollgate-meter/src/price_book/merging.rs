//! Puts two price lists together so that a disagreement is seen and costs nobody but the careless.

use std::collections::{BTreeSet, HashMap};

use tollgate_core::meter::Meter;
use tollgate_core::money::Rate;

use super::{ModelPrice, PriceList, Rates, Status, Terms, Tier};

/// Two lists in one.
#[derive(Debug, Clone, Default)]
pub struct Merged {
    /// Every row of either, once.
    pub prices: Vec<ModelPrice>,
    /// Where they disagree.
    pub conflicts: Vec<Conflict>,
}

/// A rate on which two lists disagree. The dearer one was taken and the row is unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Who sells the model.
    pub provider: Box<str>,
    /// Its id.
    pub model: Box<str>,
    /// The meter.
    pub meter: Meter,
    /// For prompts of more than so many tokens; 0 for the base rate.
    pub above: u64,
    /// What the primary list says, in USD per unit.
    pub primary: Rate,
    /// What the secondary list says.
    pub secondary: Rate,
}

/// Merges `secondary` into `primary`, by provider and exact name.
///
/// A row that both have is verified if they agree on every rate that both name; else the dearer rate
/// wins and the row is unverified. A rate that one of them names is taken, a limit that both name is
/// the primary's. A secondary row under an alias of a primary row that it contradicts becomes a row
/// of its own. Rows of one list alone keep their status.
#[must_use]
pub fn merge(primary: Vec<ModelPrice>, secondary: Vec<ModelPrice>) -> Merged {
    let mut merged = Merged { prices: primary, conflicts: Vec::new() };
    let mut places = HashMap::new();
    for (place, price) in merged.prices.iter().enumerate() {
        for name in std::iter::once(&price.model).chain(&price.aliases) {
            places.insert((price.provider.clone(), name.clone()), place);
        }
    }
    for row in secondary {
        let known = places.get(&(row.provider.clone(), row.model.clone())).copied();
        let Some(price) = known.and_then(|place| merged.prices.get_mut(place)) else {
            merged.prices.push(row);
            continue;
        };
        let (both, conflicts) = combined(price, &row);
        if price.model == row.model {
            *price = both;
        } else if !conflicts.is_empty() {
            price.aliases = price.aliases.iter().filter(|alias| **alias != row.model).cloned().collect();
            let own = ModelPrice { model: row.model, aliases: Box::default(), ..both };
            merged.prices.push(own);
        }
        merged.conflicts.extend(conflicts);
    }
    merged
}

/// `primary` with what `secondary` adds and with the dearer of what they disagree on.
pub(super) fn combined(primary: &ModelPrice, secondary: &ModelPrice) -> (ModelPrice, Vec<Conflict>) {
    let mut both = ModelPrice {
        context_window: primary.context_window.or(secondary.context_window),
        output_max: primary.output_max.or(secondary.output_max),
        source: both_sources(&primary.source, &secondary.source),
        ..primary.clone()
    };
    // Free is said by an operator, and a list does not contradict an operator.
    let (Terms::Priced(first), Terms::Priced(second)) = (&primary.terms, &secondary.terms) else {
        return (both, Vec::new());
    };
    let thresholds: BTreeSet<u64> = first.tiers.iter().chain(&second.tiers).map(|tier| tier.above).collect();
    let mut conflicts = Vec::new();
    let mut level = |above: u64| {
        let (first, second) = (claimed_above(above, first, second), claimed_above(above, second, first));
        conflicts.extend(first.iter().filter_map(|(meter, rate)| {
            let other = second.get(meter).filter(|&other| other != rate)?;
            Some(Conflict {
                provider: primary.provider.clone(),
                model: secondary.model.clone(),
                meter,
                above,
                primary: rate,
                secondary: other,
            })
        }));
        first.dearer(&second)
    };
    let base = level(0);
    let tiers = thresholds.into_iter().map(|above| Tier { above, rates: level(above) }).collect();
    both.terms = Terms::Priced(PriceList { base, tiers });
    both.status = if conflicts.is_empty() { Status::Verified } else { Status::Unverified };
    (both, conflicts)
}

fn both_sources(primary: &str, secondary: &str) -> Box<str> {
    let is_known = primary.split('+').any(|source| source == secondary);
    if is_known { primary.into() } else { format!("{primary}+{secondary}").into() }
}

/// What `list` claims for prompts just above `above`: the rates that it names there.
///
/// Where only this list knows a tier, what it leaves open there is filled in first: the base rate of a
/// list that knows no tiers is no evidence for a long prompt.
fn claimed_above(above: u64, list: &PriceList, other: &PriceList) -> Rates {
    let tier_of = |list: &PriceList| list.tiers.iter().rposition(|tier| tier.above <= above);
    match (tier_of(list), tier_of(other)) {
        (None, _) => list.base,
        (Some(tier), Some(_)) => list.tiers[tier].rates,
        (Some(tier), None) => {
            let tier = &list.tiers[tier];
            let is_named = |meter| list.base.get(meter).or(tier.rates.get(meter)).is_some();
            list.filled(tier).iter().filter(|&(meter, _)| is_named(meter)).collect()
        }
    }
}
