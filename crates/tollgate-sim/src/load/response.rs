//! Reads answers from a connection: as much as it takes to find their end, and no more.

use anyhow::{Context, Result, bail, ensure};

/// Room for the headers of an answer.
const HEADERS_MAX: usize = 64;

/// Finds the end of one answer in bytes that come in any pieces.
#[derive(Debug)]
pub(super) struct ResponseReader {
    state: State,
    /// 0 before there is a head.
    status: u16,
    /// Whether the connection ends with this answer.
    closes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    /// Bytes of the body that are still to come.
    Length(u64),
    ChunkSize {
        size: u64,
        digits: u8,
    },
    /// From the size to the line end.
    ChunkExtension {
        size: u64,
    },
    ChunkData(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// A line after the last chunk; the end is an empty one.
    Trailer {
        line_bytes: u64,
    },
    UntilClose,
    Done,
}

impl Default for ResponseReader {
    fn default() -> Self {
        Self { state: State::Head, status: 0, closes: false }
    }
}

impl ResponseReader {
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn closes(&self) -> bool {
        self.closes
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Consumes what it can of `input`, hands pieces of the body on, and says how much it took. Less
    /// than everything means that the head is not complete or the answer is done.
    pub(super) fn read(&mut self, input: &[u8], mut body: impl FnMut(&[u8])) -> Result<usize> {
        let mut taken = 0;
        while let Some(rest) = input.get(taken..).filter(|rest| !rest.is_empty() && !self.is_done()) {
            let step = match self.state {
                State::Head => self.read_head(rest)?,
                State::Length(left) | State::ChunkData(left) => {
                    let data = rest.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(rest);
                    body(data);
                    self.after_data(left - data.len() as u64);
                    data.len()
                }
                State::UntilClose => {
                    body(rest);
                    rest.len()
                }
                framing => {
                    self.state = framing.after(rest[0])?;
                    1
                }
            };
            if step == 0 {
                break;
            }
            taken += step;
        }
        Ok(taken)
    }

    /// The connection has ended. An answer without a length is complete with that.
    pub(super) fn end_of_input(&mut self) -> Result<()> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            State::Head if self.status == 0 => bail!("closed before an answer"),
            _ => bail!("closed in the middle of an answer"),
        }
    }

    /// Returns the length of the head, 0 if it is not complete.
    fn read_head(&mut self, input: &[u8]) -> Result<usize> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(input).context("malformed head")? else { return Ok(0) };
        self.status = head.code.context("no status")?;
        if (100..200).contains(&self.status) {
            return Ok(length);
        }
        self.closes = head.version == Some(0);
        let mut framing = State::UntilClose;
        for header in head.headers {
            if header.name.eq_ignore_ascii_case("content-length") && framing == State::UntilClose {
                let text = std::str::from_utf8(header.value).unwrap_or_default();
                framing = State::Length(text.parse().with_context(|| format!("content-length {text:?}"))?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                ensure!(header.value.eq_ignore_ascii_case(b"chunked"), "an encoding other than chunked");
                framing = State::ChunkSize { size: 0, digits: 0 };
            } else if header.name.eq_ignore_ascii_case("connection") {
                self.closes |= header.value.eq_ignore_ascii_case(b"close");
            }
        }
        self.state = match (self.status, framing) {
            (204 | 304, _) | (_, State::Length(0)) => State::Done,
            (_, framing) => framing,
        };
        self.closes |= self.state == State::UntilClose;
        Ok(length)
    }

    fn after_data(&mut self, left: u64) {
        self.state = match self.state {
            State::Length(_) if left == 0 => State::Done,
            State::Length(_) => State::Length(left),
            _ if left == 0 => State::ChunkEnd,
            _ => State::ChunkData(left),
        };
    }
}

impl State {
    /// What follows when this framing byte has been read.
    fn after(self, byte: u8) -> Result<Self> {
        Ok(match (self, byte) {
            (Self::ChunkSize { size, digits }, _) if byte.is_ascii_hexdigit() => {
                ensure!(digits < 15, "a chunk size beyond all reason");
                let digit = u64::from(char::from(byte).to_digit(16).unwrap_or(0));
                Self::ChunkSize { size: size * 16 + digit, digits: digits + 1 }
            }
            (Self::ChunkSize { digits: 0, .. }, _) => bail!("expected the size of a chunk"),
            (Self::ChunkSize { size: 0, .. } | Self::ChunkExtension { size: 0 }, b'\n') => {
                Self::Trailer { line_bytes: 0 }
            }
            (Self::ChunkSize { size, .. } | Self::ChunkExtension { size }, b'\n') => Self::ChunkData(size),
            (Self::ChunkSize { size, .. }, _) => Self::ChunkExtension { size },
            (Self::ChunkEnd, b'\r') => Self::ChunkEnd,
            (Self::ChunkEnd, b'\n') => Self::ChunkSize { size: 0, digits: 0 },
            (Self::ChunkEnd, _) => bail!("expected the end of a chunk"),
            (Self::Trailer { line_bytes: 0 }, b'\n') => Self::Done,
            (Self::Trailer { .. }, b'\n') => Self::Trailer { line_bytes: 0 },
            (Self::Trailer { line_bytes }, b'\r') => Self::Trailer { line_bytes },
            (Self::Trailer { line_bytes }, _) => Self::Trailer { line_bytes: line_bytes + 1 },
            (other, _) => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status and body of `answer` when it comes in pieces of `piece` bytes, as a connection would read it.
    fn read_in_pieces(answer: &[u8], piece: usize) -> Result<(u16, String)> {
        let mut reader = ResponseReader::default();
        let (mut waiting, mut body) = (Vec::new(), Vec::new());
        for bytes in answer.chunks(piece) {
            assert!(!reader.is_done(), "done before the end");
            waiting.extend(bytes);
            let taken = reader.read(&waiting, |data| body.extend(data))?;
            waiting.drain(..taken);
        }
        if !reader.is_done() {
            reader.end_of_input()?;
        }
        assert!(waiting.is_empty(), "{waiting:?} left");
        Ok((reader.status(), String::from_utf8(body)?))
    }

    fn read(answer: &str) -> Result<(u16, String)> {
        let whole = read_in_pieces(answer.as_bytes(), answer.len())?;
        for piece in 1..answer.len() {
            assert_eq!(read_in_pieces(answer.as_bytes(), piece)?, whole, "in pieces of {piece}");
        }
        Ok(whole)
    }

    #[test]
    fn a_length_ends_the_body() {
        let answer = read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: today\r\n\r\nhello").unwrap();
        assert_eq!(answer, (200, "hello".to_owned()));
        assert_eq!(read("HTTP/1.1 402 Payment Required\r\ncontent-length: 0\r\n\r\n").unwrap().0, 402);
        assert_eq!(read("HTTP/1.1 204 No Content\r\n\r\n").unwrap().0, 204);
    }

    #[test]
    fn chunks_are_joined_up_to_the_last() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = read(&format!("{chunked}5\r\nhello\r\nA;ext=1\r\n0123456789\r\n0\r\n\r\n")).unwrap().1;
        assert_eq!(body, "hello0123456789");
        let body = read(&format!("{chunked}1\r\nx\r\n0\r\nTrailer: value\r\nOther: one\r\n\r\n")).unwrap().1;
        assert_eq!(body, "x");
    }

    #[test]
    fn without_a_length_the_connection_ends_the_body() {
        assert_eq!(read("HTTP/1.0 200 OK\r\n\r\nall of it").unwrap(), (200, "all of it".to_owned()));
        let mut reader = ResponseReader::default();
        reader.read(b"HTTP/1.1 200 OK\r\n\r\n", |_| ()).unwrap();
        assert!(reader.closes());
    }

    #[test]
    fn an_interim_answer_is_passed_over() {
        let answer = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        assert_eq!(answer, (200, "ok".to_owned()));
    }

    #[test]
    fn what_is_cut_or_malformed_is_an_error() {
        for wrong in [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "SMTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-",
        ] {
            assert!(read_in_pieces(wrong.as_bytes(), wrong.len()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_follows_an_answer_is_left_alone() {
        let mut reader = ResponseReader::default();
        let input = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\nxHTTP/1.1";
        assert_eq!(reader.read(input, |_| ()).unwrap(), input.len() - 8);
        assert!(reader.is_done() && reader.closes());
    }
}
