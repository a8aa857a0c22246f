//! What the importers have in common: rows, and why others did not become one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_core::meter::Meter;

use super::figure::{self, Per};
use super::{ModelPrice, PriceList, Rates, Tier};

/// What came out of a price list.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// The rows that can be used.
    pub rows: Vec<ModelPrice>,
    /// The others.
    pub rejected: Vec<Rejected>,
}

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its name in the list.
    pub model: Box<str>,
    /// What is wrong with it.
    pub why: Rejection,
}

/// Why a row of a price list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The row or one of its fields has another form than documented.
    #[error("{0} cannot be read")]
    Unreadable(Box<str>),
    /// What it makes is not metered: video, search, rankings.
    #[error("mode {0} is not metered")]
    Mode(Box<str>),
    /// No price for input, or none for output where the model has some.
    #[error("no price for {0}")]
    NoPrice(Meter),
    /// A price of zero. Free must be said by the operator, not found in a list.
    #[error("a price of zero for {0}")]
    Zero(Meter),
    /// A price below zero: some lists say "unknown" that way.
    #[error("{0} is negative")]
    Negative(Box<str>),
    /// A price that is no decimal number.
    #[error("{0} is not a decimal number")]
    NotDecimal(Box<str>),
    /// A price with more than 12 decimal places per unit, mostly the residue of floating point.
    #[error("{0} is finer than 12 decimal places per unit")]
    TooFine(Box<str>),
    /// A price so far off that it must have been meant for another number of units.
    #[error("{0} cannot be a price per unit")]
    Absurd(Box<str>),
    /// Another row has this name.
    #[error("the name is taken by another row")]
    NameTaken,
}

/// A text that is not the list that it should be.
#[derive(Debug, thiserror::Error)]
#[error("the price list cannot be read: {0}")]
pub struct UnreadableList(#[from] serde_json::Error);

impl Rejection {
    /// A field and its value, as messages name it.
    pub(super) fn figure(field: &str, literal: &str) -> Box<str> {
        format!("{field} {literal}").into()
    }
}

/// The members of a JSON object, their values unread.
pub(super) type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Reads a value of a row.
pub(super) fn read<'a, T: Deserialize<'a>>(field: &str, value: &'a RawValue) -> Result<T, Rejection> {
    serde_json::from_str(value.get()).map_err(|_| Rejection::Unreadable(field.into()))
}

/// Whether every request to a model makes the provider search, which costs by the call: Perplexity's
/// models, and those named for search or research.
pub(super) fn always_searches(provider: &str, model: &str) -> bool {
    provider == "perplexity" || model.contains("search")
}

/// What a model answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Text, which must have a price.
    Text,
    /// Perhaps no text (embeddings).
    Any,
    /// Pictures or sound, sold by one of these measures.
    Media(&'static [Meter]),
}

/// The prices of one row while it is read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    base: Rates,
    tiers: BTreeMap<u64, Rates>,
    zeros: Vec<Meter>,
}

impl Draft {
    /// Adds the price of `meter` for prompts of more than `above` tokens (0: of any length). Where
    /// several prices fall to one meter (tokens of pictures and of videos), the dearest holds.
    pub(super) fn add(
        &mut self,
        above: u64,
        field: &str,
        literal: &str,
        meter: Meter,
        per: Per,
    ) -> Result<(), Rejection> {
        let Some(rate) = figure::rate(field, literal, meter, per)? else {
            self.zeros.push(meter);
            return Ok(());
        };
        let rates = if above == 0 { &mut self.base } else { self.tiers.entry(above).or_default() };
        *rates = rates.dearer(&Rates::NONE.with(meter, rate));
        Ok(())
    }

    /// The price list, if it has what every request needs. A price of zero counts as none: free must
    /// be said by the operator, and a cached token that costs nothing is priced as one that does.
    pub(super) fn finish(self, output: Output) -> Result<PriceList, Rejection> {
        let required = match output {
            Output::Text => &[Meter::InputTokens, Meter::OutputTokens][..],
            Output::Any => &[Meter::InputTokens],
            Output::Media(measures) => {
                let is_priced = measures.iter().any(|&meter| self.base.get(meter).is_some());
                if is_priced { &[] } else { &measures[..1] }
            }
        };
        if let Some(&meter) = required.iter().find(|&&meter| self.base.get(meter).is_none()) {
            let is_zero = self.zeros.contains(&meter);
            return Err(if is_zero { Rejection::Zero(meter) } else { Rejection::NoPrice(meter) });
        }
        let tiers = self.tiers.into_iter().map(|(above, rates)| Tier { above, rates }).collect();
        Ok(PriceList { base: self.base, tiers })
    }
}
