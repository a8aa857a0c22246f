//! Prices per unit, by meter.

use std::fmt;

use tollgate_core::meter::{METERS, Meter, MeterSet};
use tollgate_core::money::Rate;

/// A price per unit for each meter that has one, in USD. A meter without is not free: it has no price.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    named: MeterSet,
    /// Zero where not named.
    rates: [Rate; METERS],
}

impl Rates {
    /// No prices.
    pub const NONE: Self = Self { named: MeterSet::EMPTY, rates: [Rate::ZERO; METERS] };

    /// These rates with `rate` for `meter`.
    #[must_use]
    pub const fn with(mut self, meter: Meter, rate: Rate) -> Self {
        self.named = self.named.with(meter);
        self.rates[meter as usize] = rate;
        self
    }

    /// The rate of `meter`.
    #[must_use]
    pub const fn get(&self, meter: Meter) -> Option<Rate> {
        if self.named.contains(meter) { Some(self.rates[meter as usize]) } else { None }
    }

    /// The meters that have a rate.
    pub fn iter(&self) -> impl Iterator<Item = (Meter, Rate)> {
        self.named.iter().map(|meter| (meter, self.rates[meter as usize]))
    }

    /// These rates with one measure where a list names several of the same thing: pictures by their
    /// tokens rather than by the piece, sound heard by its tokens rather than by the second, speech by
    /// its characters rather than by tokens. Else one use would be charged twice.
    #[must_use]
    pub fn in_one_measure(self) -> Self {
        let made = MeterSet::of(Meter::ImageOutputTokens).with(Meter::AudioOutputTokens);
        let dropped = if self.named.contains(Meter::InputCharacters) {
            MeterSet::TOKENS
        } else if self.named.contains(Meter::Images) && self.named.intersects(made) {
            MeterSet::of(Meter::Images)
        } else if self.named.contains(Meter::AudioInputSeconds) && self.named.intersects(MeterSet::TOKENS) {
            MeterSet::of(Meter::AudioInputSeconds)
        } else {
            return self;
        };
        self.iter().filter(|&(meter, _)| !dropped.contains(meter)).collect()
    }

    /// Every meter that either has, at the dearer rate where both have it.
    #[must_use]
    pub fn dearer(self, other: &Self) -> Self {
        other
            .iter()
            .fold(self, |dearer, (meter, rate)| dearer.with(meter, dearer.get(meter).map_or(rate, |own| own.max(rate))))
    }
}

impl FromIterator<(Meter, Rate)> for Rates {
    fn from_iter<I: IntoIterator<Item = (Meter, Rate)>>(rates: I) -> Self {
        rates.into_iter().fold(Self::NONE, |rates, (meter, rate)| rates.with(meter, rate))
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
