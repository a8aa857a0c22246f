//! Chat completions: an answer, from the upstream.

use std::borrow::Cow;

use crate::translate::StreamReader;
use crate::translate::error;
use crate::translate::fields::{Fields, Node, Shape};
use crate::translate::flaw::BadAnswer;
use crate::translate::reply::{Event, Stop};
use crate::translate::signature::{Maker, Signature};

/// Reads a whole answer.
pub(crate) fn read_answer(body: &[u8]) -> Result<Vec<Event<'_>>, BadAnswer> {
    let mut events = Vec::new();
    ChunkReader::default().read_document(body, "message", &mut events)?;
    if events.iter().all(|event| matches!(event, Event::Model(_))) {
        return Err(BadAnswer::malformed("choices", "is missing"));
    }
    Ok(events)
}

/// Reads the chunks of a stream.
#[derive(Debug, Default)]
pub(crate) struct ChunkReader {
    /// The calls so far: the index that the upstream gave, and the id. Their place is the slot.
    calls: Vec<(u64, String)>,
    complete: bool,
}

impl StreamReader for ChunkReader {
    fn read<'e>(&mut self, _: &[u8], data: &'e [u8], events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
        if data.trim_ascii() == b"[DONE]" {
            if !self.complete {
                // Some servers end with no other reason than this.
                events.push(Event::Stop(Stop::Done));
            }
            return Ok(());
        }
        self.read_document(data, "delta", events)
    }
}

impl ChunkReader {
    fn read_document<'e>(
        &mut self,
        body: &'e [u8],
        content: &str,
        events: &mut Vec<Event<'e>>,
    ) -> Result<(), BadAnswer> {
        let mut fields = Node::root(body)?.fields()?;
        if let Some(failure) = fields.take("error") {
            return Err(BadAnswer::Failed { message: error::message_of(&failure) });
        }
        if let Some(model) = fields.text("model")? {
            events.push(Event::Model(model));
        }
        for choice in fields.items("choices")? {
            let mut choice = choice.fields()?;
            // Only one answer is ever asked for.
            if choice.count("index")?.unwrap_or(0) != 0 {
                continue;
            }
            if let Some(content) = choice.take(content) {
                self.read_content(content.fields()?, events)?;
            }
            if let Some(reason) = choice.text("finish_reason")?.filter(|reason| !reason.is_empty()) {
                self.complete = true;
                events.push(Event::Stop(stop(&reason)));
            }
        }
        Ok(())
    }

    fn read_content<'e>(&mut self, mut fields: Fields<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
        let reasoning = fields.take("reasoning_content").or_else(|| fields.take("reasoning"));
        if let Some(reasoning) = reasoning.filter(|node| node.shape() == Shape::Text) {
            events.push(Event::Reasoning(reasoning.text()?));
        }
        if let Some(content) = fields.take("content") {
            read_texts(&content, events)?;
        }
        if let Some(refusal) = fields.text("refusal")? {
            events.push(Event::Refusal(refusal));
        }
        for (place, call) in fields.items("tool_calls")?.iter().enumerate() {
            self.read_call(place, call, events)?;
        }
        Ok(())
    }

    fn read_call<'e>(&mut self, place: usize, call: &Node<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
        let mut fields = call.fields()?;
        let index = fields.count("index")?.unwrap_or(u64::try_from(place).unwrap_or(u64::MAX));
        let id = fields.text("id")?.unwrap_or_default();
        let mut function = match fields.take("function") {
            Some(function) => function.fields()?,
            None => return Err(call.flaw("only function calls are understood in translation").into()),
        };
        let name = function.text("name")?.unwrap_or_default();
        let known = self.calls.iter().rposition(|(at, known)| *at == index && (id.is_empty() || *known == id));
        let slot = match known {
            Some(slot) => slot,
            // Another id under the same index is another call: some servers number all of them 0.
            None => {
                if let Some(signature) = thought_signature(&mut fields)? {
                    events.push(Event::Sealed(Signature::read(Maker::Gemini, signature)));
                }
                self.calls.push((index, id.clone().into_owned()));
                self.calls.len() - 1
            }
        };
        let slot_number = u64::try_from(slot).unwrap_or(u64::MAX);
        if known.is_none() {
            if name.is_empty() {
                return Err(call.flaw("begins a tool call without a name").into());
            }
            events.push(Event::Call { slot: slot_number, id, name });
        }
        if let Some(json) = function.text("arguments")? {
            events.push(Event::Arguments { slot: slot_number, json });
        }
        Ok(())
    }
}

/// `content`: a text, or with Mistral an array of texts and thoughts.
fn read_texts<'e>(content: &Node<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
    if content.shape() == Shape::Text {
        events.push(Event::Text(content.text()?));
        return Ok(());
    }
    for part in content.items()? {
        let mut fields = part.fields()?;
        match &*fields.need_text("type")? {
            "text" => events.push(Event::Text(fields.need_text("text")?)),
            "thinking" => {
                for thought in fields.items("thinking")? {
                    events.push(Event::Reasoning(thought.fields()?.need_text("text")?));
                }
            }
            _ => return Err(part.flaw("is content that no other format has a place for").into()),
        }
    }
    Ok(())
}

fn thought_signature<'e>(call: &mut Fields<'e>) -> Result<Option<Cow<'e, str>>, BadAnswer> {
    let Some(extra) = call.take("extra_content") else { return Ok(None) };
    let Some(google) = extra.fields()?.take("google") else { return Ok(None) };
    Ok(google.fields()?.text("thought_signature")?)
}

fn stop(reason: &str) -> Stop {
    match reason {
        "length" => Stop::Length,
        "content_filter" => Stop::Filtered,
        // `stop`, `tool_calls`, `function_call`, and whatever a compatible server invents.
        _ => Stop::Done,
    }
}
