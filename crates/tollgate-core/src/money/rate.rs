//! Prices per unit, exact to 12 decimal places, and the sums they make.

use std::fmt;
use std::str::FromStr;

use super::decimal::{self, InvalidDecimal};
use super::{Nanos, Overflow};

/// A price per unit of a meter, exact to 12 decimal places: USD 0.0000025 per token is a rate.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(i64);

/// A sum of products of rates and quantities, in 10⁻¹² of the currency, not yet rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Picos(i128);

impl Rate {
    /// Costs nothing.
    pub const ZERO: Self = Self(0);
    const PLACES: u32 = 12;

    /// The rate of `picos` 10⁻¹² units per unit.
    #[must_use]
    pub const fn from_picos(picos: i64) -> Self {
        Self(picos)
    }

    /// The rate in 10⁻¹² units per unit.
    #[must_use]
    pub const fn picos(self) -> i64 {
        self.0
    }

    /// The price of `quantity` units. Cannot overflow: 63 and 64 bits make 127.
    #[must_use]
    pub fn times(self, quantity: u64) -> Picos {
        Picos(i128::from(self.0) * i128::from(quantity))
    }
}

impl Picos {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum of `picos` 10⁻¹² units.
    #[must_use]
    pub const fn from_picos(picos: i128) -> Self {
        Self(picos)
    }

    /// An amount in the finer scale.
    #[must_use]
    pub fn from_nanos(amount: Nanos) -> Self {
        Self(i128::from(amount.get()) * 1_000)
    }

    /// The count of 10⁻¹² units.
    #[must_use]
    pub const fn get(self) -> i128 {
        self.0
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`Overflow`] beyond the range of `i128`.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// The difference, at least nothing.
    #[must_use]
    pub fn minus_at_least_zero(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// This sum times `factor`, for markups and discounts.
    ///
    /// # Errors
    /// [`Overflow`] beyond the range of `i128`.
    pub fn scaled(self, factor: Factor) -> Result<Self, Overflow> {
        let product = self.0.checked_mul(i128::from(factor.0)).ok_or(Overflow)?;
        Ok(Self(product.div_euclid(Factor::ONE_I128) + i128::from(product.rem_euclid(Factor::ONE_I128) != 0)))
    }

    /// Rounded up to the next nano-unit, so that many small requests never add up to nothing.
    ///
    /// # Errors
    /// [`Overflow`] if the amount does not fit.
    pub fn ceil_to_nanos(self) -> Result<Nanos, Overflow> {
        let nanos = self.0.div_euclid(1_000) + i128::from(self.0.rem_euclid(1_000) != 0);
        Nanos::try_from(nanos)
    }
}

/// A multiplier exact to four places: 1.2500 is a markup of 25 %, 0.9000 a discount of 10 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Factor(u32);

impl Factor {
    /// Leaves a price as it is.
    pub const ONE: Self = Self(10_000);
    const ONE_I128: i128 = 10_000;

    /// The multiplier of `ten_thousandths` / 10,000.
    #[must_use]
    pub const fn from_ten_thousandths(ten_thousandths: u32) -> Self {
        Self(ten_thousandths)
    }

    /// The multiplier times 10,000.
    #[must_use]
    pub const fn ten_thousandths(self) -> u32 {
        self.0
    }
}

impl FromStr for Factor {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        u32::try_from(decimal::parse(text, 4)?).map(Self).map_err(|_| InvalidDecimal::TooLarge)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, i128::from(self.0), 4, 0)
    }
}

impl FromStr for Rate {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let picos = decimal::parse(text, Self::PLACES)?;
        i64::try_from(picos).map(Self).map_err(|_| InvalidDecimal::TooLarge)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, i128::from(self.0), 12, 2)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn a_million_tokens_cost_what_the_price_list_says() {
        assert_eq!(rate("0.0000025").times(1_000_000).ceil_to_nanos(), Ok("2.50".parse().unwrap()));
        assert_eq!(rate("0.0025").times(1), Picos::from_nanos(Nanos::new(2_500_000)));
    }

    #[test]
    fn a_fraction_of_a_nano_is_charged_as_one() {
        assert_eq!(rate("0.000000000001").times(1).ceil_to_nanos(), Ok(Nanos::new(1)));
        assert_eq!(rate("0.000000000001").times(1_001).ceil_to_nanos(), Ok(Nanos::new(2)));
        assert_eq!(Picos::ZERO.ceil_to_nanos(), Ok(Nanos::ZERO));
    }

    #[test]
    fn the_largest_product_is_reported_not_wrapped() {
        assert_eq!(Rate::from_picos(i64::MAX).times(u64::MAX).ceil_to_nanos(), Err(Overflow));
    }

    #[test]
    fn markups_round_up() {
        let base = Picos::from_nanos(Nanos::new(1));
        let marked_up = base.scaled("1.25".parse().unwrap()).unwrap();
        assert_eq!(marked_up.get(), 1_250);
        assert_eq!("0.9".parse::<Factor>().unwrap().to_string(), "0.9");
    }
}
