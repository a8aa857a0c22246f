//! Imports `prices.json` of pydantic's genai-prices: USD per million tokens, some 2,300 models.
//!
//! Its figures are checked against the providers' pages every week, with dates and thresholds. Its
//! rules for matching names by prefix and pattern are not taken over: only ids that they name whole
//! become aliases. Prices of variants (batch, flex, priority) are not read.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_core::meter::Meter;

use super::figure::{self, Per};
use super::import::{Draft, Fields, Output, always_searches, read};
use super::{Import, ModelPrice, PriceList, Rejected, Rejection, Status, Terms, UnreadableList};

/// The name under which rows say where they come from.
const SOURCE: &str = "genai-prices";

/// What is read, the meter it prices, and for how many units. Tokens of pictures and videos are one
/// meter, for which the dearer of both prices holds.
const FIGURES: &[(&str, Meter, Per)] = &[
    ("input_mtok", Meter::InputTokens, Per::Million),
    ("input_image_mtok", Meter::ImageInputTokens, Per::Million),
    ("input_video_mtok", Meter::ImageInputTokens, Per::Million),
    ("output_mtok", Meter::OutputTokens, Per::Million),
    ("output_image_mtok", Meter::ImageOutputTokens, Per::Million),
    ("output_video_mtok", Meter::ImageOutputTokens, Per::Million),
    ("cache_read_mtok", Meter::CachedInputTokens, Per::Million),
    ("cache_write_mtok", Meter::CacheWrite5mTokens, Per::Million),
    ("cache_write_1h_mtok", Meter::CacheWrite1hTokens, Per::Million),
    ("output_reasoning_mtok", Meter::ReasoningTokens, Per::Million),
    ("input_audio_mtok", Meter::AudioInputTokens, Per::Million),
    ("output_audio_mtok", Meter::AudioOutputTokens, Per::Million),
    ("cache_audio_read_mtok", Meter::CachedAudioInputTokens, Per::Million),
    ("requests_kcount", Meter::Calls, Per::Thousand),
];

#[derive(Deserialize)]
struct Provider<'a> {
    id: String,
    #[serde(borrow)]
    models: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Model<'a> {
    id: String,
    #[serde(borrow, rename = "match")]
    matches: &'a RawValue,
    #[serde(borrow)]
    prices: &'a RawValue,
    #[serde(borrow)]
    context_window: Option<&'a RawValue>,
}

/// One of several prices of a model.
#[derive(Deserialize)]
struct Conditional<'a> {
    #[serde(borrow)]
    prices: Fields<'a>,
    constraint: Option<Constraint>,
}

/// When a price holds: from a day on, or else for some hours of every day.
#[derive(Deserialize)]
struct Constraint {
    start_date: Option<Date>,
}

#[derive(Deserialize)]
struct Tiered<'a> {
    #[serde(borrow)]
    base: &'a RawValue,
    #[serde(borrow)]
    tiers: Vec<Step<'a>>,
}

#[derive(Deserialize)]
struct Step<'a> {
    #[serde(borrow)]
    start: &'a RawValue,
    #[serde(borrow)]
    price: &'a RawValue,
}

/// Reads the list with the prices that hold on the day `dated`. Where the price depends on the time
/// of day, the dearest hour holds all day.
///
/// # Errors
/// [`UnreadableList`] if `json` is no array of providers. A single bad row is in [`Import::rejected`].
pub fn import_genai_prices(json: &str, dated: Date) -> Result<Import, UnreadableList> {
    let providers: Vec<Provider<'_>> = serde_json::from_str(json)?;
    let mut import = Import::default();
    for provider in &providers {
        let mut ids = BTreeSet::new();
        let first_of_provider = import.rows.len();
        for value in &provider.models {
            let model = read::<Model<'_>>("the row", value);
            let id = model.as_ref().map_or("?", |model| &model.id).to_owned();
            match model.and_then(|model| row(&provider.id, &model, dated)) {
                Ok(row) if ids.insert(row.model.clone()) => import.rows.push(row),
                Ok(_) => reject(&mut import, &provider.id, &id, Rejection::NameTaken),
                Err(why) => reject(&mut import, &provider.id, &id, why),
            }
        }
        // An id goes before an alias, and the first of two equal aliases before the second.
        for row in &mut import.rows[first_of_provider..] {
            let mut aliases = std::mem::take(&mut row.aliases).into_vec();
            aliases.retain(|alias| ids.insert(alias.clone()));
            row.aliases = aliases.into();
        }
    }
    Ok(import)
}

fn reject(import: &mut Import, provider: &str, model: &str, why: Rejection) {
    import.rejected.push(Rejected { model: format!("{provider}/{model}").into(), why });
}

fn row(provider: &str, model: &Model<'_>, dated: Date) -> Result<ModelPrice, Rejection> {
    Ok(ModelPrice {
        provider: provider.into(),
        model: model.id.as_str().into(),
        aliases: aliases(model.matches)?.into_iter().filter(|alias| **alias != *model.id).collect(),
        terms: Terms::Priced(price_list(provider, model, dated)?),
        context_window: model
            .context_window
            .and_then(|window| figure::whole(window.get()))
            .filter(|&window| window > 0),
        output_max: None,
        source: SOURCE.into(),
        verified_on: dated,
        status: Status::Verified,
    })
}

/// The names that a rule gives whole.
fn aliases(rule: &RawValue) -> Result<Vec<Box<str>>, Rejection> {
    let clauses = read::<Fields<'_>>("match", rule)?;
    let mut names = Vec::new();
    if let Some(name) = clauses.get("equals") {
        names.push(read::<String>("match.equals", name)?.into());
    }
    if let Some(any) = clauses.get("or") {
        for rule in read::<Vec<&RawValue>>("match.or", any)? {
            names.extend(aliases(rule)?);
        }
    }
    Ok(names)
}

/// The prices that hold on the day `dated`: the last one that has begun, or dearer ones that hold
/// for some hours of the day.
fn price_list(provider: &str, model: &Model<'_>, dated: Date) -> Result<PriceList, Rejection> {
    let conditionals = if model.prices.get().starts_with('[') {
        read::<Vec<Conditional<'_>>>("prices", model.prices)?
    } else {
        vec![Conditional { prices: read("prices", model.prices)?, constraint: None }]
    };
    let mut draft = Draft::default();
    for conditional in &conditionals {
        match &conditional.constraint {
            Some(Constraint { start_date: Some(begins) }) if *begins > dated => continue,
            Some(Constraint { start_date: None }) => (),
            Some(Constraint { start_date: Some(_) }) | None => draft = Draft::default(),
        }
        add_prices(&mut draft, &conditional.prices, always_searches(provider, &model.id))?;
    }
    // The list does not say what a model answers with; where output has no price, none is assumed.
    draft.finish(if has_output(&conditionals) { Output::Text } else { Output::Any })
}

fn has_output(conditionals: &[Conditional<'_>]) -> bool {
    conditionals.iter().any(|conditional| conditional.prices.contains_key("output_mtok"))
}

fn add_prices(draft: &mut Draft, prices: &Fields<'_>, searches: bool) -> Result<(), Rejection> {
    for (field, value) in prices {
        let known = FIGURES.iter().find(|(known, ..)| known == field);
        let (meter, per) = match known {
            Some(&(_, meter, per)) => (meter, per),
            None if searches && field == "web_searches_kcount" => (Meter::Calls, Per::Thousand),
            None => continue,
        };
        if !value.get().starts_with('{') {
            draft.add(0, field, value.get(), meter, per)?;
            continue;
        }
        let tiered = read::<Tiered<'_>>(field, value)?;
        draft.add(0, field, tiered.base.get(), meter, per)?;
        for step in &tiered.tiers {
            let above = figure::whole(step.start.get()).ok_or_else(|| Rejection::Unreadable(field.as_str().into()))?;
            draft.add(above, field, step.price.get(), meter, per)?;
        }
    }
    Ok(())
}
