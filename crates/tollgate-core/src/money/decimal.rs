//! Decimal texts to scaled integers and back, without passing through floating point.

/// A text that is not a decimal number of the allowed size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDecimal {
    /// Something else than digits with at most one point and a leading minus.
    #[error("expected a decimal number such as 12.50, without exponent or thousands separators")]
    Malformed,
    /// More decimal places than are kept.
    #[error("expected at most {0} decimal places")]
    TooManyPlaces(u32),
    /// Larger than fits.
    #[error("the number is too large")]
    TooLarge,
}

/// Parses `text` as an integer count of 10^-`places`.
pub(crate) fn parse(text: &str, places: u32) -> Result<i128, InvalidDecimal> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let has_point = digits.contains('.');
    if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) || (has_point && fraction.is_empty()) {
        return Err(InvalidDecimal::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let kept = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
    let missing = places.checked_sub(kept).ok_or(InvalidDecimal::TooManyPlaces(places))?;
    let value = whole
        .bytes()
        .chain(fraction.bytes())
        .try_fold(0_i128, |value, digit| value.checked_mul(10)?.checked_add(i128::from(digit - b'0')))
        .and_then(|value| value.checked_mul(10_i128.checked_pow(missing)?))
        .ok_or(InvalidDecimal::TooLarge)?;
    Ok(if negative { -value } else { value })
}

/// Writes `value`, a count of 10^-`places`, with at least `places_min` decimal places.
pub(crate) fn write(value: i128, places: usize, places_min: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let kept = fraction.trim_end_matches('0').len().max(places_min);
    match kept {
        0 => format!("{sign}{whole}"),
        kept => format!("{sign}{whole}.{}", &fraction[..kept]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_scaled_integers() {
        assert_eq!(parse("12.5", 9), Ok(12_500_000_000));
        assert_eq!(parse("-0.000000001", 9), Ok(-1));
        assert_eq!(parse("7", 0), Ok(7));
        assert_eq!(parse("1.000", 2), Ok(100));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", ".", "1.", ".5", "1e3", "1,000", "+1", "--1", "0x1", "1.2.3", " 1", "NaN"] {
            assert_eq!(parse(text, 9), Err(InvalidDecimal::Malformed), "{text:?}");
        }
        assert_eq!(parse("0.0000000001", 9), Err(InvalidDecimal::TooManyPlaces(9)));
        assert_eq!(parse(&"9".repeat(60), 9), Err(InvalidDecimal::TooLarge));
    }

    #[test]
    fn scaled_integers_become_texts() {
        assert_eq!(write(420_000_000, 9, 2), "0.42");
        assert_eq!(write(5_000_000_000, 9, 2), "5.00");
        assert_eq!(write(-1, 9, 2), "-0.000000001");
        assert_eq!(write(3_000_000_000, 9, 0), "3");
    }
}
