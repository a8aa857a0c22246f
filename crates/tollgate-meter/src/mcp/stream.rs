//! The answer to a request as events: progress, questions of the server, and at last the answer itself.

use bytes::{Bytes, BytesMut};

use super::{Id, Outcome, answer, label};
use crate::sse::{Event, EventStream, EventTooLarge};

/// Lets events pass until the one that answers the request, which it holds back.
///
/// A stream without a request - what a server says by itself - has no answer and passes whole.
#[derive(Debug)]
pub struct AnswerStream {
    id: Option<Id>,
    events: EventStream,
    held: Bytes,
    outcome: Option<Outcome>,
    has_event_ids: bool,
    label: Option<Box<str>>,
}

impl AnswerStream {
    /// The answer to the request `id`; events may be `event_len_max` bytes long.
    #[must_use]
    pub fn new(id: Option<Id>, event_len_max: usize) -> Self {
        Self {
            id,
            events: EventStream::with_limit(event_len_max),
            held: Bytes::new(),
            outcome: None,
            has_event_ids: false,
            label: None,
        }
    }

    /// The same, with `label` before the ids of events and of what the server asks.
    #[must_use]
    pub fn labelled(self, label: Option<Box<str>>) -> Self {
        Self { label, ..self }
    }

    /// Takes the next frame and gives what may go on now. `edit` sees each message and gives another one
    /// for it, or nothing to let it pass as it is. What follows the answer is dropped.
    ///
    /// # Errors
    /// [`EventTooLarge`]; the stream cannot go on then.
    pub fn push(
        &mut self,
        frame: Bytes,
        mut edit: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Bytes, EventTooLarge> {
        if self.outcome.is_some() {
            return Ok(Bytes::new());
        }
        let events = self.events.push(frame)?;
        let label = self.label.as_deref();
        let (mut passed, mut edited) = (0, None::<BytesMut>);
        for place in events.ranges() {
            let event = Event::read(&events.bytes[place.clone()]);
            self.has_event_ids |= event.id.is_some_and(|id| !id.is_empty());
            let Some(data) = &event.data else {
                let other = labelled(&event, None, &events.bytes[place.clone()], label);
                pass(&mut edited, &events.bytes, place.end, &mut passed, other);
                continue;
            };
            let other = edit(data).or_else(|| label::put_on(data, label?));
            let other = other.map(|data| event.with_data(&events.bytes[place.clone()], &data));
            let other = labelled(&event, other, &events.bytes[place.clone()], label);
            let outcome = self.id.as_ref().and_then(|id| answer(data, id).ok().flatten());
            if outcome.is_some() {
                self.outcome = outcome;
                self.held = other.map_or_else(|| events.bytes.slice(place), Bytes::from);
                break;
            }
            pass(&mut edited, &events.bytes, place.end, &mut passed, other);
        }
        Ok(edited.map_or_else(|| events.bytes.slice(..passed), BytesMut::freeze))
    }

    /// How the request ended, once its answer has come.
    #[must_use]
    pub const fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Whether events had ids: a client that knows one can ask for what follows on another connection.
    #[must_use]
    pub const fn has_event_ids(&self) -> bool {
        self.has_event_ids
    }

    /// The event that was held back; of a stream without a request, what was left unfinished.
    pub fn finish(&mut self) -> Bytes {
        match self.id {
            Some(_) => std::mem::take(&mut self.held),
            None => self.events.finish(),
        }
    }
}

/// `other`, or else `bytes`, with the label before the id of the event; `other` as it is where there is none.
fn labelled(event: &Event<'_>, other: Option<Vec<u8>>, bytes: &[u8], label: Option<&str>) -> Option<Vec<u8>> {
    match label {
        Some(label) if event.id.is_some() => Some(label::put_on_event(other.as_deref().unwrap_or(bytes), label)),
        _ => other,
    }
}

/// Lets an event that ends at `end` pass, as it is or as `other`. As long as nothing was changed nothing is
/// copied.
fn pass(edited: &mut Option<BytesMut>, bytes: &Bytes, end: usize, passed: &mut usize, other: Option<Vec<u8>>) {
    if other.is_some() && edited.is_none() {
        *edited = Some(BytesMut::from(&bytes[..*passed]));
    }
    if let Some(edited) = edited {
        match other {
            Some(other) => edited.extend_from_slice(&other),
            None => edited.extend_from_slice(&bytes[*passed..end]),
        }
    }
    *passed = end;
}
