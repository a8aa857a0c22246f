//! Amounts, prices per unit, and the one place where rounding is named.
//!
//! Money is an integer count of nano-units (10⁻⁹ of the currency) in an `i64`: ±9.2 billion units.
//! A price per unit is an exact decimal with 12 places ([`Rate`]). Products are formed in `i128`.
//! No floating point value ever holds money.

mod amount;
mod currency;
mod decimal;
mod rate;
mod rounding;

pub use amount::{Money, Nanos, Overflow};
pub use currency::{Currency, InvalidCurrency};
pub use decimal::InvalidDecimal;
pub use rate::{Factor, Picos, Rate};
pub use rounding::{round_half_away, split};
