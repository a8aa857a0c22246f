//! A stream, translated as it arrives.

use bytes::Bytes;
use tollgate_core::meter::Usage;

use super::flaw::BadAnswer;
use super::reply::{Event, Piece};
use super::sequence::Sequence;
use super::{End, Facts, Format, StreamReader, StreamWriter, chat, gemini, messages, responses};
use crate::sse::{self, EventStream};

/// Translates the stream of an upstream into the caller's format.
///
/// [`push`](Self::push) takes the upstream's bytes, cut anywhere. What tells the caller that the answer is
/// complete comes only from [`finish`](Self::finish), so that it can be held back until the settlement is
/// durable.
#[derive(Debug)]
pub struct StreamTranslator {
    cutter: EventStream,
    reader: Box<dyn StreamReader>,
    sequence: Sequence,
    writer: Box<dyn StreamWriter>,
    model_asked: Box<str>,
    begun: bool,
    closed: bool,
}

impl StreamTranslator {
    /// A translator from the upstream's format into the caller's.
    #[must_use]
    pub fn new(from: Format, to: Format, facts: Facts) -> Self {
        let reader: Box<dyn StreamReader> = match from {
            Format::OpenAiChat => Box::new(chat::ChunkReader::default()),
            Format::OpenAiResponses => Box::new(responses::EventReader::default()),
            Format::AnthropicMessages => Box::new(messages::EventReader),
            Format::Gemini => Box::new(gemini::ChunkReader::default()),
        };
        let sequence = Sequence::new(&facts.id);
        let model_asked = facts.model_asked.clone();
        let writer: Box<dyn StreamWriter> = match to {
            Format::OpenAiChat => Box::new(chat::ChunkWriter::new(facts)),
            Format::OpenAiResponses => Box::new(responses::EventWriter::new(facts)),
            Format::AnthropicMessages => Box::new(messages::EventWriter::new(facts)),
            Format::Gemini => Box::new(gemini::ChunkWriter::new(facts)),
        };
        Self { cutter: EventStream::default(), reader, sequence, writer, model_asked, begun: false, closed: false }
    }

    /// Translates what `bytes` completes and appends it to `out`.
    ///
    /// # Errors
    /// [`BadAnswer`] if the upstream's stream cannot go on. What `out` holds then was translated before the
    /// fault and may be sent; [`fail`](Self::fail) comes next.
    pub fn push(&mut self, bytes: &Bytes, out: &mut Vec<u8>) -> Result<(), BadAnswer> {
        let events = self.cutter.push(bytes.clone()).map_err(|flaw| BadAnswer::malformed("event", flaw.to_string()))?;
        for range in events.ranges() {
            self.event(&events.bytes[range], out)?;
        }
        Ok(())
    }

    /// Whether the upstream has said why its answer ended. An answer that has not is cut off.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.sequence.stop().is_some()
    }

    /// The end of the stream: the reason, the usage, and whatever the format ends with. A stream that the
    /// upstream cut off ends as one that failed.
    pub fn finish(&mut self, usage: Option<&Usage>) -> Bytes {
        let mut out = Vec::new();
        let rest = self.cutter.finish();
        // Half an event is part of being cut off; only what the upstream says itself is repeated.
        if let Err(flaw @ BadAnswer::Failed { .. }) = self.event(&rest, &mut out) {
            self.close(&flaw.to_string(), &mut out);
        }
        match self.sequence.stop() {
            _ if self.closed => (),
            None => self.close("the upstream's answer was cut off", &mut out),
            Some(stop) => {
                self.closed = true;
                if !self.begun {
                    self.writer.begin(self.sequence.model().unwrap_or(&self.model_asked), &mut out);
                }
                self.writer.finish(&End { stop, called: self.sequence.called(), usage }, &mut out);
            }
        }
        out.into()
    }

    /// The end of a stream that failed: the event by which the format says so. Nothing follows it.
    pub fn fail(&mut self, message: &str) -> Bytes {
        let mut out = Vec::new();
        self.close(message, &mut out);
        out.into()
    }

    fn close(&mut self, message: &str, out: &mut Vec<u8>) {
        if !self.closed {
            self.closed = true;
            self.writer.fail(message, out);
        }
    }

    fn event(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), BadAnswer> {
        let event = sse::Event::read(bytes);
        let Some(data) = event.data.as_deref().filter(|data| !self.closed && !data.trim_ascii().is_empty()) else {
            return Ok(());
        };
        let mut events = Vec::new();
        let read = self.reader.read(event.name, data, &mut events);
        for event in events {
            self.say(event, out)?;
        }
        read
    }

    fn say(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> Result<(), BadAnswer> {
        let Self { sequence, writer, model_asked, begun, .. } = self;
        if !*begun && !matches!(event, Event::Stop(_)) {
            let named = match &event {
                Event::Model(model) if !model.is_empty() => Some(&**model),
                _ => sequence.model(),
            };
            writer.begin(named.unwrap_or(model_asked), out);
            *begun = true;
        }
        let mut pieces = Ok(());
        sequence.take(event, &mut |piece: Piece<'_>| {
            if pieces.is_ok() {
                pieces = writer.piece(piece, out);
            }
        })?;
        pieces
    }
}
