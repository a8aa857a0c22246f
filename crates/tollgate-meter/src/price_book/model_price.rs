//! The price of one model.

use jiff::civil::Date;
use tollgate_core::meter::{Meter, MeterSet, Usage};
use tollgate_core::money::{Overflow, Picos, Rate};

use super::Rates;

/// What one provider takes for one model, in USD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPrice {
    /// Who sells it: `openai`, `azure`, `aws`. The same model costs differently elsewhere.
    pub provider: Box<str>,
    /// The id that requests name.
    pub model: Box<str>,
    /// Other ids for the same model at the same price, each exact.
    pub aliases: Box<[Box<str>]>,
    /// What it costs.
    pub terms: Terms,
    /// Most tokens of prompt and answer together, or of the prompt alone where only that is known.
    pub context_window: Option<u64>,
    /// Most tokens of one answer.
    pub output_max: Option<u64>,
    /// The lists that the price comes from, joined by `+`.
    pub source: Box<str>,
    /// The day on which the price held.
    pub verified_on: Date,
    /// Whether the price can be relied on.
    pub status: Status,
}

/// Whether a model costs anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Terms {
    /// Said to be free, on purpose. No list is imported as this.
    Free,
    /// So much per unit.
    Priced(PriceList),
}

/// How far a price can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// A list checked it against the provider's pages, or two lists agree.
    Verified,
    /// Only the less certain list has it, or two lists differ and the dearer figure was taken.
    Unverified,
}

/// Prices per unit, which may depend on the length of the prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList {
    /// The rates that are named for prompts of any length.
    pub base: Rates,
    /// The rates that are named for long prompts, by rising threshold.
    pub tiers: Box<[Tier]>,
}

/// Rates for long prompts. A cliff and no slope: one token more than `above` and every token of the
/// request costs them, also the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// Prompt tokens beyond which it applies, cached and written ones included.
    pub above: u64,
    /// Its rates.
    pub rates: Rates,
}

/// A meter that counted something for which there is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no price for {meter}")]
pub struct Unpriced {
    /// The meter.
    pub meter: Meter,
}

/// Why a usage has no cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoCost {
    /// It has a part without a price.
    #[error(transparent)]
    Unpriced(#[from] Unpriced),
    /// The sum does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// Meters that a model's price must cover. The others belong to the plan: bytes, computing time.
const COVERED: MeterSet = MeterSet::TOKENS.with(Meter::Images).with(Meter::ToolCalls);

impl ModelPrice {
    /// What `usage` costs, by the level that its prompt tokens reach. A call costs nothing by itself
    /// unless the model has a rate for calls.
    ///
    /// # Errors
    /// [`NoCost::Unpriced`] for the first meter that counted something and has no rate.
    pub fn cost(&self, usage: &Usage) -> Result<Picos, NoCost> {
        let Terms::Priced(list) = &self.terms else { return Ok(Picos::ZERO) };
        let rates = list.rates_at(usage.sum(MeterSet::PROMPT_TOKENS));
        let mut cost = Picos::ZERO;
        for (meter, quantity) in usage.iter() {
            match rates.get(meter) {
                Some(rate) => cost = cost.plus(rate.times(quantity))?,
                None if COVERED.contains(meter) => return Err(Unpriced { meter }.into()),
                None => (),
            }
        }
        Ok(cost)
    }

    /// The dearest rate among `meters` for a prompt of up to `prompt_tokens`: what to hold per token
    /// while it is not known which meter a token will fall to. `None` if none of them has a rate.
    ///
    /// A longer prompt is not always the dearer one, so every level within reach is looked at.
    #[must_use]
    pub fn dearest(&self, meters: MeterSet, prompt_tokens: u64) -> Option<Rate> {
        match &self.terms {
            Terms::Free => Some(Rate::ZERO),
            Terms::Priced(list) => list
                .levels()
                .filter(|(above, _)| *above == 0 || *above < prompt_tokens)
                .flat_map(|(_, rates)| meters.iter().filter_map(move |meter| rates.get(meter)))
                .max(),
        }
    }
}

impl PriceList {
    /// The rates for a prompt of `prompt_tokens`, with what follows from them filled in, and of several
    /// measures of one thing the one that is charged.
    ///
    /// A cached token without a rate of its own costs what an input token does, a reasoning token what
    /// an output token does, cached sound what sound does: never less than the provider takes. Tokens of
    /// pictures cost what tokens of text do where no list says otherwise, unless pictures are sold by the
    /// piece. Cache writes (dearer than input) and sound have no such stand-in: without a rate they are
    /// unpriced. What a tier does not name costs the dearer of its stand-in there and its base rate.
    #[must_use]
    pub fn rates_at(&self, prompt_tokens: u64) -> Rates {
        match self.tiers.iter().rev().find(|tier| prompt_tokens > tier.above) {
            None => with_stand_ins(self.base),
            Some(tier) => self.filled(tier),
        }
    }

    /// Every level with its rates, as [`PriceList::rates_at`] gives them: the prompt tokens above
    /// which it applies, from 0 up.
    pub fn levels(&self) -> impl Iterator<Item = (u64, Rates)> {
        let base = std::iter::once((0, with_stand_ins(self.base)));
        base.chain(self.tiers.iter().map(|tier| (tier.above, self.filled(tier))))
    }

    pub(super) fn filled(&self, tier: &Tier) -> Rates {
        let filled = with_stand_ins(tier.rates);
        let missing = self.base.iter().filter(|(meter, _)| tier.rates.get(*meter).is_none());
        filled.dearer(&missing.collect())
    }
}

fn with_stand_ins(rates: Rates) -> Rates {
    const STAND_INS: [(Meter, Meter); 5] = [
        (Meter::CachedInputTokens, Meter::InputTokens),
        (Meter::ReasoningTokens, Meter::OutputTokens),
        (Meter::CachedAudioInputTokens, Meter::AudioInputTokens),
        (Meter::ImageInputTokens, Meter::InputTokens),
        (Meter::ImageOutputTokens, Meter::OutputTokens),
    ];
    let by_the_piece = rates.get(Meter::Images).is_some();
    let filled =
        STAND_INS.into_iter().fold(rates, |rates, (meter, stand_in)| match (rates.get(meter), rates.get(stand_in)) {
            (None, Some(rate)) if !(meter == Meter::ImageOutputTokens && by_the_piece) => rates.with(meter, rate),
            _ => rates,
        });
    filled.in_one_measure()
}
