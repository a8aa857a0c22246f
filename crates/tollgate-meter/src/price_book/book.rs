//! The table, and how a price is found in it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::ModelPrice;

/// Prices by provider and model. Immutable: a change is a new book.
#[derive(Debug, Clone, Default)]
pub struct PriceBook {
    prices: Vec<ModelPrice>,
    /// Places in `prices`, by provider, then by id or alias.
    names: HashMap<Box<str>, HashMap<Box<str>, usize>>,
}

/// Two rows of one provider claim the same id or alias.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{provider}/{name} is named by two rows")]
pub struct NameTaken {
    /// The provider.
    pub provider: Box<str>,
    /// The id or alias.
    pub name: Box<str>,
}

impl PriceBook {
    /// A book of `prices`, which it sorts by provider and model.
    ///
    /// # Errors
    /// [`NameTaken`] if an id or alias would lead to two rows.
    pub fn new(mut prices: Vec<ModelPrice>) -> Result<Self, NameTaken> {
        prices.sort_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
        let mut names: HashMap<Box<str>, HashMap<Box<str>, usize>> = HashMap::new();
        for (place, price) in prices.iter().enumerate() {
            let of_provider = names.entry(price.provider.clone()).or_default();
            for name in std::iter::once(&price.model).chain(&price.aliases) {
                match of_provider.entry(name.clone()) {
                    Entry::Vacant(free) => drop(free.insert(place)),
                    Entry::Occupied(_) => {
                        return Err(NameTaken { provider: price.provider.clone(), name: name.clone() });
                    }
                }
            }
        }
        Ok(Self { prices, names })
    }

    /// The price of the model that `provider` knows by exactly this id or alias.
    #[must_use]
    pub fn get(&self, provider: &str, model: &str) -> Option<&ModelPrice> {
        let place = self.names.get(provider)?.get(model)?;
        self.prices.get(*place)
    }

    /// Every price, by provider and model.
    #[must_use]
    pub fn prices(&self) -> &[ModelPrice] {
        &self.prices
    }
}
