//! Refuses request bodies that two parsers could read differently.
//!
//! What is priced must be what the upstream reads. A body with `model` twice, or with `Model` beside
//! `model`, means one thing to one parser and another to the next, so it is refused rather than
//! guessed at. One pass, no tree: about a gigabyte per second on text.

mod seen;

use std::borrow::Cow;

use crate::json::{Flaw, Key, Kind, Scanner};
use seen::Seen;

/// Most members of an object whose names are compared. No documented object has a tenth of them, and a
/// body of nothing but names would take memory many times its size.
pub const MEMBERS_MAX: usize = 10_000;

/// A request body that is refused (400), in words for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}")]
pub struct BadBody {
    /// The member at fault as a path (`stream_options.include_usage`), or `body`.
    pub field: Box<str>,
    /// What should have stood there.
    pub expected: Cow<'static, str>,
}

impl BadBody {
    pub(crate) fn new(field: &str, expected: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), expected: expected.into() }
    }
}

impl From<Flaw> for BadBody {
    fn from(flaw: Flaw) -> Self {
        Self::new("body", format!("valid JSON: {} at byte {}", flaw.expected, flaw.at))
    }
}

/// Checks that `body` is one JSON object that every parser reads the same way.
///
/// UTF-8 throughout, nesting of at most 64 levels, finite numbers, no key twice in the body itself or
/// in the objects directly inside it (arrays do not count as a level), at most [`MEMBERS_MAX`] keys
/// there, and no member of the body whose name differs from one in `guarded` only by case: some
/// parsers ignore case, also that of `ſ` and `K`.
///
/// # Errors
/// [`BadBody`] with the first flaw.
pub fn check(body: &[u8], guarded: &[&str]) -> Result<(), BadBody> {
    members_of_body(body, guarded, |scanner, member| value(scanner, member))
}

/// One member of an object, with its name unescaped.
pub(crate) struct Member<'m, 'a> {
    pub name: &'m [u8],
    pub key: Key<'a>,
}

/// Checks `body` as [`check`] does and hands each of its members to `member`, which must consume the
/// value; [`value`] does so with the checks of the second level.
pub(crate) fn members_of_body<'a>(
    body: &'a [u8],
    guarded: &[&str],
    mut member: impl FnMut(&mut Scanner<'a>, &Member<'_, 'a>) -> Result<(), BadBody>,
) -> Result<(), BadBody> {
    if let Err(error) = std::str::from_utf8(body) {
        return Err(BadBody::new("body", format!("UTF-8: the text breaks at byte {}", error.valid_up_to())));
    }
    let mut scanner = Scanner::new(body);
    if scanner.kind() != Ok(Kind::Object) {
        return Err(BadBody::new("body", "a JSON object"));
    }
    members(&mut scanner, |scanner, current| {
        in_proper_case(current.name, guarded)?;
        member(scanner, current)
    })?;
    Ok(scanner.end()?)
}

/// Walks over the value of a member of the body: no key twice in an object, or in an object that is
/// an element of an array.
pub(crate) fn value(scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
    let inside = |error: BadBody| within(member.name, error);
    match scanner.kind()? {
        Kind::Object => members(scanner, |scanner, _| skip(scanner)).map_err(inside),
        Kind::Array => scanner
            .array(|scanner| match scanner.kind()? {
                Kind::Object => members(scanner, |scanner, _| skip(scanner)),
                Kind::Array | Kind::String | Kind::Number | Kind::Bool | Kind::Null => skip(scanner),
            })
            .map_err(inside),
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => skip(scanner),
    }
}

/// Walks over any value, checking no more than the grammar.
pub(crate) fn skip(scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    Ok(scanner.skip()?)
}

/// Puts the name of the member around an error that arose inside its value.
pub(crate) fn within(name: &[u8], error: BadBody) -> BadBody {
    if &*error.field == "body" {
        return error;
    }
    let field = match &*error.field {
        "" => shown(name),
        inner => format!("{}.{inner}", shown(name)),
    };
    BadBody { field: field.into(), ..error }
}

/// Whether `name` is `proper` up to case.
pub(crate) fn is_case_variant(name: &[u8], proper: &str) -> bool {
    if name.is_ascii() {
        return name.eq_ignore_ascii_case(proper.as_bytes());
    }
    // Decoders that fold case as Unicode does also take these two for letters of ASCII.
    let folded = String::from_utf8_lossy(name).replace('ſ', "s").replace('K', "k");
    folded.eq_ignore_ascii_case(proper)
}

/// Refuses a name that differs from one in `guarded` only by case.
pub(crate) fn in_proper_case(name: &[u8], guarded: &[&str]) -> Result<(), BadBody> {
    match case_variant(name, guarded) {
        Some(proper) => Err(BadBody::new(&shown(name), format!("the name in its proper case, `{proper}`"))),
        None => Ok(()),
    }
}

fn case_variant<'n>(name: &[u8], guarded: &[&'n str]) -> Option<&'n str> {
    guarded.iter().copied().find(|proper| name != proper.as_bytes() && is_case_variant(name, proper))
}

/// Walks over an object that must not name a member twice and hands each member to `member`.
pub(crate) fn members<'a>(
    scanner: &mut Scanner<'a>,
    mut member: impl FnMut(&mut Scanner<'a>, &Member<'_, 'a>) -> Result<(), BadBody>,
) -> Result<(), BadBody> {
    let mut seen = Seen::default();
    scanner.object(|scanner, key| {
        let name = key.text.bytes();
        if seen.contains(&name) {
            return Err(BadBody::new(&shown(&name), "the member only once"));
        }
        member(scanner, &Member { name: &name, key })?;
        if seen.len() == MEMBERS_MAX {
            return Err(BadBody::new(&shown(&name), format!("at most {MEMBERS_MAX} members in one object")));
        }
        seen.insert(name);
        Ok(())
    })
}

/// A name that a caller sent, cut and escaped so that it may stand in a message.
pub(crate) fn shown(name: &[u8]) -> String {
    const SHOWN_MAX: usize = 64;
    let name = String::from_utf8_lossy(name);
    let cut: String = name.chars().take(SHOWN_MAX).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN_MAX).is_some() { cut + "..." } else { cut }
}

#[cfg(test)]
mod tests;
