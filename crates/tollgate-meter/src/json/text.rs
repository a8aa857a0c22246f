//! Strings: where they end, and what they say.

use std::borrow::Cow;

/// The inside of a string, checked but not unescaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    /// The bytes between the quotes.
    pub raw: &'a [u8],
    /// Whether there is a backslash among them.
    pub escaped: bool,
}

impl<'a> Text<'a> {
    /// The bytes that the string stands for. Half a surrogate pair becomes U+FFFD.
    pub(crate) fn bytes(self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut bytes = Vec::with_capacity(self.raw.len());
        self.append_to(&mut bytes);
        Cow::Owned(bytes)
    }

    /// The string itself; what is not UTF-8 becomes U+FFFD.
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self.bytes() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Adds the bytes that the string stands for to `out`.
    pub(crate) fn append_to(self, out: &mut Vec<u8>) {
        let mut rest = self.raw;
        while let Some(backslash) = memchr::memchr(b'\\', rest) {
            out.extend_from_slice(&rest[..backslash]);
            rest = append_escape(&rest[backslash..], out);
        }
        out.extend_from_slice(rest);
    }
}

/// Decodes the escape at the start of `text` and gives what follows it.
fn append_escape<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let plain = match text.get(1) {
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => return append_unicode(&text[2..], out),
        Some(&byte) => byte,
        // A scanned text never ends in a lone backslash.
        None => return &[],
    };
    out.push(plain);
    &text[2..]
}

/// Decodes one `\u` escape, or two that make a surrogate pair; `text` begins behind the first `u`.
fn append_unicode<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some(first) = unicode_escape(text) else { return &[] };
    let mut rest = &text[4..];
    let mut point = u32::from(first);
    if (0xd800..0xdc00).contains(&first)
        && let Some(low) = rest.strip_prefix(b"\\u").and_then(unicode_escape)
        && (0xdc00..0xe000).contains(&low)
    {
        point = 0x1_0000 + ((point - 0xd800) << 10) + (u32::from(low) - 0xdc00);
        rest = &rest[6..];
    }
    let character = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

/// The value of the four hexadecimal digits at the start of `digits`.
pub(super) fn unicode_escape(digits: &[u8]) -> Option<u16> {
    digits.get(..4)?.iter().try_fold(0_u16, |value, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some((value << 4) | u16::try_from(digit).ok()?)
    })
}

/// How many bytes at the start of `text` are neither a quote, a backslash nor a control character.
#[inline]
pub(super) fn plain_run(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
    const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);
    // Eight bytes at a time: the high bit of a byte is set where it is zero, or below a space. A
    // borrow can set it wrongly only behind a byte where it is set rightly, and the first one counts.
    let (words, tail) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = (word ^ QUOTES).wrapping_sub(ONES) & !(word ^ QUOTES);
        let backslash = (word ^ BACKSLASHES).wrapping_sub(ONES) & !(word ^ BACKSLASHES);
        let control = word.wrapping_sub(SPACES) & !word;
        let stops = (quote | backslash | control) & HIGH;
        if stops != 0 {
            return index * 8 + usize::try_from(stops.trailing_zeros() >> 3).unwrap_or(0);
        }
    }
    let stop = tail.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < b' ').unwrap_or(tail.len());
    words.len() * 8 + stop
}
