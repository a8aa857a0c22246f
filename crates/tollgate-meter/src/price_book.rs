//! What models cost.
//!
//! A [`PriceBook`] is an immutable table: one [`ModelPrice`] per provider and model, found by its
//! exact id or an alias that the row names. Never by prefix, never ignoring case: a look-alike must
//! not be priced as the model that it resembles, and a model that is not in the book is refused, not
//! free.
//!
//! Books are made from two public price lists ([`import_litellm`], [`import_genai_prices`]), [merged](merge)
//! so that a disagreement is visible and the dearer figure holds, and kept as a dated snapshot
//! ([`PriceBook::to_snapshot`]). Prices are read as the decimal texts that they are; no figure is
//! ever a floating point number, and one that is finer than a [`Rate`] can hold is refused.
//!
//! [`Rate`]: tollgate_core::money::Rate

mod book;
mod figure;
mod genai_prices;
mod import;
mod litellm;
mod merging;
mod model_price;
mod rates;
mod snapshot;

pub use book::{NameTaken, PriceBook};
pub use genai_prices::import_genai_prices;
pub use import::{Import, Rejected, Rejection, UnreadableList};
pub use litellm::import_litellm;
pub use merging::{Conflict, Merged, merge};
pub use model_price::{ModelPrice, NoCost, PriceList, Status, Terms, Tier, Unpriced};
pub use rates::Rates;
pub use snapshot::{BadSnapshot, SHIPPED};

#[cfg(test)]
mod tests;
