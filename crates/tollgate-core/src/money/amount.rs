//! Amounts of money in nano-units.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use super::decimal::{self, InvalidDecimal};
use super::{Currency, round_half_away};

/// An amount in nano-units of a currency that the context names (10⁻⁹; 1.00 is 1,000,000,000).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(i64);

/// A sum or product that no longer fits into an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is larger than 9.2 billion")]
pub struct Overflow;

impl Nanos {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);
    /// Nano-units in one unit.
    pub const PER_UNIT: i64 = 1_000_000_000;

    /// The amount of `nanos` nano-units.
    #[must_use]
    pub const fn new(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount of `units` whole units; for constants and tests.
    ///
    /// # Panics
    /// If the amount does not fit.
    #[must_use]
    pub const fn units(units: i64) -> Self {
        match units.checked_mul(Self::PER_UNIT) {
            Some(nanos) => Self(nanos),
            None => panic!("amount out of range"),
        }
    }

    /// The count of nano-units.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whether the amount is exactly nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether the amount is more than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The sum, or [`Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// The difference, or [`Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(Overflow)
    }

    /// The sum, held at the ends of the range. Only for figures that are compared or shown.
    #[must_use]
    pub const fn saturating_plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, held at the ends of the range. Only for figures that are compared or shown.
    #[must_use]
    pub const fn saturating_minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This amount, but not less than nothing.
    #[must_use]
    pub fn at_least_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// Rounded half away from zero to the minor unit of `currency` (cents for USD).
    ///
    /// # Errors
    /// [`Overflow`] at the very end of the range.
    pub fn rounded_to_minor(self, currency: Currency) -> Result<Self, Overflow> {
        let step = 10_i128.pow(9 - currency.minor_places());
        let minor = round_half_away(i128::from(self.0), step);
        i64::try_from(minor * step).map(Self).map_err(|_| Overflow)
    }

    /// Rounded up to the minor unit of `currency`: what must be paid to cover this amount.
    #[must_use]
    pub fn ceil_to_minor(self, currency: Currency) -> Self {
        let step = 10_i64.pow(9 - currency.minor_places());
        let over = self.0.rem_euclid(step);
        if over == 0 { self } else { Self(self.0.saturating_add(step - over)) }
    }
}

impl TryFrom<i128> for Nanos {
    type Error = Overflow;

    fn try_from(nanos: i128) -> Result<Self, Overflow> {
        i64::try_from(nanos).map(Self).map_err(|_| Overflow)
    }
}

/// Saturating, for figures that are compared or shown.
impl Sum for Nanos {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::saturating_plus)
    }
}

/// A decimal number with at least two places: `0.42`, `0.0000025`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, i128::from(self.0), 9, 2)
    }
}

impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Nanos {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let nanos = decimal::parse(text, 9)?;
        i64::try_from(nanos).map(Self).map_err(|_| InvalidDecimal::TooLarge)
    }
}

/// An amount together with its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// How much.
    pub amount: Nanos,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// `amount` of `currency`.
    #[must_use]
    pub const fn new(amount: Nanos, currency: Currency) -> Self {
        Self { amount, currency }
    }
}

/// As people write it in a sentence: `USD 0.42`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_survive_their_text() {
        for text in ["0.00", "0.42", "-3.50", "9223372036.854775807", "0.000000001"] {
            assert_eq!(text.parse::<Nanos>().unwrap().to_string(), text);
        }
        assert_eq!("9223372036.854775808".parse::<Nanos>(), Err(InvalidDecimal::TooLarge));
    }

    #[test]
    fn rounding_to_the_minor_unit_is_half_away_from_zero() {
        let round = |text: &str, code: &str| {
            text.parse::<Nanos>().unwrap().rounded_to_minor(code.parse().unwrap()).unwrap().to_string()
        };
        assert_eq!(round("2.875", "USD"), "2.88");
        assert_eq!(round("-2.875", "USD"), "-2.88");
        assert_eq!(round("2.8749", "USD"), "2.87");
        assert_eq!(round("322.58", "JPY"), "323.00");
        // V58 of the golden vectors: a residue below the nano is not representable here at all.
        assert_eq!(round("17.969999999", "EUR"), "17.97");
    }

    #[test]
    fn what_must_be_paid_is_rounded_up() {
        let ceil = |text: &str| text.parse::<Nanos>().unwrap().ceil_to_minor(Currency::USD).to_string();
        assert_eq!((ceil("0.88"), ceil("0.880000001")), ("0.88".to_owned(), "0.89".to_owned()));
    }
}
