//! A price book as a file: one JSON document, a row per line, prices as decimal texts.
//!
//! The header names the columns, and the name of a price column names its unit. A row leaves out
//! what is empty at its end. Written and read without a loss.

use std::fmt::Write;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;
use tollgate_core::meter::Meter;
use tollgate_core::money::Rate;

use super::figure::{self, Per};
use super::{ModelPrice, NameTaken, PriceBook, PriceList, Rates, Status, Terms, Tier};

/// The snapshot that this version ships with; `data/NOTICE.md` names its sources.
pub const SHIPPED: &str = include_str!("../../data/prices-2026-11.json");

/// What a document must call itself.
const FORMAT: &str = "tollgate-prices/1";

/// The columns before the prices.
const HEAD: [&str; 6] = ["provider", "model", "status", "source", "context_window_tokens", "output_max_tokens"];
/// The price columns.
const PRICES: [(&str, Meter, Per); 10] = [
    ("usd_per_million_input_tokens", Meter::InputTokens, Per::Million),
    ("usd_per_million_output_tokens", Meter::OutputTokens, Per::Million),
    ("usd_per_million_cached_input_tokens", Meter::CachedInputTokens, Per::Million),
    ("usd_per_million_cache_write_5m_tokens", Meter::CacheWrite5mTokens, Per::Million),
    ("usd_per_million_cache_write_1h_tokens", Meter::CacheWrite1hTokens, Per::Million),
    ("usd_per_million_reasoning_tokens", Meter::ReasoningTokens, Per::Million),
    ("usd_per_million_audio_input_tokens", Meter::AudioInputTokens, Per::Million),
    ("usd_per_million_audio_output_tokens", Meter::AudioOutputTokens, Per::Million),
    ("usd_per_image", Meter::Images, Per::One),
    ("usd_per_call", Meter::Calls, Per::One),
];
/// The columns behind the prices. A tier is its threshold in prompt tokens and its prices, in the
/// order of the price columns.
const TAIL: [&str; 4] = ["aliases", "tiers", "verified_on", "free"];
/// Price columns that came later: behind the others, so that rows written before can still be read.
const MORE_PRICES: [(&str, Meter, Per); 5] = [
    ("usd_per_million_cached_audio_input_tokens", Meter::CachedAudioInputTokens, Per::Million),
    ("usd_per_million_image_input_tokens", Meter::ImageInputTokens, Per::Million),
    ("usd_per_million_image_output_tokens", Meter::ImageOutputTokens, Per::Million),
    ("usd_per_audio_input_second", Meter::AudioInputSeconds, Per::One),
    ("usd_per_million_input_characters", Meter::InputCharacters, Per::Million),
];
const ALIASES: usize = HEAD.len() + PRICES.len();
const TIERS: usize = ALIASES + 1;
const VERIFIED_ON: usize = ALIASES + 2;
const FREE: usize = ALIASES + 3;
const MORE: usize = ALIASES + TAIL.len();

/// A snapshot that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadSnapshot {
    /// It is no JSON document of this form.
    #[error("the price snapshot cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It has another format or other columns.
    #[error("the price snapshot has another format: expected `{FORMAT}` with the columns {}", columns().join(", "))]
    OtherFormat,
    /// A row has a bad value.
    #[error("row {row} of the price snapshot, {column}: expected {expected}")]
    Row {
        /// Its number, from 1.
        row: usize,
        /// The column.
        column: &'static str,
        /// What should have stood there.
        expected: &'static str,
    },
    /// Two rows have one name.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
}

#[derive(Deserialize)]
struct Document {
    format: String,
    verified_on: Date,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl PriceBook {
    /// The book of the [`SHIPPED`] snapshot.
    ///
    /// # Errors
    /// None as shipped; a test reads it.
    pub fn shipped() -> Result<Self, BadSnapshot> {
        Self::from_snapshot(SHIPPED)
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// [`BadSnapshot`] with the row and column of the first flaw. Prices are held to the same bounds as
    /// those of an import, and zero is none: a free row says so in its own column.
    pub fn from_snapshot(json: &str) -> Result<Self, BadSnapshot> {
        let document: Document = serde_json::from_str(json)?;
        let is_known = document.columns.len() >= MORE && columns().iter().zip(&document.columns).all(|(a, b)| a == b);
        if document.format != FORMAT || !is_known || document.columns.len() > columns().len() {
            return Err(BadSnapshot::OtherFormat);
        }
        let prices = document.rows.iter().enumerate().map(|(index, cells)| {
            let row = Row { cells, number: index + 1 };
            row.price(document.verified_on)
        });
        Ok(Self::new(prices.collect::<Result<_, _>>()?)?)
    }

    /// Reads rows as [`rows`](Self::rows) writes them.
    ///
    /// # Errors
    /// [`BadSnapshot`] with the row and column of the first flaw.
    pub fn from_rows<'a>(rows: impl IntoIterator<Item = &'a Value>) -> Result<Self, BadSnapshot> {
        let price = |(index, row): (usize, &Value)| {
            let cells = row.as_array().ok_or(BadSnapshot::OtherFormat)?;
            Row { cells, number: index + 1 }.price(Date::MIN)
        };
        let prices = rows.into_iter().enumerate().map(price);
        Ok(Self::new(prices.collect::<Result<_, _>>()?)?)
    }

    /// Every price as a row that stands for itself, with its day: how prices are kept one by one.
    pub fn rows(&self) -> impl Iterator<Item = (&ModelPrice, Value)> {
        self.prices().iter().map(|price| (price, Value::from(cells(price, Date::MIN))))
    }

    /// Writes the book as a snapshot; `verified_on` is the day of every row that does not say another.
    #[must_use]
    pub fn to_snapshot(&self, verified_on: Date) -> String {
        let columns = Value::from(columns());
        let mut json =
            format!("{{\"format\":\"{FORMAT}\",\"verified_on\":\"{verified_on}\",\"columns\":{columns},\"rows\":[");
        for (index, price) in self.prices().iter().enumerate() {
            let separator = if index == 0 { "\n" } else { ",\n" };
            // Writing to a String cannot fail.
            let _ = write!(json, "{separator}{}", Value::from(cells(price, verified_on)));
        }
        json.push_str("\n]}\n");
        json
    }
}

fn columns() -> Vec<&'static str> {
    let names = |prices: &[(&'static str, Meter, Per)]| prices.iter().map(|&(name, ..)| name).collect::<Vec<_>>();
    HEAD.into_iter().chain(names(&PRICES)).chain(TAIL).chain(names(&MORE_PRICES)).collect()
}

fn cells(price: &ModelPrice, verified_on: Date) -> Vec<Value> {
    let status = match price.status {
        Status::Verified => "verified",
        Status::Unverified => "unverified",
    };
    let mut cells: Vec<Value> = vec![
        (*price.provider).into(),
        (*price.model).into(),
        status.into(),
        (*price.source).into(),
        price.context_window.into(),
        price.output_max.into(),
    ];
    let list = match &price.terms {
        Terms::Free => &PriceList::default(),
        Terms::Priced(list) => list,
    };
    cells.extend(price_cells(&PRICES, &list.base));
    let aliases: Vec<&str> = price.aliases.iter().map(|alias| &**alias).collect();
    let tiers: Vec<Vec<Value>> = list.tiers.iter().map(tier_cells).collect();
    cells.push(if aliases.is_empty() { Value::Null } else { aliases.into() });
    cells.push(if tiers.is_empty() { Value::Null } else { tiers.into() });
    cells.push(if price.verified_on == verified_on { Value::Null } else { price.verified_on.to_string().into() });
    cells.push(if price.terms == Terms::Free { true.into() } else { Value::Null });
    cells.extend(price_cells(&MORE_PRICES, &list.base));
    without_empty_end(cells)
}

fn tier_cells(tier: &Tier) -> Vec<Value> {
    let mut cells = vec![tier.above.into()];
    cells.extend(price_cells(&PRICES, &tier.rates));
    cells.extend(price_cells(&MORE_PRICES, &tier.rates));
    without_empty_end(cells)
}

fn price_cells(columns: &[(&str, Meter, Per)], rates: &Rates) -> impl Iterator<Item = Value> {
    columns.iter().map(|&(_, meter, per)| {
        let text = |rate: Rate| if per == Per::Million { figure::per_million(rate) } else { rate.to_string() };
        rates.get(meter).map(text).into()
    })
}

fn without_empty_end(mut cells: Vec<Value>) -> Vec<Value> {
    while cells.pop_if(|cell| cell.is_null()).is_some() {}
    cells
}

/// A row while it is read.
struct Row<'a> {
    cells: &'a [Value],
    number: usize,
}

impl Row<'_> {
    fn price(&self, verified_on: Date) -> Result<ModelPrice, BadSnapshot> {
        let text = |place: usize| {
            let text = self.cell(place).as_str().filter(|text| !text.is_empty());
            text.ok_or_else(|| self.bad(HEAD[place], "a text"))
        };
        let limit = |place: usize| match self.cell(place) {
            Value::Null => Ok(None),
            value => value.as_u64().map(Some).ok_or_else(|| self.bad(HEAD[place], "a number of tokens")),
        };
        let status = match text(2)? {
            "verified" => Status::Verified,
            "unverified" => Status::Unverified,
            _ => return Err(self.bad("status", "`verified` or `unverified`")),
        };
        let own_day = match self.cell(VERIFIED_ON) {
            Value::Null => None,
            day => Some(day.as_str().and_then(|day| day.parse().ok()).ok_or_else(|| self.bad("verified_on", "a day"))?),
        };
        Ok(ModelPrice {
            provider: text(0)?.into(),
            model: text(1)?.into(),
            aliases: self.aliases()?,
            terms: self.terms()?,
            context_window: limit(4)?,
            output_max: limit(5)?,
            source: text(3)?.into(),
            verified_on: own_day.unwrap_or(verified_on),
            status,
        })
    }

    fn terms(&self) -> Result<Terms, BadSnapshot> {
        let at = |place: usize| self.cells.get(place..).unwrap_or_default();
        let base = self.rates(Rates::NONE, &PRICES, at(HEAD.len()))?;
        let base = self.rates(base, &MORE_PRICES, at(MORE))?;
        match self.cell(FREE) {
            Value::Null if base.iter().next().is_some() => Ok(Terms::Priced(PriceList { base, tiers: self.tiers()? })),
            Value::Null => Err(self.bad("free", "true in a row without prices")),
            Value::Bool(true) if base == Rates::NONE => Ok(Terms::Free),
            _ => Err(self.bad("free", "true, and no prices beside it")),
        }
    }

    fn aliases(&self) -> Result<Box<[Box<str>]>, BadSnapshot> {
        let expected = || self.bad("aliases", "an array of texts");
        self.array(ALIASES, "aliases")?
            .iter()
            .map(|alias| alias.as_str().map(Into::into).ok_or_else(expected))
            .collect()
    }

    fn tiers(&self) -> Result<Box<[Tier]>, BadSnapshot> {
        let expected = || self.bad("tiers", "arrays of a rising threshold and prices");
        let mut below = 0;
        self.array(TIERS, "tiers")?
            .iter()
            .map(|tier| {
                let (above, prices) = tier.as_array().and_then(|tier| tier.split_first()).ok_or_else(expected)?;
                let above = above.as_u64().filter(|&above| above > below).ok_or_else(expected)?;
                below = above;
                let rates = self.rates(Rates::NONE, &PRICES, prices)?;
                let more = prices.get(PRICES.len()..).unwrap_or_default();
                Ok(Tier { above, rates: self.rates(rates, &MORE_PRICES, more)? })
            })
            .collect()
    }

    /// Adds prices in the order of their `columns` to `rates`.
    fn rates(
        &self,
        mut rates: Rates,
        columns: &[(&'static str, Meter, Per)],
        cells: &[Value],
    ) -> Result<Rates, BadSnapshot> {
        for (&(name, meter, per), cell) in columns.iter().zip(cells) {
            if cell.is_null() {
                continue;
            }
            let rate = cell.as_str().and_then(|text| figure::rate(name, text, meter, per).ok().flatten());
            let expected = "a decimal text of a price that can be, for example \"2.5\"";
            rates = rates.with(meter, rate.ok_or_else(|| self.bad(name, expected))?);
        }
        Ok(rates)
    }

    fn array(&self, place: usize, column: &'static str) -> Result<&[Value], BadSnapshot> {
        match self.cell(place) {
            Value::Null => Ok(&[]),
            Value::Array(cells) => Ok(cells),
            _ => Err(self.bad(column, "an array")),
        }
    }

    fn cell(&self, place: usize) -> &Value {
        self.cells.get(place).unwrap_or(&Value::Null)
    }

    const fn bad(&self, column: &'static str, expected: &'static str) -> BadSnapshot {
        BadSnapshot::Row { row: self.number, column, expected }
    }
}
