//! Reads single values of a body.

use crate::json::{Kind, Scanner, Text, whole_number};
use crate::json_guard::{self, BadBody};

use super::MODEL_LEN_MAX;

/// Reads a whole number from 1 to `max`, or null.
pub(crate) fn count(scanner: &mut Scanner<'_>, field: &str, max: u64) -> Result<Option<u64>, BadBody> {
    let expected = || BadBody::new(field, format!("a whole number from 1 to {max}"));
    let kind = scanner.kind()?;
    let value = scanner.span()?;
    match kind {
        Kind::Null => Ok(None),
        Kind::Number => match whole_number(scanner.slice(value)) {
            Some(count) if (1..=max).contains(&count) => Ok(Some(count)),
            _ => Err(expected()),
        },
        Kind::Object | Kind::Array | Kind::String | Kind::Bool => Err(expected()),
    }
}

/// Reads true, false or null.
pub(crate) fn flag(scanner: &mut Scanner<'_>, field: &str) -> Result<Option<bool>, BadBody> {
    let kind = scanner.kind()?;
    let value = scanner.span()?;
    match kind {
        Kind::Null => Ok(None),
        Kind::Bool => Ok(Some(scanner.slice(value) == b"true")),
        Kind::Object | Kind::Array | Kind::String | Kind::Number => Err(BadBody::new(field, "true or false")),
    }
}

/// Reads a text, or null.
pub(crate) fn text<'a>(scanner: &mut Scanner<'a>, field: &str) -> Result<Option<Text<'a>>, BadBody> {
    match scanner.kind()? {
        Kind::Null => json_guard::skip(scanner).map(|()| None),
        Kind::String => Ok(Some(scanner.string()?)),
        Kind::Object | Kind::Array | Kind::Number | Kind::Bool => Err(BadBody::new(field, "a text")),
    }
}

/// Passes over null, false, an empty text and an empty array. Anything else makes the request impossible
/// to bound or to price, and `why` says what is expected instead.
pub(crate) fn refuse(scanner: &mut Scanner<'_>, field: &str, why: &'static str) -> Result<(), BadBody> {
    let kind = scanner.kind()?;
    let place = scanner.span()?;
    let value = scanner.slice(place);
    let is_empty = match kind {
        Kind::Null => true,
        Kind::Bool => value == b"false",
        Kind::String | Kind::Array => value[1..value.len() - 1].trim_ascii().is_empty(),
        Kind::Object | Kind::Number => false,
    };
    if is_empty { Ok(()) } else { Err(BadBody::new(field, why)) }
}

/// `name`, if it can be the name of a model.
pub(crate) fn model_name(name: &str) -> Result<Box<str>, BadBody> {
    if name.is_empty() || name.len() > MODEL_LEN_MAX || name.chars().any(char::is_control) {
        return Err(BadBody::new("model", "a name of 1 to 256 bytes without control characters"));
    }
    Ok(name.into())
}
