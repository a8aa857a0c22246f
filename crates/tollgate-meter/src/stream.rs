//! Meters an answer while it streams, and holds back its end.
//!
//! [`StreamMeter`] stands between upstream and caller. Bytes pass through it unchanged, as slices of
//! what came in, with three exceptions: an event that has not arrived whole waits, the end is held
//! until the caller of [`StreamMeter::finish`] has made the settlement durable, and what is in the
//! stream only because Tollgate asked for usage is taken out again.
//!
//! The end is the first event after which a client takes the answer for complete:
//!
//! | format | held from |
//! |---|---|
//! | chat completions, completions | `[DONE]` |
//! | Responses | `response.completed` or `response.incomplete` |
//! | Messages | the `message_delta` with a stop reason; `message_stop` follows it |
//! | Gemini | the chunk in which the last candidate has its finish reason |
//! | pictures, speech, transcripts | the `.completed` or `.done` event |
//!
//! The last usage report wins. Where none comes (the caller left, the upstream died), the text that
//! passed is counted instead; what the upstream said of the prompt holds all the same.

mod generated;
mod piece;
mod reader;

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use tollgate_core::meter::Usage;

use crate::endpoint::Endpoint;
use crate::sse::{Event, EventStream, EventTooLarge};
use crate::tokens::Encoding;
use crate::usage::BadUsage;

pub use crate::openai::response_head::ResponseHead;
pub use generated::TEXT_KEPT_MAX;
pub(crate) use generated::{Channel, Generated};
pub(crate) use piece::{Mark, Piece};
use reader::Reader;

/// Whether usage reports are kept from the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HideUsage {
    /// The caller asked for them: they pass.
    No,
    /// Only Tollgate asked: the usage chunk is swallowed, and `"usage":null` taken out of the others.
    Yes,
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The end came, or every choice that began has a finish reason.
    Complete,
    /// Neither came: what was generated so far is a part.
    Cut,
    /// The upstream reported an error inside the stream.
    Failed,
}

/// Meters one stream.
#[derive(Debug)]
pub struct StreamMeter {
    reader: Reader,
    hide: HideUsage,
    stream: EventStream,
    generated: Generated,
    prompt: Option<Usage>,
    reported: Option<Result<Usage, BadUsage>>,
    /// The end and whatever follows it.
    held: BytesMut,
    held_max: usize,
    place: Place,
    has_failed: bool,
    unreadable: u64,
}

/// How far the events have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Events pass.
    Passing,
    /// The end has begun: events are held, and usage may still come.
    Ending,
    /// Nothing that matters can follow.
    Over,
}

/// What to do with an event on its way to the caller.
enum Verdict {
    Pass,
    Swallow,
    /// Take this range out of it.
    Strip(Range<usize>),
}

impl StreamMeter {
    /// At the start of a stream that answers a request to `endpoint`. Only the OpenAI format's usage
    /// chunk can be hidden; other formats always report.
    #[must_use]
    pub fn new(endpoint: Endpoint, hide: HideUsage) -> Self {
        Self {
            reader: Reader::of(endpoint),
            hide,
            stream: EventStream::with_limit(endpoint.event_len_max()),
            generated: Generated::default(),
            prompt: None,
            reported: None,
            held: BytesMut::new(),
            held_max: endpoint.event_len_max(),
            place: Place::Passing,
            has_failed: false,
            unreadable: 0,
        }
    }

    /// Takes a frame from the upstream and gives the bytes that may go to the caller now, possibly
    /// none. Where the frame ends with an event and nothing is taken out, they are the frame itself.
    ///
    /// # Errors
    /// [`EventTooLarge`]: the stream cannot be metered any further and must be cut. What was counted
    /// so far stands.
    pub fn push(&mut self, frame: Bytes) -> Result<Bytes, EventTooLarge> {
        let events = self.stream.push(frame)?;
        let mut removed = Vec::new();
        let mut held_from = if self.is_holding() { 0 } else { events.bytes.len() };
        for event in events.ranges() {
            match self.read(&events.bytes[event.clone()]) {
                Verdict::Pass => (),
                Verdict::Swallow => removed.push(event.clone()),
                Verdict::Strip(place) => removed.push(event.start + place.start..event.start + place.end),
            }
            if self.is_holding() {
                held_from = held_from.min(event.start);
            }
        }
        if held_from == events.bytes.len() {
            return Ok(without(events.bytes, &removed));
        }
        self.hold(&events.bytes, held_from, &removed)?;
        removed.retain(|range| range.end <= held_from);
        Ok(without(events.bytes.slice(..held_from), &removed))
    }

    /// Ends the stream and gives the bytes that were held back: the end with what followed it, or an
    /// event that lacked its blank line. To be sent once the settlement is durable.
    ///
    /// Call it when [`StreamMeter::is_done`] says so or the upstream has closed; the meter reads an
    /// unfinished last event as if it were whole, because usage often stands in it.
    pub fn finish(&mut self) -> Bytes {
        let rest = self.stream.finish();
        let (unreadable, response) = (self.unreadable, self.response().cloned());
        let removed = match self.read(&rest) {
            Verdict::Pass => None,
            Verdict::Swallow => Some(0..rest.len()),
            Verdict::Strip(place) => Some(place),
        };
        // Half an event is no fault of the format, and nothing of which a client knows.
        self.unreadable = unreadable;
        if let (Reader::Responses(head), Some(known)) = (&mut self.reader, response) {
            *head = known;
        }
        self.held.extend_from_slice(&without(rest, removed.as_slice()));
        self.held.split().freeze()
    }

    /// Whether the end has arrived and nothing that matters can follow.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.place == Place::Over
    }

    /// What the upstream said of the prompt, in a report about the prompt alone or about everything.
    #[must_use]
    pub fn reported_prompt(&self) -> Option<Usage> {
        self.prompt
    }

    /// The last usage report of the answer; `None` where there was none so far. A report about the
    /// prompt alone, as Anthropic sends it first, is none.
    ///
    /// # Errors
    /// [`BadUsage`] if the last report cannot be believed.
    pub fn reported_usage(&self) -> Result<Option<Usage>, BadUsage> {
        self.reported.clone().transpose()
    }

    /// The usage by what passed: the prompt as the upstream reported it, else `prompt_tokens` as input
    /// (the caller of this method estimated them), and the generated text counted, reasoning apart from
    /// visible text. The first 64 KiB of text are counted, what lies beyond in proportion to its bytes.
    #[must_use]
    pub fn counted_usage(&self, prompt_tokens: u64, encoding: Encoding) -> Usage {
        self.generated.usage(self.prompt, prompt_tokens, encoding)
    }

    /// Bytes of generated text that passed: content, reasoning, refusals, tool calls, all choices.
    #[must_use]
    pub const fn text_bytes(&self) -> u64 {
        self.generated.bytes()
    }

    /// Why each choice ended, by index, as far as the upstream said so.
    pub fn finish_reasons(&self) -> impl Iterator<Item = (u64, Option<&str>)> {
        self.generated.finish_reasons()
    }

    /// How far the stream has come.
    #[must_use]
    pub fn ending(&self) -> Ending {
        if self.has_failed {
            Ending::Failed
        } else if self.is_holding() || self.generated.is_finished() {
            Ending::Complete
        } else {
            Ending::Cut
        }
    }

    /// What a Responses stream has said of itself in whole events; `None` in other formats.
    #[must_use]
    pub const fn response(&self) -> Option<&ResponseHead> {
        self.reader.response()
    }

    /// Events whose data is no chunk that could be read; they pass unmetered. More than none means
    /// that the upstream does not speak this format, and the operator should know.
    #[must_use]
    pub const fn unreadable_events(&self) -> u64 {
        self.unreadable
    }

    fn is_holding(&self) -> bool {
        self.place >= Place::Ending
    }

    /// Meters one event and says what to do with it.
    fn read(&mut self, bytes: &[u8]) -> Verdict {
        let event = Event::read(bytes);
        let Some(data) = event.data else { return Verdict::Pass };
        if data.trim_ascii() == b"[DONE]" {
            self.place = Place::Over;
            return Verdict::Pass;
        }
        self.has_failed |= event.name == b"error";
        let Ok(piece) = self.reader.read(&data, &mut self.generated) else {
            self.unreadable += 1;
            return Verdict::Pass;
        };
        self.has_failed |= piece.mark == Mark::Failed;
        self.place = self.place.max(match piece.mark {
            Mark::None | Mark::Failed => Place::Passing,
            Mark::Last => Place::Ending,
            Mark::Over => Place::Over,
        });
        let has_usage = piece.usage.is_some();
        self.prompt = piece.prompt.or(self.prompt);
        self.reported = piece.usage.or_else(|| self.reported.take());
        match (self.hide, piece.null_usage, event.data_place) {
            (HideUsage::Yes, ..) if has_usage && piece.is_only_usage => Verdict::Swallow,
            (HideUsage::Yes, Some(null), Some(place)) => {
                Verdict::Strip(place.start + null.start..place.start + null.end)
            }
            _ => Verdict::Pass,
        }
    }

    /// Keeps `bytes` from `from` on, without the ranges in `removed`.
    fn hold(&mut self, bytes: &Bytes, from: usize, removed: &[Range<usize>]) -> Result<(), EventTooLarge> {
        let removed: Vec<_> = removed
            .iter()
            .filter(|range| range.start >= from)
            .map(|range| range.start - from..range.end - from)
            .collect();
        self.held.extend_from_slice(&without(bytes.slice(from..), &removed));
        if self.held.len() > self.held_max { Err(EventTooLarge) } else { Ok(()) }
    }
}

/// The usage of a whole answer that reports none, by its text: `prompt_tokens` as input, and what
/// [`StreamMeter::counted_usage`] would count in a stream of the same answer. An answer that breaks
/// off counts as far as it goes.
#[must_use]
pub fn counted_usage_of_body(endpoint: Endpoint, body: &[u8], prompt_tokens: u64, encoding: Encoding) -> Usage {
    let mut generated = Generated::default();
    // Text is added while it is read, so a flaw further on takes nothing away.
    let _ = Reader::read_whole(endpoint, body, &mut generated);
    generated.usage(None, prompt_tokens, encoding)
}

/// `bytes` without the ranges in `removed`, which are in order; the same bytes where there are none.
fn without(bytes: Bytes, removed: &[Range<usize>]) -> Bytes {
    if removed.is_empty() {
        return bytes;
    }
    let mut kept = BytesMut::with_capacity(bytes.len());
    let mut at = 0;
    for range in removed {
        kept.put_slice(&bytes[at..range.start]);
        at = range.end;
    }
    kept.put_slice(&bytes[at..]);
    kept.freeze()
}

#[cfg(test)]
mod tests;
