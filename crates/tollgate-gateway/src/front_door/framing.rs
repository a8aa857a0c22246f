//! Where requests begin and end, strictly (RFC 9112 with every tolerance left out).

use memchr::memchr;

use crate::limits::{HEAD_BYTES_MAX, HEAD_FIELDS_MAX, TARGET_BYTES_MAX};

use super::rejection::Rejection;

/// Follows the bytes of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    /// A line that has not ended yet.
    partial: Vec<u8>,
    head: Head,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing came yet: it may be HTTP/2.
    Start,
    RequestLine,
    Fields,
    /// So many bytes of a body.
    Body(u64),
    ChunkSize,
    ChunkData(u64),
    /// The line end after a chunk's data.
    ChunkEnd,
    Trailers,
    /// HTTP/2, or an upgraded connection: not ours to follow.
    Passed,
}

/// What matters of the head that is being read.
#[derive(Debug, Default, Clone, Copy)]
struct Head {
    bytes: usize,
    fields: usize,
    is_http_10: bool,
    length: Option<u64>,
    is_chunked: bool,
    upgrades: bool,
    bodyless_method: bool,
}

/// Where the connection stands, for time limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Between requests.
    Idle,
    /// Within a head.
    Head,
    /// Within a body.
    Body,
    /// Not followed any more.
    Passed,
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Framing {
    pub(super) const fn new() -> Self {
        Self { state: State::Start, partial: Vec::new(), head: Head::EMPTY }
    }

    pub(super) fn place(&self) -> Place {
        match self.state {
            State::Start | State::RequestLine if self.partial.is_empty() => Place::Idle,
            State::Start | State::RequestLine | State::Fields => Place::Head,
            State::Body(_) | State::ChunkSize | State::ChunkData(_) | State::ChunkEnd | State::Trailers => Place::Body,
            State::Passed => Place::Passed,
        }
    }

    /// Whether the last head asked for an upgrade: what follows may be another protocol.
    pub(super) const fn may_be_tunnel(&self) -> bool {
        self.head.upgrades
    }

    /// From now on everything passes: the connection was upgraded.
    pub(super) fn pass_everything(&mut self) {
        self.state = State::Passed;
    }

    /// Looks at the next bytes of the connection.
    pub(super) fn look_at(&mut self, mut bytes: &[u8]) -> Result<(), Rejection> {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Passed => return Ok(()),
                State::Start => self.start(bytes)?,
                State::Body(left) => {
                    let (rest, left) = skip(bytes, left);
                    self.state = if left == 0 { State::RequestLine } else { State::Body(left) };
                    rest
                }
                State::ChunkData(left) => {
                    let (rest, left) = skip(bytes, left);
                    self.state = if left == 0 { State::ChunkEnd } else { State::ChunkData(left) };
                    rest
                }
                State::RequestLine | State::Fields | State::ChunkSize | State::ChunkEnd | State::Trailers => {
                    self.line_of(bytes)?
                }
            };
        }
        Ok(())
    }

    /// HTTP/2 begins with a preface that is no HTTP/1 request.
    fn start<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Rejection> {
        self.partial.extend_from_slice(&bytes[..bytes.len().min(PREFACE.len())]);
        let seen = self.partial.len().min(PREFACE.len());
        if self.partial[..seen] != PREFACE[..seen] {
            // The bytes seen before belong to the first line.
            let before = self.partial.len() - bytes.len().min(PREFACE.len());
            self.partial.truncate(before);
            self.state = State::RequestLine;
            return Ok(bytes);
        }
        if seen == PREFACE.len() {
            self.state = State::Passed;
            self.partial = Vec::new();
        }
        Ok(&[])
    }

    /// Takes the rest of a line off `bytes`, and acts on the line if it is complete.
    fn line_of<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Rejection> {
        let Some(end) = memchr(b'\n', bytes) else {
            self.partial.extend_from_slice(bytes);
            self.grow_head(bytes.len())?;
            return Ok(&[]);
        };
        let (line, rest) = bytes.split_at(end + 1);
        self.grow_head(line.len())?;
        if self.partial.is_empty() {
            self.line(line)?;
        } else {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(line);
            self.line(&whole)?;
            whole.clear();
            self.partial = whole;
        }
        Ok(rest)
    }

    fn grow_head(&mut self, bytes: usize) -> Result<(), Rejection> {
        self.head.bytes += bytes;
        if self.state == State::RequestLine && self.head.bytes > TARGET_BYTES_MAX + 64 {
            return Err(Rejection::TARGET_TOO_LONG);
        }
        if self.head.bytes > HEAD_BYTES_MAX { Err(Rejection::HEAD_TOO_LARGE) } else { Ok(()) }
    }

    /// Acts on a line that ends with a line feed.
    fn line(&mut self, line: &[u8]) -> Result<(), Rejection> {
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(Rejection::bad("A line ends with a line feed alone; CR LF was expected."));
        };
        if memchr(b'\r', line).is_some() {
            return Err(Rejection::bad("A carriage return stands inside a line."));
        }
        match self.state {
            State::RequestLine => self.request_line(line),
            State::Fields if line.is_empty() => self.end_of_head(),
            State::Fields => self.field(line),
            State::ChunkSize => self.chunk_size(line),
            State::ChunkEnd if line.is_empty() => {
                self.head.bytes = 0;
                self.state = State::ChunkSize;
                Ok(())
            }
            State::ChunkEnd => Err(Rejection::bad("A chunk is longer than it says.")),
            State::Trailers if line.is_empty() => {
                self.state = State::RequestLine;
                self.head = Head::EMPTY;
                Ok(())
            }
            State::Trailers => self.trailer(line),
            State::Start | State::Body(_) | State::ChunkData(_) | State::Passed => Ok(()),
        }
    }

    fn request_line(&mut self, line: &[u8]) -> Result<(), Rejection> {
        if line.is_empty() {
            // RFC 9112 2.2: an empty line before a request line is to be ignored.
            self.head = Head::EMPTY;
            return Ok(());
        }
        let bytes = self.head.bytes;
        self.head = Head { bytes, ..Head::EMPTY };
        let malformed = Rejection::bad("The request line is not `METHOD target HTTP/1.1`.");
        let mut words = line.split(|&b| b == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed);
        };
        if method.is_empty() || target.is_empty() || !method.iter().all(|&b| is_token(b)) {
            return Err(malformed);
        }
        if target.len() > TARGET_BYTES_MAX {
            return Err(Rejection::TARGET_TOO_LONG);
        }
        self.head.is_http_10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err(malformed),
        };
        self.head.bodyless_method = matches!(method, b"GET" | b"HEAD" | b"DELETE" | b"OPTIONS" | b"TRACE" | b"CONNECT");
        self.state = State::Fields;
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Rejection> {
        self.head.fields += 1;
        if self.head.fields > HEAD_FIELDS_MAX {
            return Err(Rejection::HEAD_TOO_LARGE);
        }
        let (name, value) = split_field(line)?;
        // Lengths first: nearly every field is none of these.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.transfer_encoding(value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.head.upgrades = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Rejection> {
        if self.head.length.is_some() {
            return Err(Rejection::bad("There are two Content-Length fields."));
        }
        let malformed = Rejection::bad("Content-Length is not a whole number of bytes.");
        if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
            return Err(malformed);
        }
        let length = value.iter().fold(0_u64, |length, digit| length * 10 + u64::from(digit - b'0'));
        self.head.length = Some(length);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Rejection> {
        if self.head.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Rejection::bad("Transfer-Encoding may be `chunked`, once, and nothing else."));
        }
        self.head.is_chunked = true;
        Ok(())
    }

    fn end_of_head(&mut self) -> Result<(), Rejection> {
        let head = self.head;
        self.head.bytes = 0;
        if head.is_chunked && head.length.is_some() {
            return Err(Rejection::bad("There are both Content-Length and Transfer-Encoding."));
        }
        if head.is_chunked && head.is_http_10 {
            return Err(Rejection::bad("HTTP/1.0 has no Transfer-Encoding."));
        }
        if head.is_http_10 && !head.bodyless_method && head.length.is_none() {
            return Err(Rejection { status: 400, detail: "An HTTP/1.0 request with a body needs a Content-Length." });
        }
        self.state = match (head.is_chunked, head.length) {
            (true, _) => State::ChunkSize,
            (false, None | Some(0)) => State::RequestLine,
            (false, Some(length)) => State::Body(length),
        };
        Ok(())
    }

    fn chunk_size(&mut self, line: &[u8]) -> Result<(), Rejection> {
        let malformed = Rejection::bad("The size of a chunk is not a hexadecimal number.");
        let digits = line.split(|&b| b == b';').next().unwrap_or(line);
        if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(malformed);
        }
        let text = std::str::from_utf8(digits).map_err(|_| malformed)?;
        let size = u64::from_str_radix(text, 16).map_err(|_| malformed)?;
        self.head.bytes = 0;
        self.state = if size == 0 { State::Trailers } else { State::ChunkData(size) };
        Ok(())
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), Rejection> {
        self.head.fields += 1;
        if self.head.fields > HEAD_FIELDS_MAX {
            return Err(Rejection::HEAD_TOO_LARGE);
        }
        split_field(line).map(drop)
    }
}

impl Head {
    const EMPTY: Self = Self {
        bytes: 0,
        fields: 0,
        is_http_10: false,
        length: None,
        is_chunked: false,
        upgrades: false,
        bodyless_method: false,
    };
}

/// `bytes` without the first `left`, and how many are still to be skipped.
fn skip(bytes: &[u8], left: u64) -> (&[u8], u64) {
    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (&bytes[here..], left - u64::try_from(here).unwrap_or(left))
}

/// Name and value of a field, without the white space around the value.
fn split_field(line: &[u8]) -> Result<(&[u8], &[u8]), Rejection> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Rejection::bad("A header continues on a second line."));
    }
    let Some(colon) = memchr(b':', line) else {
        return Err(Rejection::bad("A header line has no colon."));
    };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if name.is_empty() || !name.iter().all(|&b| is_token(b)) {
        return Err(Rejection::bad("The name of a header is not a token."));
    }
    if value.iter().any(|&b| (b < 32 && b != b'\t') || b == 127) {
        return Err(Rejection::bad("The value of a header has a control character."));
    }
    Ok((name, value))
}

/// A character of a token (RFC 9110 5.6.2).
const fn is_token(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
    ) || byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests;
