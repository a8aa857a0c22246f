//! Reading a body so that nothing in it is passed over by accident.
//!
//! A reader *takes* the members that it knows out of a [`Fields`] and ends with [`Fields::done`], which
//! refuses what is left and names it. Values that nobody here interprets (JSON Schemas, arguments of
//! tools) stay the slices they are, so that no number loses a digit and no member its place.

mod members;

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::flaw::{Inexpressible, LeftOut};
use members::{Members, camel};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    /// `messages[2].content`; empty for the body.
    pub path: String,
    /// Its text: valid JSON without space around it.
    pub raw: &'a str,
}

/// What a value is, by its first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
    Text,
    Other,
}

impl<'a> Node<'a> {
    /// The body.
    pub(crate) fn root(body: &'a [u8]) -> Result<Self, Inexpressible> {
        let text = std::str::from_utf8(body).map_err(|_| Inexpressible::new("", "expected UTF-8"))?;
        let raw: &RawValue = serde_json::from_str(text)
            .map_err(|flaw| Inexpressible::new("", format!("expected valid JSON (column {})", flaw.column())))?;
        Ok(Self { path: String::new(), raw: raw.get() })
    }

    pub(crate) fn shape(&self) -> Shape {
        match self.raw.as_bytes().first() {
            Some(b'{') => Shape::Object,
            Some(b'[') => Shape::Array,
            Some(b'"') => Shape::Text,
            _ => Shape::Other,
        }
    }

    pub(crate) fn flaw(&self, why: impl Into<Cow<'static, str>>) -> Inexpressible {
        Inexpressible::new(&self.path, why)
    }

    /// Its text without the space that may stand inside arrays and objects. For comparisons with values that
    /// hold no space themselves.
    fn compact(&self) -> Cow<'a, str> {
        match self.shape() {
            Shape::Object | Shape::Array => self.raw.split_ascii_whitespace().collect(),
            Shape::Text | Shape::Other => Cow::Borrowed(self.raw),
        }
    }

    /// The members of an object.
    pub(crate) fn fields(&self) -> Result<Fields<'a>, Inexpressible> {
        self.members(Spelling::Exact)
    }

    /// The members of an object whose names may also be written with underscores, as Google's servers and
    /// many of their examples do.
    pub(crate) fn proto_fields(&self) -> Result<Fields<'a>, Inexpressible> {
        self.members(Spelling::CamelOrSnake)
    }

    fn members(&self, spelling: Spelling) -> Result<Fields<'a>, Inexpressible> {
        if self.shape() != Shape::Object {
            return Err(self.flaw("expected an object"));
        }
        let Members(members) = serde_json::from_str(self.raw).map_err(|flaw| self.flaw(flaw.to_string()))?;
        let mut fields = Fields { path: self.path.clone(), members: Vec::with_capacity(members.len()) };
        for (name, value) in members {
            let name = match spelling {
                Spelling::CamelOrSnake if name.contains('_') => Cow::Owned(camel(&name)),
                Spelling::CamelOrSnake | Spelling::Exact => name,
            };
            if fields.members.iter().any(|(seen, _)| *seen == name) {
                return Err(Inexpressible::new(&fields.path_of(&name), "expected the member only once"));
            }
            fields.members.push((name, value));
        }
        Ok(fields)
    }

    /// The elements of an array.
    pub(crate) fn items(&self) -> Result<Vec<Node<'a>>, Inexpressible> {
        if self.shape() != Shape::Array {
            return Err(self.flaw("expected an array"));
        }
        let items: Vec<&'a RawValue> = serde_json::from_str(self.raw).map_err(|flaw| self.flaw(flaw.to_string()))?;
        let node = |(at, raw): (usize, &'a RawValue)| Node { path: format!("{}[{at}]", self.path), raw: raw.get() };
        Ok(items.into_iter().enumerate().map(node).collect())
    }

    pub(crate) fn text(&self) -> Result<Cow<'a, str>, Inexpressible> {
        match self.raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            None => Err(self.flaw("expected a string")),
            Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
            Some(_) => match serde_json::from_str::<String>(self.raw) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(_) => Err(self.flaw("expected a string of whole characters")),
            },
        }
    }

    /// The digits of a number, as they were written.
    pub(crate) fn number(&self) -> Result<&'a str, Inexpressible> {
        match self.raw.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => Ok(self.raw),
            _ => Err(self.flaw("expected a number")),
        }
    }

    pub(crate) fn count(&self) -> Result<u64, Inexpressible> {
        self.raw.parse().map_err(|_| self.flaw("expected a whole number that is not negative"))
    }

    pub(crate) fn flag(&self) -> Result<bool, Inexpressible> {
        match self.raw {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.flaw("expected true or false")),
        }
    }

    /// The text of an object that is passed on as it is.
    pub(crate) fn object_text(&self) -> Result<&'a str, Inexpressible> {
        match self.shape() {
            Shape::Object => Ok(self.raw),
            Shape::Array | Shape::Text | Shape::Other => Err(self.flaw("expected an object")),
        }
    }
}

/// The members of an object that nobody has taken yet. Members that are null count as absent.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    path: String,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn flaw(&self, name: &str, why: impl Into<Cow<'static, str>>) -> Inexpressible {
        Inexpressible::new(&self.path_of(name), why)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let at = self.members.iter().position(|(member, _)| member == name)?;
        let (_, raw) = self.members.swap_remove(at);
        (raw.get() != "null").then(|| Node { path: self.path_of(name), raw: raw.get() })
    }

    pub(crate) fn need(&mut self, name: &str) -> Result<Node<'a>, Inexpressible> {
        self.take(name).ok_or_else(|| self.flaw(name, "is missing"))
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, Inexpressible> {
        self.take(name).map(|node| node.text()).transpose()
    }

    pub(crate) fn need_text(&mut self, name: &str) -> Result<Cow<'a, str>, Inexpressible> {
        self.need(name)?.text()
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Inexpressible> {
        self.take(name).map(|node| node.flag()).transpose()
    }

    pub(crate) fn count(&mut self, name: &str) -> Result<Option<u64>, Inexpressible> {
        self.take(name).map(|node| node.count()).transpose()
    }

    /// The elements of the array `name`; none where it is absent.
    pub(crate) fn items(&mut self, name: &str) -> Result<Vec<Node<'a>>, Inexpressible> {
        self.take(name).map_or(Ok(Vec::new()), |node| node.items())
    }

    /// Takes members that have no effect on the answer, and notes those that said something.
    pub(crate) fn leave_out(&mut self, names: &[&str], left: &mut LeftOut) {
        for name in names {
            if self.take(name).is_some() {
                left.add(&self.path_of(name));
            }
        }
    }

    /// Takes members whose value is a documented default or says nothing; another value is refused.
    pub(crate) fn only(&mut self, name: &str, fine: &[&str]) -> Result<(), Inexpressible> {
        match self.take(name) {
            Some(node) if !fine.contains(&&*node.compact()) => Err(node.flaw("is not understood in translation")),
            _ => Ok(()),
        }
    }

    /// Refuses whatever nobody has taken.
    pub(crate) fn done(self) -> Result<(), Inexpressible> {
        match self.members.iter().find(|(_, raw)| raw.get() != "null") {
            None => Ok(()),
            Some((name, _)) => {
                let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
                Err(self.flaw(&shown, "is not understood in translation"))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Exact,
    CamelOrSnake,
}
