//! The walk over values.

use std::ops::Range;

use super::number::number_len;
use super::text::{plain_run, unicode_escape};
use super::{Flaw, Text};

/// Containers may nest this deep; the scanner needs one bit of a `u64` per level.
const DEPTH_MAX: u32 = 64;

/// What a value is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// The key of a member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    /// Its text.
    pub text: Text<'a>,
    /// Offset of its opening quote.
    pub start: usize,
}

/// A place in a JSON text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    /// At the start of `text`, behind leading white space.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let mut scanner = Self { text, at: 0, depth: 0 };
        scanner.white_space();
        scanner
    }

    /// The offset of the next byte.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The bytes in `range`.
    pub(crate) fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.text.get(range).unwrap_or_default()
    }

    /// What the next value is.
    pub(crate) fn kind(&self) -> Result<Kind, Flaw> {
        Ok(match self.peek() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => return Err(self.flaw("a JSON value")),
        })
    }

    /// Reads an object; `member` must consume exactly one value per call.
    pub(crate) fn object<E: From<Flaw>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Key<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'{', "an object")?;
        if !self.close(b'}') {
            loop {
                let key = self.key()?;
                member(self, key)?;
                self.white_space();
                if self.close(b'}') {
                    break;
                }
                self.comma("`,` or `}`")?;
            }
        }
        Ok(())
    }

    /// Reads an array; `element` must consume exactly one value per call.
    pub(crate) fn array<E: From<Flaw>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'[', "an array")?;
        if !self.close(b']') {
            loop {
                element(self)?;
                self.white_space();
                if self.close(b']') {
                    break;
                }
                self.comma("`,` or `]`")?;
            }
        }
        Ok(())
    }

    /// Reads a string.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Flaw> {
        if self.peek() != Some(b'"') {
            return Err(self.flaw("a string"));
        }
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            at += plain_run(&self.text[at..]);
            match self.text.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += self.escape_len(at)?;
                }
                Some(_) => return Err(Flaw { at, expected: "no control character in a string; write it as \\uXXXX" }),
                None => return Err(Flaw { at, expected: "the closing quote of a string" }),
            }
        }
        self.at = at + 1;
        Ok(Text { raw: &self.text[start..at], escaped })
    }

    /// Reads any value and gives the range in which it stands.
    pub(crate) fn span(&mut self) -> Result<Range<usize>, Flaw> {
        let start = self.at;
        self.skip()?;
        Ok(start..self.at)
    }

    /// Reads any value.
    pub(crate) fn skip(&mut self) -> Result<(), Flaw> {
        let floor = self.depth;
        // One bit per open container, the innermost lowest: set for an object.
        let mut objects = 0_u64;
        'value: loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{') => {
                    self.open(b'{', "an object")?;
                    if !self.close(b'}') {
                        objects = (objects << 1) | 1;
                        self.key()?;
                        continue 'value;
                    }
                }
                Some(b'[') => {
                    self.open(b'[', "an array")?;
                    if !self.close(b']') {
                        objects <<= 1;
                        continue 'value;
                    }
                }
                _ => self.scalar()?,
            }
            while self.depth > floor {
                self.white_space();
                let in_object = objects & 1 == 1;
                if self.close(if in_object { b'}' } else { b']' }) {
                    objects >>= 1;
                    continue;
                }
                self.comma(if in_object { "`,` or `}`" } else { "`,` or `]`" })?;
                if in_object {
                    self.key()?;
                }
                continue 'value;
            }
            return Ok(());
        }
    }

    /// Demands that nothing but white space follows.
    pub(crate) fn end(&mut self) -> Result<(), Flaw> {
        self.white_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.flaw("nothing after the value")) }
    }

    /// A key and its colon; the next byte is the value.
    #[inline]
    fn key(&mut self) -> Result<Key<'a>, Flaw> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.flaw("a key in double quotes"));
        }
        let text = self.string()?;
        self.white_space();
        if self.peek() != Some(b':') {
            return Err(self.flaw("`:` after a key"));
        }
        self.at += 1;
        self.white_space();
        Ok(Key { text, start })
    }

    fn scalar(&mut self) -> Result<(), Flaw> {
        let rest = &self.text[self.at..];
        self.at += match rest.first() {
            Some(b'-' | b'0'..=b'9') => number_len(rest).map_err(|expected| self.flaw(expected))?,
            Some(b't') if rest.starts_with(b"true") => 4,
            Some(b'f') if rest.starts_with(b"false") => 5,
            Some(b'n') if rest.starts_with(b"null") => 4,
            _ => return Err(self.flaw("a JSON value")),
        };
        Ok(())
    }

    /// The length of the escape whose backslash is at `at`.
    #[cold]
    fn escape_len(&self, at: usize) -> Result<usize, Flaw> {
        match self.text.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') if unicode_escape(&self.text[at + 2..]).is_some() => Ok(6),
            Some(b'u') => Err(Flaw { at, expected: "four hexadecimal digits after \\u" }),
            _ => Err(Flaw { at, expected: "an escape that JSON knows" }),
        }
    }

    #[inline]
    fn open(&mut self, bracket: u8, expected: &'static str) -> Result<(), Flaw> {
        if self.peek() != Some(bracket) {
            return Err(self.flaw(expected));
        }
        if self.depth == DEPTH_MAX {
            return Err(self.flaw("at most 64 levels of nesting"));
        }
        self.depth += 1;
        self.at += 1;
        self.white_space();
        Ok(())
    }

    #[inline]
    fn close(&mut self, bracket: u8) -> bool {
        let closes = self.peek() == Some(bracket);
        if closes {
            self.depth -= 1;
            self.at += 1;
        }
        closes
    }

    #[inline]
    fn comma(&mut self, expected: &'static str) -> Result<(), Flaw> {
        if self.peek() != Some(b',') {
            return Err(self.flaw(expected));
        }
        self.at += 1;
        self.white_space();
        Ok(())
    }

    #[inline]
    fn white_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[cold]
    const fn flaw(&self, expected: &'static str) -> Flaw {
        Flaw { at: self.at, expected }
    }
}
