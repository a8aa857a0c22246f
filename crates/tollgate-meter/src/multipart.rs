//! Forms: `multipart/form-data`, read where it lies.
//!
//! Read strictly, because what is priced must be what the upstream reads: a field once, names in quotes
//! without escapes, line ends of two bytes, nothing before the first part or behind the last.

use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;

use crate::json_guard::{BadBody, shown};

/// Most fields of a form.
const PARTS_MAX: usize = 64;
/// Longest head of a part in bytes.
const HEAD_LEN_MAX: usize = 4_096;
/// Longest boundary, by RFC 2046.
const BOUNDARY_LEN_MAX: usize = 70;

/// The fields of a form.
pub(crate) struct Form<'a> {
    pub parts: Vec<Part<'a>>,
}

/// One field.
pub(crate) struct Part<'a> {
    pub name: String,
    pub value: &'a [u8],
    /// Where the value stands in the body.
    pub place: Range<usize>,
}

impl<'a> Form<'a> {
    /// Reads `body` as the form that `content_type` says it is.
    ///
    /// # Errors
    /// [`BadBody`] naming the field, or `body`, or `content-type`.
    pub(crate) fn read(content_type: &str, body: &'a Bytes) -> Result<Self, BadBody> {
        let boundary = boundary(content_type)
            .ok_or_else(|| BadBody::new("content-type", "multipart/form-data with a boundary"))?;
        let bad = |expected: &'static str| BadBody::new("body", expected);
        let delimiter = format!("\r\n--{boundary}");
        let finder = memmem::Finder::new(delimiter.as_bytes());
        let first = &delimiter[2..];
        if !body.starts_with(first.as_bytes()) {
            return Err(bad("a form that begins with its boundary"));
        }
        let mut parts: Vec<Part<'a>> = Vec::new();
        let mut at = first.len();
        loop {
            match &body[at..] {
                [b'-', b'-', rest @ ..] if rest.is_empty() || rest == b"\r\n" => return Ok(Self { parts }),
                [b'\r', b'\n', ..] => at += 2,
                _ => return Err(bad("a line end or `--` behind each boundary of the form")),
            }
            let end = at + finder.find(&body[at..]).ok_or_else(|| bad("a form that ends with its boundary"))?;
            let part = part(&body[..end], at)?;
            if parts.len() == PARTS_MAX {
                return Err(bad("at most 64 fields in a form"));
            }
            if !part.name.ends_with("[]") && parts.iter().any(|known| known.name.eq_ignore_ascii_case(&part.name)) {
                return Err(BadBody::new(&part.name, "the field only once"));
            }
            parts.push(part);
            at = end + delimiter.len();
        }
    }
}

/// Reads the part that begins at `at` and ends with `body`.
fn part(body: &[u8], at: usize) -> Result<Part<'_>, BadBody> {
    let bad = |expected: &'static str| BadBody::new("body", expected);
    let rest = &body[at..];
    let searched = &rest[..rest.len().min(HEAD_LEN_MAX)];
    let head_len =
        memmem::find(searched, b"\r\n\r\n").ok_or_else(|| bad("a head in front of each field of the form"))?;
    let head = std::str::from_utf8(&rest[..head_len]).map_err(|_| bad("heads of fields in UTF-8"))?;
    let mut name = None;
    for line in head.split("\r\n") {
        let (header, value) = line.split_once(':').ok_or_else(|| bad("headers in the head of a field"))?;
        match header.to_ascii_lowercase().as_str() {
            "content-disposition" if name.is_none() => name = Some(field_name(value)?),
            "content-type" => (),
            _ => return Err(bad("only Content-Disposition and Content-Type in the head of a field, each once")),
        }
    }
    let name = name.ok_or_else(|| bad("a Content-Disposition in the head of each field"))?;
    let start = at + head_len + 4;
    Ok(Part { name, value: &body[start..], place: start..body.len() })
}

/// The `name` of a Content-Disposition, of which no second reading is possible.
fn field_name(disposition: &str) -> Result<String, BadBody> {
    let bad = || BadBody::new("body", "`form-data; name=\"...\"` in the head of each field");
    let mut rest = disposition.trim().strip_prefix("form-data").ok_or_else(bad)?;
    let mut name = None;
    while let Some(parameter) = rest.trim_start().strip_prefix(';') {
        let (key, value) = parameter.split_once('=').ok_or_else(bad)?;
        let value = value.strip_prefix('"').ok_or_else(bad)?;
        let (text, after) = value.split_once('"').ok_or_else(bad)?;
        if text.contains('\\') {
            return Err(bad());
        }
        match key.trim() {
            "name" if name.is_none() && is_plain(text) => name = Some(text.to_owned()),
            "filename" => (),
            other => return Err(BadBody::new(&shown(other.as_bytes()), "only `name` and `filename` of a field")),
        }
        rest = after;
    }
    if rest.trim().is_empty() { name.ok_or_else(bad) } else { Err(bad()) }
}

fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-[].".contains(&byte);
    !name.is_empty() && name.len() <= 64 && name.bytes().all(is_plain)
}

/// The boundary in the value of a Content-Type.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut found = None;
    for parameter in parameters.split(';') {
        let (key, value) = parameter.split_once('=')?;
        if key.trim().eq_ignore_ascii_case("boundary") {
            let value = value.trim();
            let inside = value.strip_prefix('"').map_or(Some(value), |value| value.strip_suffix('"'))?;
            if found.replace(inside).is_some() {
                return None;
            }
        }
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    found.filter(|boundary| (1..=BOUNDARY_LEN_MAX).contains(&boundary.len()) && boundary.bytes().all(is_allowed))
}

#[cfg(test)]
mod tests;
