//! A test card as it was typed. Its number is never printed and never leaves the process.

use std::fmt;

use tollgate_core::time::Timestamp;

/// A card number with its last month.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    number: String,
    expires: (i16, i8),
}

/// What is wrong with what was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}")]
pub struct BadCard {
    /// `card_number` or `card_expires`.
    pub field: &'static str,
    /// What was expected there.
    pub expected: &'static str,
}

/// Payment card numbers have 12 to 19 digits (ISO/IEC 7812).
const DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

impl Card {
    /// Reads a number with or without gaps, and a month such as `12/30`, `12/2030` or `2030-12`.
    ///
    /// # Errors
    /// [`BadCard`] names the field. The error does not contain the number.
    pub fn parse(number: &str, expires: &str) -> Result<Self, BadCard> {
        let number: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        if !DIGITS.contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadCard { field: "card_number", expected: "the digits of a card number" });
        }
        let expected = "the month until which the card is valid, such as 12/30";
        let expires = month(expires.trim()).ok_or(BadCard { field: "card_expires", expected })?;
        Ok(Self { number, expires })
    }

    /// The number, for whoever looks up what the test card does.
    pub(crate) fn number(&self) -> &str {
        &self.number
    }

    /// The last year and month in which it is valid.
    #[must_use]
    pub const fn expires(&self) -> (i16, i8) {
        self.expires
    }

    /// The last four digits.
    #[must_use]
    pub fn last4(&self) -> &str {
        &self.number[self.number.len() - 4..]
    }

    /// Whose network it belongs to, by the first digits.
    #[must_use]
    pub fn brand(&self) -> &'static str {
        match self.number.as_bytes() {
            [b'4', ..] => "visa",
            [b'5', b'1'..=b'5', ..] | [b'2', b'2'..=b'7', ..] => "mastercard",
            [b'3', b'4' | b'7', ..] => "amex",
            [b'3', b'5', ..] => "jcb",
            [b'3', b'0' | b'6' | b'8' | b'9', ..] => "diners",
            [b'6', b'0' | b'4' | b'5', ..] => "discover",
            _ => "card",
        }
    }

    /// Whether its last month is over.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        let today = now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
        self.expires < (today.year(), today.month())
    }

    /// Whether the last digit checks (Luhn, ISO/IEC 7812-1 annex B).
    pub(crate) fn checks(&self) -> bool {
        let digits = self.number.bytes().rev().map(|b| u32::from(b - b'0'));
        let sum: u32 = digits
            .enumerate()
            .map(|(place, digit)| match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled @ 0..=9) => doubled,
                (_, doubled) => doubled - 9,
            })
            .sum();
        sum.is_multiple_of(10)
    }
}

fn month(text: &str) -> Option<(i16, i8)> {
    let (year, month) = match (text.split_once('/'), text.split_once('-')) {
        (Some((month, year)), _) | (None, Some((year, month))) => (year.trim(), month.trim()),
        (None, None) => return None,
    };
    let year: i16 = match year.len() {
        2 => 2_000 + year.parse::<i16>().ok()?,
        4 => year.parse().ok()?,
        _ => return None,
    };
    let month: i8 = month.parse().ok()?;
    ((2_000..=2_099).contains(&year) && (1..=12).contains(&month)).then_some((year, month))
}

/// What may be shown of it.
impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ending {}", self.brand(), self.last4())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_read_as_people_type_them() {
        for expires in ["12/30", "12/2030", "12 / 30", "2030-12"] {
            let card = Card::parse("4242 4242 4242 4242", expires).unwrap();
            assert_eq!((card.brand(), card.last4(), card.expires()), ("visa", "4242", (2030, 12)));
        }
        assert_eq!(Card::parse("378282246310005", "01/31").unwrap().brand(), "amex");
    }

    #[test]
    fn what_is_no_card_names_the_field_and_not_the_number() {
        for number in ["", "4242", "4242 4242 4242 424x", &"4".repeat(40)] {
            assert_eq!(Card::parse(number, "12/30").unwrap_err().field, "card_number", "{number}");
        }
        for expires in ["", "13/30", "0/30", "1230", "12/1999", "12/30/1", "-"] {
            assert_eq!(Card::parse("4242424242424242", expires).unwrap_err().field, "card_expires", "{expires}");
        }
        let error = Card::parse("4242424242424242", "13/30").unwrap_err().to_string();
        assert!(!error.contains("4242"));
    }

    #[test]
    fn the_last_digit_checks() {
        let checks = |number: &str| Card::parse(number, "12/30").unwrap().checks();
        assert!(checks("4242424242424242") && checks("378282246310005") && checks("5555555555554444"));
        assert!(!checks("4242424242424241"));
    }

    #[test]
    fn the_number_is_not_printed() {
        let card = Card::parse("4000000000009995", "12/30").unwrap();
        assert_eq!(format!("{card:?}"), "visa ending 9995");
    }

    #[test]
    fn a_card_is_valid_through_its_last_month() {
        let card = Card::parse("4242424242424242", "11/26").unwrap();
        assert!(!card.is_expired("2026-11-30T23:59:59Z".parse().unwrap()));
        assert!(card.is_expired("2026-12-01T00:00:00Z".parse().unwrap()));
    }
}
