//! The price book: what models cost. A model without a price is not served; a free one says so.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use tollgate_core::meter::Meter;
use tollgate_core::money::Rate;
use tollgate_meter::price_book::{BadSnapshot, ModelPrice, PriceBook, PriceList, Rates, Status, Terms, Tier};
use tollgate_store::definition::ModelPriceDefinition;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Asked, Deed, Failures, Limit, Page, Part, Problem, Sent};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(set_model_price, list_model_prices))
}

/// The source of rows that were set by hand.
const BY_HAND: &str = "operator";
/// The source of rows that were written into the configuration.
const DECLARED: &str = "configuration";

/// Whether somebody wrote this price down: an import leaves it alone.
pub(super) fn is_by_hand(price: &ModelPrice) -> bool {
    matches!(&*price.source, BY_HAND | DECLARED)
}

/// The figures of a row: their names, what they price, and in units of how many.
const FIGURES: [(&str, Meter, i64); 15] = [
    ("usd_per_million_input_tokens", Meter::InputTokens, 1_000_000),
    ("usd_per_million_output_tokens", Meter::OutputTokens, 1_000_000),
    ("usd_per_million_cached_input_tokens", Meter::CachedInputTokens, 1_000_000),
    ("usd_per_million_cache_write_5m_tokens", Meter::CacheWrite5mTokens, 1_000_000),
    ("usd_per_million_cache_write_1h_tokens", Meter::CacheWrite1hTokens, 1_000_000),
    ("usd_per_million_reasoning_tokens", Meter::ReasoningTokens, 1_000_000),
    ("usd_per_million_audio_input_tokens", Meter::AudioInputTokens, 1_000_000),
    ("usd_per_million_audio_output_tokens", Meter::AudioOutputTokens, 1_000_000),
    ("usd_per_image", Meter::Images, 1),
    ("usd_per_call", Meter::Calls, 1),
    ("usd_per_million_cached_audio_input_tokens", Meter::CachedAudioInputTokens, 1_000_000),
    ("usd_per_million_image_input_tokens", Meter::ImageInputTokens, 1_000_000),
    ("usd_per_million_image_output_tokens", Meter::ImageOutputTokens, 1_000_000),
    ("usd_per_audio_input_second", Meter::AudioInputSeconds, 1),
    ("usd_per_million_input_characters", Meter::InputCharacters, 1_000_000),
];

/// The price of a model at a provider.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub(super) struct ModelPriceRow {
    /// Whose model it is: the `provider` of the upstream.
    pub(super) provider: String,
    /// The id that requests name.
    pub(super) model: String,
    /// Other ids for it, each exact.
    pub(super) aliases: Vec<String>,
    /// Costs nothing, and said so.
    pub(super) free: bool,
    /// Decimal texts by `usd_per_million_input_tokens`, `usd_per_million_output_tokens`, ...,
    /// `usd_per_image`, `usd_per_call`.
    pub(super) prices: BTreeMap<&'static str, String>,
    /// Prices for long prompts.
    pub(super) tiers: Vec<TierRow>,
    /// Most tokens of prompt and answer together.
    pub(super) context_window_tokens: Option<u64>,
    /// Most tokens of one answer.
    pub(super) output_max_tokens: Option<u64>,
    /// Where the price comes from; `operator` if it was set by hand.
    pub(super) source: String,
    /// `verified` or `unverified`.
    pub(super) status: &'static str,
    /// The day on which it held.
    pub(super) verified_on: String,
}

/// Prices for long prompts.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub(super) struct TierRow {
    /// They hold for prompts of more tokens than this, from the first token on.
    pub(super) above_prompt_tokens: u64,
    /// Decimal texts by name, as in `prices` of the row.
    pub(super) prices: BTreeMap<&'static str, String>,
}

/// The price of a model, set by hand.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewModelPrice {
    /// Whose model it is: the `provider` of the upstream.
    provider: String,
    /// The id that requests name.
    model: String,
    /// Other ids for it, each exact.
    #[serde(default)]
    aliases: Vec<String>,
    /// Costs nothing. Has to be said; a price of 0 is refused.
    #[serde(default)]
    free: bool,
    /// Decimal texts by `usd_per_million_input_tokens`, `usd_per_million_output_tokens`, ...,
    /// `usd_per_image`, `usd_per_call`.
    #[serde(default)]
    prices: BTreeMap<String, String>,
    /// Prices for long prompts, by rising threshold.
    #[serde(default)]
    tiers: Vec<NewTier>,
    /// Most tokens of prompt and answer together.
    #[serde(default)]
    context_window_tokens: Option<u64>,
    /// Most tokens of one answer.
    #[serde(default)]
    output_max_tokens: Option<u64>,
}

/// Prices for long prompts.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTier {
    /// They hold for prompts of more tokens than this.
    above_prompt_tokens: u64,
    /// Decimal texts by name, as in `prices` of the row.
    prices: BTreeMap<String, String>,
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ModelSearch {
    /// A part of `provider/model`.
    search: String,
    /// `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 1000; 50 if absent.
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

/// List the prices of models, by provider and model.
#[utoipa::path(
    get, path = "/model-prices", tag = "model prices", params(ModelSearch),
    responses((status = 200, description = "A page of them.", body = Page<ModelPriceRow>), Failures)
)]
async fn list_model_prices(
    State(web): State<Web>,
    Asked(query): Asked<ModelSearch>,
) -> Result<Page<ModelPriceRow>, Problem> {
    let wanted = query.search.to_lowercase();
    let book = stored(&web).await?;
    let found = book.prices().iter().filter(|price| name(price).to_lowercase().contains(&wanted)).map(row).collect();
    let part = Part { after: query.after, limit: query.limit };
    Page::cut(found, &part, |row: &ModelPriceRow| format!("{}/{}", row.provider, row.model))
}

/// Set the price of a model by hand. It holds from the next request on, and imports leave it alone.
#[utoipa::path(
    post, path = "/model-prices", tag = "model prices", request_body = NewModelPrice,
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once.")),
    responses((status = 201, description = "The price.", body = ModelPriceRow), Failures)
)]
async fn set_model_price(State(web): State<Web>, sent: Sent<NewModelPrice>) -> Answer {
    let today = web.store().now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    let price = by_hand(&sent.value, today)?;
    let others = stored(&web).await?.prices().iter().filter(|other| name(other) != name(&price)).cloned().collect();
    // A book with two rows for one name could not be used at all.
    whole(others, vec![price.clone()])?;
    let mut deed = Deed::begin(&web, sent.once).await?;
    deed.change().set_model_prices(&definitions(std::slice::from_ref(&price))?).await?;
    deed.created(&row(&price)).await
}

/// The book as it is stored.
pub(super) async fn stored(web: &Web) -> Result<PriceBook, Problem> {
    let rows = web.store().model_prices().await?;
    PriceBook::from_rows(rows.iter().map(|(_, row)| &row.0))
        .map_err(|error| Problem::conflict(format!("the stored price book cannot be read: {error}")))
}

/// A row's name in the store.
pub(super) fn name(price: &ModelPrice) -> String {
    format!("{}/{}", price.provider, price.model)
}

/// Rows as they are stored.
pub(super) fn definitions(prices: &[ModelPrice]) -> Result<Vec<(String, ModelPriceDefinition)>, Problem> {
    let book = PriceBook::new(prices.to_vec()).map_err(|taken| Problem::conflict(taken.to_string()))?;
    Ok(book.rows().map(|(price, row)| (name(price), ModelPriceDefinition(row))).collect())
}

/// The book of `others` and `new`.
///
/// # Errors
/// 409 if a name would lead to two rows.
pub(super) fn whole(others: Vec<ModelPrice>, new: Vec<ModelPrice>) -> Result<PriceBook, Problem> {
    PriceBook::new(others.into_iter().chain(new).collect()).map_err(|taken| Problem::conflict(taken.to_string()))
}

fn by_hand(new: &NewModelPrice, today: jiff::civil::Date) -> Result<ModelPrice, Problem> {
    let is_name = |text: &str| (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let names = [("provider", &new.provider), ("model", &new.model)];
    for (field, text) in names.into_iter().chain(new.aliases.iter().map(|alias| ("aliases", alias))) {
        if !is_name(text) {
            return Err(Problem::invalid(field, "1 to 200 visible ASCII characters"));
        }
    }
    let base = rates("prices", &new.prices)?;
    let is_empty = new.prices.is_empty() && new.tiers.is_empty();
    if new.free != is_empty {
        return Err(Problem::invalid("free", "true and no prices, or prices and not `free`"));
    }
    let tiers = new.tiers.iter().enumerate().map(|(index, tier)| {
        let rates = rates(&format!("tiers[{index}].prices"), &tier.prices)?;
        Ok(Tier { above: tier.above_prompt_tokens, rates })
    });
    let tiers = tiers.collect::<Result<Box<[_]>, Problem>>()?;
    let price = ModelPrice {
        provider: new.provider.as_str().into(),
        model: new.model.as_str().into(),
        aliases: new.aliases.iter().map(|alias| alias.as_str().into()).collect(),
        terms: if new.free { Terms::Free } else { Terms::Priced(PriceList { base, tiers }) },
        context_window: new.context_window_tokens,
        output_max: new.output_max_tokens,
        source: BY_HAND.into(),
        verified_on: today,
        status: Status::Verified,
    };
    // Reading the row back applies the bounds that an import applies: a slipped comma is no price.
    let book = PriceBook::new(vec![price.clone()]).map_err(|taken| Problem::invalid("aliases", taken.to_string()))?;
    let rows: Vec<_> = book.rows().map(|(_, row)| row).collect();
    PriceBook::from_rows(&rows).map_err(|bad| match bad {
        BadSnapshot::Row { column: "tiers", expected, .. } => Problem::invalid("tiers", expected),
        BadSnapshot::Row { column, expected, .. } => Problem::invalid(format!("prices.{column}"), expected),
        other => Problem::invalid("prices", other.to_string()),
    })?;
    Ok(price)
}

fn rates(field: &str, prices: &BTreeMap<String, String>) -> Result<Rates, Problem> {
    let mut rates = Rates::NONE;
    for (name, text) in prices {
        let wrong = |expected: String| Problem::invalid(format!("{field}.{name}"), expected);
        let Some((_, meter, units)) = FIGURES.iter().find(|(known, ..)| known == name) else {
            let known: Vec<&str> = FIGURES.iter().map(|(known, ..)| *known).collect();
            return Err(wrong(format!("one of {}", known.join(", "))));
        };
        let rate: Rate = text.parse().map_err(|error| wrong(format!("a price: {error}")))?;
        if rate.picos() <= 0 {
            return Err(wrong("a price above 0; a model that costs nothing says `free`".to_owned()));
        }
        if rate.picos() % units != 0 {
            return Err(wrong("at most 6 decimal places for a million".to_owned()));
        }
        rates = rates.with(*meter, Rate::from_picos(rate.picos().div_euclid(*units)));
    }
    Ok(rates)
}

/// A price as it is shown.
pub(super) fn row(price: &ModelPrice) -> ModelPriceRow {
    let (free, base, tiers) = match &price.terms {
        Terms::Free => (true, Rates::NONE, &[][..]),
        Terms::Priced(list) => (false, list.base, &list.tiers[..]),
    };
    ModelPriceRow {
        provider: price.provider.to_string(),
        model: price.model.to_string(),
        aliases: price.aliases.iter().map(ToString::to_string).collect(),
        free,
        prices: figures(&base),
        tiers: tiers
            .iter()
            .map(|tier| TierRow { above_prompt_tokens: tier.above, prices: figures(&tier.rates) })
            .collect(),
        context_window_tokens: price.context_window,
        output_max_tokens: price.output_max,
        source: price.source.to_string(),
        status: match price.status {
            Status::Verified => "verified",
            Status::Unverified => "unverified",
        },
        verified_on: price.verified_on.to_string(),
    }
}

fn figures(rates: &Rates) -> BTreeMap<&'static str, String> {
    let figure = |(name, meter, units): (&'static str, Meter, i64)| {
        let rate = rates.get(meter)?;
        Some((name, decimal(rate, units)))
    };
    FIGURES.into_iter().filter_map(figure).collect()
}

/// `rate` for so many units, without zeros at the end.
fn decimal(rate: Rate, units: i64) -> String {
    let picos = i128::from(rate.picos()) * i128::from(units);
    let (whole, rest) = (picos.div_euclid(1_000_000_000_000), picos.rem_euclid(1_000_000_000_000));
    let text = format!("{whole}.{rest:012}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ModelPriceRow, String> {
        let new: NewModelPrice = serde_json::from_str(json).unwrap();
        let price = by_hand(&new, jiff::civil::date(2026, 11, 21));
        price.map(|price| row(&price)).map_err(|problem| {
            let problem = serde_json::to_value(problem.members()).unwrap();
            problem["detail"].as_str().unwrap().to_owned()
        })
    }

    #[test]
    fn a_price_set_by_hand_is_shown_as_it_was_set() {
        let row = read(
            r#"{"provider":"acme","model":"large/2","prices":{"usd_per_million_input_tokens":"2.50",
                "usd_per_million_output_tokens":"10"},
                "tiers":[{"above_prompt_tokens":200000,"prices":{"usd_per_million_input_tokens":"5"}}]}"#,
        )
        .unwrap();
        assert_eq!(row.prices["usd_per_million_input_tokens"], "2.5");
        assert_eq!(row.tiers[0].prices["usd_per_million_input_tokens"], "5");
        assert!(read(r#"{"provider":"acme","model":"small","free":true}"#).unwrap().free);
    }

    #[test]
    fn free_must_be_said_and_absurd_prices_are_refused() {
        let with = |prices: &str| read(&format!(r#"{{"provider":"acme","model":"m","prices":{{{prices}}}}}"#));
        assert!(with("").unwrap_err().starts_with("free: expected true and no prices"));
        assert!(with(r#""usd_per_million_input_tokens":"0""#).unwrap_err().contains("a price above 0"));
        assert!(with(r#""usd_per_million_input_tokens":"-1""#).unwrap_err().contains("a price above 0"));
        assert!(with(r#""usd_per_million_input_tokens":"2500000""#).unwrap_err().contains("a price that can be"));
        assert!(with(r#""usd_per_million_input_tokens":"0.0000001""#).unwrap_err().contains("decimal places"));
        assert!(with(r#""usd_per_token":"1""#).unwrap_err().starts_with("prices.usd_per_token: expected one of"));
        let both = r#"{"provider":"a","model":"m","free":true,"prices":{"usd_per_call":"1"}}"#;
        assert!(read(both).unwrap_err().starts_with("free:"));
        assert!(read(r#"{"provider":"a b","model":"m","free":true}"#).unwrap_err().starts_with("provider:"));
    }
}
