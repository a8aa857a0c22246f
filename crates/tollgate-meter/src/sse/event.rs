//! What one event says.

use std::borrow::Cow;
use std::ops::Range;

/// An event: its fields, as far as they matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The value of the last `event` field; empty where there is none.
    pub name: &'a [u8],
    /// The values of its `data` fields, joined by line feeds; `None` where there is none.
    pub data: Option<Cow<'a, [u8]>>,
    /// Where the data stands in the event, if it is one line.
    pub data_place: Option<Range<usize>>,
}

impl<'a> Event<'a> {
    /// Reads the fields of an event. A byte order mark in front is passed over.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        let mut event = Self::default();
        let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        while at < bytes.len() {
            let rest = &bytes[at..];
            let len = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            event.field(at, &rest[..len]);
            at += len + 1;
        }
        event
    }

    fn field(&mut self, at: usize, line: &'a [u8]) {
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => self.name = value,
            b"data" => self.add_data(at + line.len() - value.len(), value),
            // Comments (an empty name), ids and retry times pass through unread.
            _ => (),
        }
    }

    fn add_data(&mut self, at: usize, value: &'a [u8]) {
        match &mut self.data {
            None => {
                self.data = Some(Cow::Borrowed(value));
                self.data_place = Some(at..at + value.len());
            }
            Some(data) => {
                let data = data.to_mut();
                data.push(b'\n');
                data.extend_from_slice(value);
                self.data_place = None;
            }
        }
    }
}
