//! Decimal texts to scaled integers and back, without passing through floating point.

use std::fmt;

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
///
/// Digit by digit into a buffer on the stack: every answer carries two amounts.
pub(crate) fn write(to: &mut impl fmt::Write, value: i128, places: usize, places_min: usize) -> fmt::Result {
    // 39 digits, a point, a sign.
    let mut text = [0; 41];
    let mut start = text.len();
    let mut push = |byte: u8| {
        start -= 1;
        text[start] = byte;
        true
    };
    let mut rest = value.unsigned_abs();
    let mut has_fraction = false;
    for place in 0..places {
        let digit = take_digit(&mut rest);
        // Zeros at the end are left out, down to the places that are always written.
        if has_fraction || digit != b'0' || places - place <= places_min {
            has_fraction = push(digit);
        }
    }
    if has_fraction {
        push(b'.');
    }
    push(take_digit(&mut rest));
    while rest > 0 {
        push(take_digit(&mut rest));
    }
    if value < 0 {
        push(b'-');
    }
    to.write_str(std::str::from_utf8(&text[start..]).unwrap_or_default())
}

/// Takes the last digit off a number. Nearly all of them fit 64 bits, where dividing costs a tenth.
fn take_digit(rest: &mut u128) -> u8 {
    let digit = match u64::try_from(*rest) {
        Ok(small) => {
            *rest = u128::from(small.div_euclid(10));
            small % 10
        }
        Err(_) => {
            let digit = *rest % 10;
            *rest = rest.div_euclid(10);
            u64::try_from(digit).unwrap_or(0)
        }
    };
    b'0' + u8::try_from(digit).unwrap_or(0)
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
        let written = |value: i128, places, places_min| {
            let mut text = String::new();
            write(&mut text, value, places, places_min).unwrap();
            text
        };
        assert_eq!(written(420_000_000, 9, 2), "0.42");
        assert_eq!(written(5_000_000_000, 9, 2), "5.00");
        assert_eq!(written(0, 9, 2), "0.00");
        assert_eq!(written(0, 4, 0), "0");
        assert_eq!(written(10_100_000_000, 9, 0), "10.1");
        assert_eq!(written(-1, 9, 2), "-0.000000001");
        assert_eq!(written(-12_345_678_901_234, 12, 2), "-12.345678901234");
        assert_eq!(written(3_000_000_000, 9, 0), "3");
        assert_eq!(written(i128::MIN, 0, 0), i128::MIN.to_string());
    }
}
