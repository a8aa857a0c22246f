//! Prices of single models, written by hand.

use std::str::FromStr;

use jiff::civil::Date;
use serde::Deserialize;
use tollgate_core::meter::Meter;
use tollgate_core::money::{Nanos, Rate};
use tollgate_meter::price_book::{ModelPrice, PriceList, Rates, Status, Terms};
use tollgate_store::definition::Text;

/// USD per million units, exact to six places: the unit in which price lists are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerMillion(Rate);

impl FromStr for PerMillion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected an amount per million with at most 6 decimal places, such as \"2.50\"";
        let nanos: Nanos = text.parse().map_err(|_| EXPECTED)?;
        // A millionth of a nano-unit is 10⁻¹⁵; a rate holds 10⁻¹².
        if nanos.get() < 0 || nanos.get() % 1_000 != 0 {
            return Err(EXPECTED);
        }
        Ok(Self(Rate::from_picos(nanos.get().div_euclid(1_000))))
    }
}

/// The price of one model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPriceEntry {
    /// Whose model it is: the `provider` of the upstream.
    pub provider: String,
    /// The id that requests name.
    pub model: String,
    /// Other ids for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Costs nothing, and said so.
    #[serde(default)]
    pub free: bool,
    /// Most tokens of prompt and answer together.
    #[serde(default)]
    pub context_window_tokens: Option<u64>,
    /// Most tokens of one answer.
    #[serde(default)]
    pub output_max_tokens: Option<u64>,
    /// Prompt tokens.
    #[serde(default)]
    pub usd_per_million_input_tokens: Option<Text<PerMillion>>,
    /// Prompt tokens read from a cache; as input tokens if absent.
    #[serde(default)]
    pub usd_per_million_cached_input_tokens: Option<Text<PerMillion>>,
    /// Generated tokens.
    #[serde(default)]
    pub usd_per_million_output_tokens: Option<Text<PerMillion>>,
    /// Hidden reasoning; as output tokens if absent.
    #[serde(default)]
    pub usd_per_million_reasoning_tokens: Option<Text<PerMillion>>,
    /// Prompt tokens written to a cache that lives five minutes.
    #[serde(default)]
    pub usd_per_million_cache_write_5m_tokens: Option<Text<PerMillion>>,
    /// Prompt tokens written to a cache that lives an hour.
    #[serde(default)]
    pub usd_per_million_cache_write_1h_tokens: Option<Text<PerMillion>>,
    /// Audio tokens heard.
    #[serde(default)]
    pub usd_per_million_audio_input_tokens: Option<Text<PerMillion>>,
    /// Audio tokens spoken.
    #[serde(default)]
    pub usd_per_million_audio_output_tokens: Option<Text<PerMillion>>,
    /// Tokens of pictures seen; as input tokens if absent.
    #[serde(default)]
    pub usd_per_million_image_input_tokens: Option<Text<PerMillion>>,
    /// Tokens of pictures made; as output tokens if absent.
    #[serde(default)]
    pub usd_per_million_image_output_tokens: Option<Text<PerMillion>>,
    /// Characters to be spoken.
    #[serde(default)]
    pub usd_per_million_input_characters: Option<Text<PerMillion>>,
}

impl ModelPriceEntry {
    /// The row of the price book.
    ///
    /// # Errors
    /// What was expected.
    pub fn to_price(&self) -> Result<ModelPrice, String> {
        let rates = [
            (Meter::InputTokens, self.usd_per_million_input_tokens),
            (Meter::CachedInputTokens, self.usd_per_million_cached_input_tokens),
            (Meter::OutputTokens, self.usd_per_million_output_tokens),
            (Meter::ReasoningTokens, self.usd_per_million_reasoning_tokens),
            (Meter::CacheWrite5mTokens, self.usd_per_million_cache_write_5m_tokens),
            (Meter::CacheWrite1hTokens, self.usd_per_million_cache_write_1h_tokens),
            (Meter::AudioInputTokens, self.usd_per_million_audio_input_tokens),
            (Meter::AudioOutputTokens, self.usd_per_million_audio_output_tokens),
            (Meter::ImageInputTokens, self.usd_per_million_image_input_tokens),
            (Meter::ImageOutputTokens, self.usd_per_million_image_output_tokens),
            (Meter::InputCharacters, self.usd_per_million_input_characters),
        ];
        let rates: Vec<(Meter, Rate)> =
            rates.into_iter().filter_map(|(meter, rate)| Some((meter, rate?.0.0))).collect();
        if self.free != rates.is_empty() {
            return Err("expected prices, or `free = true` and no prices".to_owned());
        }
        if rates.iter().any(|(_, rate)| *rate == Rate::ZERO) {
            return Err("expected prices above 0; a model that costs nothing says `free = true`".to_owned());
        }
        let base = rates.into_iter().collect::<Rates>();
        Ok(ModelPrice {
            provider: self.provider.as_str().into(),
            model: self.model.as_str().into(),
            aliases: self.aliases.iter().map(|alias| alias.as_str().into()).collect(),
            terms: if self.free { Terms::Free } else { Terms::Priced(PriceList { base, tiers: Box::default() }) },
            context_window: self.context_window_tokens,
            output_max: self.output_max_tokens,
            source: "configuration".into(),
            verified_on: Date::constant(2026, 1, 1),
            status: Status::Verified,
        })
    }
}
