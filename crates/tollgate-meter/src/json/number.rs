//! Numbers: how long they are, and whether they are whole.

/// Beyond this many bytes, or with an exponent, a number is tested for being finite.
const SURELY_FINITE_LEN: usize = 300;

/// The length of the number at the start of `text`, or what is wrong with it.
pub(super) fn number_len(text: &[u8]) -> Result<usize, &'static str> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = digits(&text[sign..]);
    let mut len = sign + whole;
    if whole == 0 || (whole > 1 && text[sign] == b'0') {
        return Err("a number without leading zeros");
    }
    if text.get(len) == Some(&b'.') {
        let fraction = digits(&text[len + 1..]);
        if fraction == 0 {
            return Err("a digit after the decimal point");
        }
        len += 1 + fraction;
    }
    let has_exponent = matches!(text.get(len), Some(b'e' | b'E'));
    if has_exponent {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(&text[len + 1 + sign..]);
        if exponent == 0 {
            return Err("a digit in the exponent");
        }
        len += 1 + sign + exponent;
    }
    if (has_exponent || len > SURELY_FINITE_LEN) && !is_finite(&text[..len]) {
        return Err("a finite number");
    }
    Ok(len)
}

/// The value of a number that is written as digits alone: no sign, point or exponent.
///
/// Values beyond `u64` are held at its end, so that a bound on the result still refuses them.
pub(crate) fn whole_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = text.iter().fold(0_u64, |value, digit| {
        value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit - b'0'))).unwrap_or(u64::MAX)
    });
    Some(value)
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn is_finite(number: &[u8]) -> bool {
    std::str::from_utf8(number).is_ok_and(|number| number.parse::<f64>().is_ok_and(f64::is_finite))
}
