//! Marks of where a message comes from, where several servers speak through one connection.
//!
//! A server that asks something of the client numbers its questions by itself, and so does the next one.
//! With the label before its id a question can be answered to the server that asked.

use std::ops::Range;

use super::Id;
use crate::json::{Flaw, Scanner};

/// A question of a server with `label` before its id; `None` if `message` is no question.
pub(super) fn put_on(message: &[u8], label: &str) -> Option<Vec<u8>> {
    let mut scanner = Scanner::new(message);
    let (mut id, mut is_question) = (None, false);
    let walked = scanner.object(|scanner, key| {
        let place = scanner.span()?;
        match &*key.text.bytes() {
            b"id" => id = Some(place),
            b"method" => is_question = true,
            _ => (),
        }
        Ok::<(), Flaw>(())
    });
    let place = id.filter(|_| is_question && walked.is_ok())?;
    let own = Id::read(&mut Scanner::new(message.get(place.clone())?)).ok()?;
    let labelled = Id::Text(format!("{label}:{own}").into()).to_string();
    Some(spliced(message, place, labelled.as_bytes()))
}

/// The number of the server and the id that it gave, as JSON, of an id with a label.
#[must_use]
pub fn taken_off(id: &Id) -> Option<(usize, &str)> {
    let Id::Text(text) = id else { return None };
    let (label, own) = text.split_once(':')?;
    let mut scanner = Scanner::new(own.as_bytes());
    Id::read(&mut scanner).ok()?;
    scanner.end().ok()?;
    Some((label.parse().ok()?, own))
}

/// `message` with `text` at `place`.
#[must_use]
pub fn spliced(message: &[u8], place: Range<usize>, text: &[u8]) -> Vec<u8> {
    let (before, after) = (message.get(..place.start), message.get(place.end..));
    [before.unwrap_or_default(), text, after.unwrap_or_default()].concat()
}

/// An event with `label` before its id, so that it says on which stream it was.
pub(super) fn put_on_event(event: &[u8], label: &str) -> Vec<u8> {
    let mut labelled = Vec::with_capacity(event.len() + label.len() + 1);
    for line in event.split_inclusive(|&byte| byte == b'\n' || byte == b'\r') {
        match line.strip_prefix(b"id:") {
            Some(id) => {
                labelled.extend_from_slice(b"id: ");
                labelled.extend_from_slice(label.as_bytes());
                labelled.push(b'-');
                labelled.extend_from_slice(id.strip_prefix(b" ").unwrap_or(id));
            }
            None => labelled.extend_from_slice(line),
        }
    }
    labelled
}
