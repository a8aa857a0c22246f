//! Gemini: an answer, from the upstream. A chunk of a stream has the shape of a whole answer.

use std::borrow::Cow;

use crate::translate::StreamReader;
use crate::translate::error;
use crate::translate::fields::{Fields, Node};
use crate::translate::flaw::BadAnswer;
use crate::translate::media;
use crate::translate::reply::{Event, Stop};
use crate::translate::signature::{Maker, Signature};

/// Reads a whole answer.
pub(crate) fn read_answer(body: &[u8]) -> Result<Vec<Event<'_>>, BadAnswer> {
    let mut events = Vec::new();
    ChunkReader::default().read(b"", body, &mut events)?;
    if !events.iter().any(|event| matches!(event, Event::Stop(_))) {
        return Err(BadAnswer::malformed("candidates", "hold no finishReason"));
    }
    Ok(events)
}

/// Reads the chunks of a stream.
#[derive(Debug, Default)]
pub(crate) struct ChunkReader {
    calls: u64,
}

impl StreamReader for ChunkReader {
    fn read<'e>(&mut self, _: &[u8], data: &'e [u8], events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
        let mut fields = Node::root(data)?.proto_fields()?;
        if let Some(failure) = fields.take("error") {
            return Err(BadAnswer::Failed { message: error::message_of(&failure) });
        }
        if let Some(model) = fields.text("modelVersion")? {
            events.push(Event::Model(model));
        }
        for candidate in fields.items("candidates")? {
            let mut candidate = candidate.proto_fields()?;
            // Only one answer is ever asked for.
            if candidate.count("index")?.unwrap_or(0) == 0 {
                self.read_candidate(&mut candidate, events)?;
            }
        }
        if let Some(feedback) = fields.take("promptFeedback")
            && feedback.proto_fields()?.text("blockReason")?.is_some()
        {
            events.push(Event::Stop(Stop::Filtered));
        }
        Ok(())
    }
}

impl ChunkReader {
    fn read_candidate<'e>(&mut self, candidate: &mut Fields<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
        if let Some(content) = candidate.take("content") {
            for part in content.proto_fields()?.items("parts")? {
                self.read_part(&part, events)?;
            }
        }
        let Some(reason) = candidate.text("finishReason")? else { return Ok(()) };
        let stop = match &*reason {
            "FINISH_REASON_UNSPECIFIED" => return Ok(()),
            "STOP" => Stop::Done,
            "MAX_TOKENS" => Stop::Length,
            "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION"
            | "MODEL_ARMOR"
            | "ESCALATION" => Stop::Filtered,
            // Everything else means that the model did not manage to answer.
            other => {
                let message = format!("the model's answer ended with {}", media::shown(other));
                return Err(BadAnswer::Failed { message });
            }
        };
        events.push(Event::Stop(stop));
        Ok(())
    }

    fn read_part<'e>(&mut self, part: &Node<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
        let mut fields = part.proto_fields()?;
        // Seals on anything but calls need not come back.
        let seal = fields.text("thoughtSignature")?.filter(|seal| !seal.is_empty());
        let thought = fields.flag("thought")? == Some(true);
        if let Some(text) = fields.text("text")? {
            events.push(if thought { Event::Reasoning(text) } else { Event::Text(text) });
            return Ok(());
        }
        if let Some(call) = fields.take("functionCall") {
            if let Some(value) = seal {
                events.push(Event::Sealed(Signature { maker: Maker::Gemini, value }));
            }
            let mut call = call.proto_fields()?;
            let slot = self.calls;
            self.calls += 1;
            let id = call.text("id")?.unwrap_or_default();
            events.push(Event::Call { slot, id, name: call.need_text("name")? });
            let json = call.take("args").map_or(Ok("{}"), |args| args.object_text())?;
            events.push(Event::Arguments { slot, json: Cow::Borrowed(json) });
            return Ok(());
        }
        // What is left is a kind of content: an image, code, its result.
        match fields.done() {
            Ok(()) => Ok(()),
            Err(flaw) => Err(BadAnswer::malformed(&flaw.field, "is content that no other format has a place for")),
        }
    }
}
