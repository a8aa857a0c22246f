//! What a configuration declares: prices, plans, add-ons, APIs, prices of models.

use std::collections::HashMap;

use serde::Deserialize;
use tollgate_meter::price_book::{ModelPrice, PriceBook};
use tollgate_store::catalogue::Item;
use tollgate_store::definition::{
    AddOnDefinition, ApiDefinition, ModelPriceDefinition, PlanDefinition, PriceDefinition,
};
use tollgate_store::{Store, StoreError};
use toml::Spanned;

use super::{ConfigError, Environment, ModelPriceEntry, Source, expand};

/// The tables as they are written.
pub(super) struct Tables {
    pub(super) prices: Vec<Spanned<PriceDefinition>>,
    pub(super) plans: Vec<Spanned<PlanDefinition>>,
    pub(super) add_ons: Vec<Spanned<AddOnDefinition>>,
    pub(super) apis: Vec<Spanned<ApiDefinition>>,
    pub(super) model_prices: Vec<Spanned<ModelPriceEntry>>,
    pub(super) price_book: PriceBookSource,
}

/// Where the prices of models come from besides those written by hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceBookSource {
    /// From nowhere.
    #[default]
    None,
    /// From the snapshot that Tollgate ships with.
    Shipped,
}

/// What is to be published, checked.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Prices.
    pub prices: Vec<PriceDefinition>,
    /// Plans.
    pub plans: Vec<PlanDefinition>,
    /// Add-ons.
    pub add_ons: Vec<AddOnDefinition>,
    /// APIs.
    pub apis: Vec<ApiDefinition>,
    /// Prices of models.
    pub model_prices: Vec<ModelPrice>,
    /// Where further prices of models come from.
    pub price_book: PriceBookSource,
}

impl Tables {
    /// Checks every table. Returns what is declared and the environment variables that it names.
    pub(super) fn check(
        self,
        source: &Source<'_>,
        environment: &dyn Environment,
        errors: &mut Vec<ConfigError>,
    ) -> (Declared, HashMap<String, String>) {
        let mut secrets = HashMap::new();
        for api in &self.apis {
            let upstreams = api.get_ref().upstream.iter();
            let values = upstreams.flat_map(|upstream| {
                let headers = upstream.headers.values().map(|value| ("headers", value));
                headers.chain(upstream.keys.iter().map(|value| ("keys", value)))
            });
            for (member, value) in values {
                for name in expand::names(value) {
                    match environment.get(name) {
                        Some(value) => {
                            secrets.insert(name.to_owned(), value);
                        }
                        None => {
                            let message = format!(
                                "api {}, upstream.{member}: expected the environment variable {name} to be set",
                                api.get_ref().key
                            );
                            errors.push(source.at(Some(api.span().start), message));
                        }
                    }
                }
            }
        }
        let mut model_prices = Vec::new();
        for entry in self.model_prices {
            match entry.get_ref().to_price() {
                Ok(price) => model_prices.push(price),
                Err(message) => {
                    let message = format!("model_price {}: {message}", entry.get_ref().model);
                    errors.push(source.at(Some(entry.span().start), message));
                }
            }
        }
        let declared = Declared {
            prices: checked(self.prices, source, errors),
            plans: checked(self.plans, source, errors),
            add_ons: checked(self.add_ons, source, errors),
            apis: checked(self.apis, source, errors),
            model_prices,
            price_book: self.price_book,
        };
        (declared, secrets)
    }
}

fn checked<T: Item>(tables: Vec<Spanned<T>>, source: &Source<'_>, errors: &mut Vec<ConfigError>) -> Vec<T> {
    let mut seen = std::collections::HashSet::new();
    tables
        .into_iter()
        .map(|table| {
            let start = table.span().start;
            let item = table.into_inner();
            if let Err(error) = item.check() {
                errors.push(source.at(Some(start), format!("{} {}: {error}", T::KIND, item.key())));
            }
            if !seen.insert(item.key().to_owned()) {
                errors.push(
                    source.at(Some(start), format!("{} {}: expected a key that occurs once", T::KIND, item.key())),
                );
            }
            item
        })
        .collect()
}

impl Declared {
    /// Publishes what differs from what is published, all of it or nothing.
    ///
    /// # Errors
    /// If the database does not answer or a definition is refused.
    pub async fn publish(&self, store: &Store) -> Result<(), StoreError> {
        let mut change = store.change("config").await?;
        for price in &self.prices {
            change.publish(price).await?;
        }
        for plan in &self.plans {
            change.publish(plan).await?;
        }
        for add_on in &self.add_ons {
            change.publish(add_on).await?;
        }
        for api in &self.apis {
            change.publish(api).await?;
        }
        let rows = self.model_price_rows()?;
        if !rows.is_empty() {
            change.set_model_prices(&rows).await?;
        }
        change.commit().await
    }

    /// What is to be stored: every name once, so that nothing is written twice and undone by the next start.
    fn model_price_rows(&self) -> Result<Vec<(String, ModelPriceDefinition)>, StoreError> {
        let taken = |error: &dyn std::fmt::Display| StoreError::Conflict(format!("model_price: {error}"));
        let by_hand = PriceBook::new(self.model_prices.clone()).map_err(|error| taken(&error))?;
        let mut prices = by_hand.prices().to_vec();
        if self.price_book == PriceBookSource::Shipped {
            let shipped = PriceBook::shipped().map_err(|error| taken(&error))?;
            prices.extend(shipped.prices().iter().filter_map(|price| beside(&by_hand, price)));
        }
        let book = PriceBook::new(prices).map_err(|error| taken(&error))?;
        Ok(book.rows().map(row).collect())
    }
}

/// What is left of a shipped price beside those that were written by hand: nothing under a name that one of
/// them has.
fn beside(by_hand: &PriceBook, shipped: &ModelPrice) -> Option<ModelPrice> {
    let is_free = |name: &str| by_hand.get(&shipped.provider, name).is_none();
    let aliases = shipped.aliases.iter().filter(|alias| is_free(alias)).cloned().collect();
    is_free(&shipped.model).then(|| ModelPrice { aliases, ..shipped.clone() })
}

/// A row as it is stored: by provider and model.
fn row((price, row): (&ModelPrice, serde_json::Value)) -> (String, ModelPriceDefinition) {
    (format!("{}/{}", price.provider, price.model), ModelPriceDefinition(row))
}
