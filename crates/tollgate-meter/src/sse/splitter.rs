//! Where events end.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Longest event in bytes where nobody says otherwise. A longer one is an error: it would have to be
/// held in memory whole.
pub const EVENT_LEN_MAX: usize = 1 << 20;

/// An event longer than the stream allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too long")]
pub struct EventTooLarge;

/// The unfinished end of a stream of events.
///
/// Lines may end in LF, CRLF or CR. An event ends with the line end of its blank line; where that is
/// a CR and nothing follows yet, it waits for the next byte, which may be the LF that belongs to it.
#[derive(Debug)]
pub struct EventStream {
    /// Longest event in bytes.
    event_len_max: usize,
    /// Bytes of an event that has not ended.
    pending: BytesMut,
    /// Where in them the current line begins, and up to where line ends were searched.
    line_start: usize,
    searched: usize,
}

/// Whole events, one behind the other.
#[derive(Debug, Default)]
pub struct Events {
    /// Their bytes.
    pub bytes: Bytes,
    /// Where each of them ends in `bytes`, the last at its end.
    ends: Vec<usize>,
}

impl Events {
    /// The range of each event in [`Events::bytes`].
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter().copied()).map(|(start, end)| start..end)
    }
}

impl Default for EventStream {
    fn default() -> Self {
        Self::with_limit(EVENT_LEN_MAX)
    }
}

impl EventStream {
    /// At the start of a stream whose events have at most `event_len_max` bytes.
    #[must_use]
    pub fn with_limit(event_len_max: usize) -> Self {
        Self { event_len_max, pending: BytesMut::new(), line_start: 0, searched: 0 }
    }

    /// Takes the next frame and gives the events that are whole now. The bytes are a slice of
    /// `frame` wherever it begins at the boundary of an event.
    ///
    /// # Errors
    /// [`EventTooLarge`]; the stream cannot go on then.
    pub fn push(&mut self, frame: Bytes) -> Result<Events, EventTooLarge> {
        let mut ends = Vec::new();
        let bytes = if self.pending.is_empty() {
            self.search(&frame, &mut ends);
            let end = ends.last().copied().unwrap_or(0);
            self.pending.extend_from_slice(&frame[end..]);
            frame.slice(..end)
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(&frame);
            self.search(&pending, &mut ends);
            let end = ends.last().copied().unwrap_or(0);
            let whole = pending.split_to(end).freeze();
            self.pending = pending;
            whole
        };
        let end = bytes.len();
        self.line_start -= end;
        self.searched -= end;
        let events = Events { bytes, ends };
        if self.pending.len() > self.event_len_max || events.ranges().any(|event| event.len() > self.event_len_max) {
            return Err(EventTooLarge);
        }
        Ok(events)
    }

    /// What is left when the stream has ended: an event without its blank line, or nothing.
    pub fn finish(&mut self) -> Bytes {
        let rest = std::mem::replace(self, Self::with_limit(self.event_len_max));
        rest.pending.freeze()
    }

    /// Appends the ends of all events in `bytes` to `ends`.
    fn search(&mut self, bytes: &[u8], ends: &mut Vec<usize>) {
        while let Some(found) = memchr::memchr2(b'\n', b'\r', &bytes[self.searched..]) {
            let at = self.searched + found;
            let line_end = match (bytes[at], bytes.get(at + 1)) {
                (b'\r', Some(b'\n')) => at + 2,
                (b'\r', None) => {
                    self.searched = at;
                    return;
                }
                _ => at + 1,
            };
            if at == self.line_start {
                ends.push(line_end);
            }
            self.line_start = line_end;
            self.searched = line_end;
        }
        self.searched = bytes.len();
    }
}
