//! What cannot be translated, in words for the person who has to change it.

use std::borrow::Cow;

/// A request that the upstream's format cannot express, or that is not of the caller's format: a 400 that
/// names the member at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Inexpressible {
    /// Path of the member in the caller's own request: `messages[2].content[0].type`; `body` for the whole.
    pub field: Box<str>,
    /// What is wrong with it, or what the other format lacks.
    pub why: Cow<'static, str>,
}

impl Inexpressible {
    pub(crate) fn new(field: &str, why: impl Into<Cow<'static, str>>) -> Self {
        let field = if field.is_empty() { "body" } else { field };
        Self { field: field.into(), why: why.into() }
    }

    /// The member at `field` means nothing in the format named `target`.
    pub(crate) fn unknown_to(field: &str, target: &str) -> Self {
        Self::new(field, format!("has no counterpart in the {target} format"))
    }
}

/// An answer of the upstream that cannot be passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// It is not what its format says, or holds content that no other format has a place for.
    #[error("the upstream's answer: {field}: {why}")]
    Malformed {
        /// Path of the member in the upstream's answer or event.
        field: Box<str>,
        /// What is wrong with it.
        why: Cow<'static, str>,
    },
    /// The upstream reported an error inside a stream that had begun well.
    #[error("the upstream failed: {message}")]
    Failed {
        /// The upstream's own words, at most [`MESSAGE_CHARS_MAX`](super::MESSAGE_CHARS_MAX) characters.
        message: String,
    },
}

impl BadAnswer {
    pub(crate) fn malformed(field: &str, why: impl Into<Cow<'static, str>>) -> Self {
        Inexpressible::new(field, why).into()
    }
}

impl From<Inexpressible> for BadAnswer {
    fn from(flaw: Inexpressible) -> Self {
        Self::Malformed { field: flaw.field, why: flaw.why }
    }
}

/// Members that were left out because they have no effect on the answer.
///
/// Named without the numbers of elements (`messages[].content[].cache_control`), each once, so that the
/// list stays short enough for a header however long the request is.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(Vec<String>);

impl LeftOut {
    pub(crate) fn add(&mut self, path: &str) {
        let mut name = String::with_capacity(path.len());
        let mut inside = false;
        for c in path.chars() {
            inside = (inside || c == '[') && c != ']';
            if !inside || c == '[' {
                name.push(c);
            }
        }
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    pub(crate) fn into_names(self) -> Vec<String> {
        self.0
    }
}
