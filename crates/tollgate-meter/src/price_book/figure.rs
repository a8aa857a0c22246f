//! Reads the figures of a price list exactly as they are written.

use tollgate_core::meter::Meter;
use tollgate_core::money::Rate;

use super::Rejection;

/// For how many units a figure of a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Per {
    One,
    Thousand,
    Million,
}

impl Per {
    const fn places(self) -> i32 {
        match self {
            Self::One => 0,
            Self::Thousand => 3,
            Self::Million => 6,
        }
    }
}

const RATE_PLACES: i32 = 12;
/// Above a thousand dollars per million tokens (the dearest model known takes 600), or below a tenth
/// of a cent, a figure was written for another number of units.
const TOKEN_PICOS_MAX: i64 = 1_000_000_000;
const TOKEN_PICOS_MIN: i64 = 1_000;
/// No call, no picture and no second costs more than ten dollars.
const UNIT_PICOS_MAX: i64 = 10_000_000_000_000;

/// The rate of `meter` that `literal` states `per` units; `None` for zero.
///
/// # Errors
/// [`Rejection`] for what is negative, absurd, finer than a rate can hold or no decimal number.
pub(super) fn rate(field: &str, literal: &str, meter: Meter, per: Per) -> Result<Option<Rate>, Rejection> {
    let figure = || Rejection::figure(field, literal);
    let picos = scaled(literal, RATE_PLACES - per.places()).map_err(|flaw| match flaw {
        Flaw::NotDecimal => Rejection::NotDecimal(figure()),
        Flaw::TooFine => Rejection::TooFine(figure()),
        Flaw::TooLarge => Rejection::Absurd(figure()),
    })?;
    let range = match meter {
        Meter::Calls | Meter::Images | Meter::ToolCalls | Meter::AudioInputSeconds => 1..=UNIT_PICOS_MAX,
        _ => TOKEN_PICOS_MIN..=TOKEN_PICOS_MAX,
    };
    match picos {
        0 => Ok(None),
        ..0 => Err(Rejection::Negative(figure())),
        _ if range.contains(&picos) => Ok(Some(Rate::from_picos(picos))),
        _ => Err(Rejection::Absurd(figure())),
    }
}

/// The whole number that `literal` writes, for example `256000.0`.
pub(super) fn whole(literal: &str) -> Option<u64> {
    u64::try_from(scaled(literal, 0).ok()?).ok()
}

/// `rate` as decimal text for a million units.
pub(super) fn per_million(rate: Rate) -> String {
    let picos = rate.picos();
    let (whole, rest) = (picos.div_euclid(1_000_000), picos.rem_euclid(1_000_000));
    let text = format!("{whole}.{rest:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    NotDecimal,
    TooFine,
    TooLarge,
}

/// The integer that `literal` times 10^`places` is. Exponents are taken: `5e-06` is how lists write.
fn scaled(literal: &str, places: i32) -> Result<i64, Flaw> {
    let (negative, unsigned) = match literal.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, literal),
    };
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().map_err(|_| Flaw::NotDecimal)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let is_number = !whole.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number || number.ends_with('.') {
        return Err(Flaw::NotDecimal);
    }
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    let length = |text: &str| i32::try_from(text.len()).map_err(|_| Flaw::TooLarge);
    let dropped = length(&digits)? - length(significant)?;
    let shift = exponent
        .checked_add(places)
        .and_then(|shift| shift.checked_add(dropped))
        .and_then(|shift| shift.checked_sub(length(fraction).ok()?))
        .ok_or(Flaw::TooLarge)?;
    let shift = u32::try_from(shift).map_err(|_| Flaw::TooFine)?;
    let value = significant.parse::<i64>().map_err(|_| Flaw::TooLarge)?;
    let scaled = 10_i64.checked_pow(shift).and_then(|power| value.checked_mul(power)).ok_or(Flaw::TooLarge)?;
    Ok(if negative { -scaled } else { scaled })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn literals_are_read_without_a_rounding() {
        assert_eq!(scaled("5e-06", 12), Ok(5_000_000));
        assert_eq!(scaled("2.5E-6", 12), Ok(2_500_000));
        assert_eq!(scaled("0.0000025", 12), Ok(2_500_000));
        assert_eq!(scaled("1.10", 6), Ok(1_100_000));
        assert_eq!(scaled("-3", 0), Ok(-3));
        assert_eq!(scaled("256000.0", 0), Ok(256_000));
        assert_eq!(scaled("1e+3", 0), Ok(1_000));
        assert_eq!(scaled("0e-400", 12), Ok(0));
        assert_eq!(scaled("100e-2", 0), Ok(1), "zeros at the end are no fraction");
    }

    #[test]
    fn literals_that_do_not_fit_are_refused() {
        assert_eq!(scaled("1e-13", 12), Err(Flaw::TooFine));
        assert_eq!(scaled("2.9999900000000002e-06", 12), Err(Flaw::TooFine));
        assert_eq!(scaled("1e400", 12), Err(Flaw::TooLarge));
        assert_eq!(scaled("99999999999999999999", 0), Err(Flaw::TooLarge));
        for text in ["", "-", ".5", "5.", "1e", "e5", "NaN", "inf", "1_000", "1,5", "0x1", " 1", "--1", "1e1.5"] {
            assert_eq!(scaled(text, 12), Err(Flaw::NotDecimal), "{text:?}");
        }
    }

    #[test]
    fn figures_of_another_unit_are_absurd() {
        let of = |literal, per| rate("input_cost_per_token", literal, Meter::InputTokens, per);
        assert_eq!(of("5e-06", Per::One), Ok(Some(Rate::from_picos(5_000_000))));
        assert_eq!(of("5", Per::Million), Ok(Some(Rate::from_picos(5_000_000))));
        assert_eq!(of("0.0", Per::One), Ok(None));
        assert!(matches!(of("5", Per::One), Err(Rejection::Absurd(_))));
        assert!(matches!(of("5e-06", Per::Million), Err(Rejection::TooFine(_) | Rejection::Absurd(_))));
        assert!(matches!(of("1e-10", Per::One), Err(Rejection::Absurd(_))));
        assert!(matches!(of("-1", Per::One), Err(Rejection::Negative(_))));
    }

    proptest! {
        #[test]
        fn a_rate_survives_its_text(picos in 0_i64..i64::MAX) {
            let text = per_million(Rate::from_picos(picos));
            prop_assert_eq!(scaled(&text, 6), Ok(picos));
        }
    }
}
