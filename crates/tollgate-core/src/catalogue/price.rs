//! Prices: rules that turn quantities into money.

use crate::meter::{Meter, MeterSet};
use crate::money::{Currency, Nanos, Rate};

/// The price of one request: the sum of its components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Its stable name, under which tier progress is kept.
    pub key: Box<str>,
    /// What it is in; `None` for whatever the customer pays in.
    pub currency: Option<Currency>,
    /// What is added up.
    pub components: Box<[Component]>,
    /// What is added up instead for long prompts, by rising threshold. A cliff: one token more than
    /// `above` and all of the request costs it.
    pub levels: Box<[Level]>,
    /// Meters that may not count anything without a component for it: what a model did beyond its price
    /// list is not free.
    pub must_cover: MeterSet,
}

/// Components for prompts of more than so many tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Prompt tokens beyond which it applies.
    pub above: u64,
    /// What is added up.
    pub components: Box<[Component]>,
}

/// One part of a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The quantities it applies to, added up.
    pub meters: MeterSet,
    /// How they become money.
    pub model: PriceModel,
}

/// How a quantity becomes money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceModel {
    /// So much for a request, whatever its quantities.
    Flat(Nanos),
    /// So much for each unit.
    PerUnit(Rate),
    /// Each unit costs what the tier it falls into says; the quantity is that of the billing period.
    Graduated(Box<[Tier]>),
    /// All units cost what the tier of the period's total says.
    Volume(Box<[Tier]>),
    /// So much for each package begun; the quantity is that of the billing period.
    Package {
        /// The price of a package.
        amount: Nanos,
        /// Units in a package.
        size: u64,
        /// Units of the period that come before the first package.
        free_units: u64,
    },
}

/// One step of a graduated or volume price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The last unit that belongs to it; `None` for the last tier.
    pub up_to: Option<u64>,
    /// The price of a unit.
    pub unit: Rate,
    /// Due once when the tier is entered. The first tier is entered without any use.
    pub flat: Nanos,
}

impl Price {
    /// A price of so much for each request.
    #[must_use]
    pub fn flat(key: &str, amount: Nanos) -> Self {
        let component = Component { meters: MeterSet::of(Meter::Calls), model: PriceModel::Flat(amount) };
        Self::of(key, Box::new([component]))
    }

    /// A price of these components in the customer's currency.
    #[must_use]
    pub fn of(key: &str, components: Box<[Component]>) -> Self {
        Self { key: key.into(), currency: None, components, levels: Box::default(), must_cover: MeterSet::EMPTY }
    }

    /// A price of so much for each unit of each meter.
    #[must_use]
    pub fn per_unit(key: &str, rates: impl IntoIterator<Item = (Meter, Rate)>) -> Self {
        Self::of(key, rates.into_iter().map(|(meter, rate)| Component::per_unit(meter, rate)).collect())
    }

    /// What is added up for a prompt of so many tokens.
    #[must_use]
    pub fn components_for(&self, prompt_tokens: u64) -> &[Component] {
        let level = self.levels.iter().rev().find(|level| prompt_tokens > level.above);
        level.map_or(&self.components, |level| &level.components)
    }
}

impl Component {
    /// So much for each unit of `meter`.
    #[must_use]
    pub const fn per_unit(meter: Meter, rate: Rate) -> Self {
        Self { meters: MeterSet::of(meter), model: PriceModel::PerUnit(rate) }
    }
}

impl PriceModel {
    /// Whether the price of a unit depends on the units before it in the billing period.
    #[must_use]
    pub const fn is_cumulative(&self) -> bool {
        match self {
            Self::Flat(_) | Self::PerUnit(_) => false,
            Self::Graduated(_) | Self::Volume(_) | Self::Package { .. } => true,
        }
    }
}
