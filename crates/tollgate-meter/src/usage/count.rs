//! Reads the counts of a report.

use super::{BadUsage, COUNT_MAX};
use crate::json::{Kind, Scanner, whole_number};

/// A count that includes others, with its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole {
    pub count: u64,
    pub name: &'static str,
}

/// A count that `whole` includes, zero where it is absent.
pub(crate) fn part(count: Option<u64>, name: &'static str, whole: Whole) -> Result<u64, BadUsage> {
    let count = count.unwrap_or(0);
    if count > whole.count {
        return Err(BadUsage::PartExceedsWhole { part: name, whole: whole.name });
    }
    Ok(count)
}

/// Reads an object of details, or null.
pub(crate) fn details<'a>(
    scanner: &mut Scanner<'a>,
    mut member: impl FnMut(&mut Scanner<'a>, &[u8]) -> Result<(), BadUsage>,
) -> Result<(), BadUsage> {
    match scanner.kind()? {
        Kind::Object => scanner.object(|scanner, key| member(scanner, key.text.raw)),
        Kind::Array | Kind::String | Kind::Number | Kind::Bool | Kind::Null => Ok(scanner.skip()?),
    }
}

/// Reads a count, or null.
pub(crate) fn count(scanner: &mut Scanner<'_>, field: &'static str) -> Result<Option<u64>, BadUsage> {
    let kind = scanner.kind()?;
    let value = scanner.span()?;
    match kind {
        Kind::Null => Ok(None),
        Kind::Number => believable(whole_number(scanner.slice(value)), field).map(Some),
        Kind::Object | Kind::Array | Kind::String | Kind::Bool => Err(BadUsage::NotACount { field }),
    }
}

/// Reads a number that may have a fraction, or null, and rounds it up. Some servers put it in quotes.
pub(crate) fn fractional(scanner: &mut Scanner<'_>, field: &'static str) -> Result<Option<u64>, BadUsage> {
    let kind = scanner.kind()?;
    let place = scanner.span()?;
    let value = scanner.slice(place);
    match kind {
        Kind::Null => Ok(None),
        Kind::Number => believable(rounded_up(value), field).map(Some),
        Kind::String => {
            let inside = value.get(1..value.len() - 1).unwrap_or_default();
            believable(rounded_up(inside), field).map(Some)
        }
        Kind::Object | Kind::Array | Kind::Bool => Err(BadUsage::NotACount { field }),
    }
}

fn believable(count: Option<u64>, field: &'static str) -> Result<u64, BadUsage> {
    match count {
        None => Err(BadUsage::NotACount { field }),
        Some(count) if count > COUNT_MAX => Err(BadUsage::TooLarge { field }),
        Some(count) => Ok(count),
    }
}

/// The whole number that `text` writes, or the next above it; no sign and no exponent.
fn rounded_up(text: &[u8]) -> Option<u64> {
    let point = memchr::memchr(b'.', text).unwrap_or(text.len());
    let fraction = text.get(point + 1..).unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let begun = u64::from(fraction.iter().any(|&digit| digit != b'0'));
    Some(whole_number(&text[..point])?.saturating_add(begun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_rounded_up() {
        for (text, expected) in
            [("9", Some(9)), ("9.0", Some(9)), ("9.01", Some(10)), ("0.0001", Some(1)), ("0", Some(0))]
        {
            assert_eq!(rounded_up(text.as_bytes()), expected, "{text}");
        }
        for text in ["", "-1", "1e3", "1.5e3", ".5", "1.-5", "NaN"] {
            assert_eq!(rounded_up(text.as_bytes()), None, "{text}");
        }
        let mut scanner = Scanner::new(b"\"8.47\"");
        assert_eq!(fractional(&mut scanner, "seconds"), Ok(Some(9)));
    }
}
