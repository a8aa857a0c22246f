//! What one event says.

use std::borrow::Cow;
use std::ops::Range;

/// An event: its fields, as far as they matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The value of the last `event` field; empty where there is none.
    pub name: &'a [u8],
    /// The value of the last `id` field; `None` where there is none.
    pub id: Option<&'a [u8]>,
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
            b"id" => self.id = Some(value),
            b"data" => self.add_data(at + line.len() - value.len(), value),
            // Comments (an empty name) and retry times pass through unread.
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

    /// The event in `bytes`, of which this was read, with other data and otherwise the same lines.
    #[must_use]
    pub fn with_data(&self, bytes: &[u8], data: &[u8]) -> Vec<u8> {
        let mut event = Vec::with_capacity(bytes.len() + data.len());
        if let Some(place) = &self.data_place {
            event.extend_from_slice(&bytes[..place.start]);
            add_lines(&mut event, data);
            event.extend_from_slice(&bytes[place.end..]);
            return event;
        }
        let lines = bytes.split(|&byte| byte == b'\n' || byte == b'\r');
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with(b"data")) {
            event.extend_from_slice(line);
            event.push(b'\n');
        }
        event.extend_from_slice(b"data: ");
        add_lines(&mut event, data);
        event.extend_from_slice(b"\n\n");
        event
    }
}

/// Adds the value of a `data` field; where it has line ends, of several.
fn add_lines(event: &mut Vec<u8>, data: &[u8]) {
    for (number, line) in data.split(|&byte| byte == b'\n').enumerate() {
        if number > 0 {
            event.extend_from_slice(b"\ndata: ");
        }
        event.extend_from_slice(line);
    }
}
