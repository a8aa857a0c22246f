//! Messages: an answer, from the upstream.

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
    let mut fields = Node::root(body)?.fields()?;
    if let Some(failure) = fields.take("error") {
        return Err(BadAnswer::Failed { message: error::message_of(&failure) });
    }
    let mut events = Vec::new();
    if let Some(model) = fields.text("model")? {
        events.push(Event::Model(model));
    }
    for (slot, block) in (0..).zip(fields.need("content")?.items()?) {
        read_block(slot, &block, &mut events)?;
    }
    read_stop(&mut fields, &mut events)?;
    Ok(events)
}

/// A block, whole or as it begins.
fn read_block<'e>(slot: u64, block: &Node<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
    let mut fields = block.fields()?;
    let kind = fields.need("type")?;
    match &*kind.text()? {
        "text" => events.push(Event::Text(fields.need_text("text")?)),
        "thinking" => {
            events.push(Event::Reasoning(fields.text("thinking")?.unwrap_or_default()));
            read_signature(&mut fields, events)?;
        }
        "redacted_thinking" => {
            let value = fields.need_text("data")?;
            events.push(Event::Sealed(Signature { maker: Maker::AnthropicRedacted, value }));
        }
        "tool_use" => {
            events.push(Event::Call { slot, id: fields.need_text("id")?, name: fields.need_text("name")? });
            // A stream begins a block with an empty input and sends the real one in pieces.
            if let Some(input) = fields.take("input")
                && !input.object_text()?.trim_matches(['{', '}']).trim().is_empty()
            {
                events.push(Event::Arguments { slot, json: Cow::Borrowed(input.raw) });
            }
        }
        other => {
            let why = format!("`{}` is content that no other format has a place for", media::shown(other));
            return Err(kind.flaw(why).into());
        }
    }
    Ok(())
}

fn read_signature<'e>(fields: &mut Fields<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
    if let Some(value) = fields.text("signature")?.filter(|value| !value.is_empty()) {
        events.push(Event::Sealed(Signature { maker: Maker::Anthropic, value }));
    }
    Ok(())
}

fn read_stop(fields: &mut Fields<'_>, events: &mut Vec<Event<'_>>) -> Result<(), BadAnswer> {
    let sequence = fields.text("stop_sequence")?;
    if let Some(reason) = fields.text("stop_reason")? {
        events.push(Event::Stop(match &*reason {
            "max_tokens" => Stop::Length,
            "model_context_window_exceeded" => Stop::ContextFull,
            "stop_sequence" => Stop::Sequence(sequence.map(Cow::into_owned)),
            "refusal" => Stop::Filtered,
            // `end_turn`, `tool_use`, and `pause_turn`, which only hosted tools bring about.
            _ => Stop::Done,
        }));
    }
    Ok(())
}

/// Reads the events of a stream.
#[derive(Debug, Default)]
pub(crate) struct EventReader;

impl StreamReader for EventReader {
    fn read<'e>(&mut self, _: &[u8], data: &'e [u8], events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
        let mut fields = Node::root(data)?.fields()?;
        match &*fields.need_text("type")? {
            "message_start" => {
                if let Some(model) = fields.need("message")?.fields()?.text("model")? {
                    events.push(Event::Model(model));
                }
            }
            "content_block_start" => {
                let slot = fields.need("index")?.count()?;
                read_block(slot, &fields.need("content_block")?, events)?;
            }
            "content_block_delta" => {
                let slot = fields.need("index")?.count()?;
                read_delta(slot, &fields.need("delta")?, events)?;
            }
            "message_delta" => read_stop(&mut fields.need("delta")?.fields()?, events)?,
            "error" => return Err(BadAnswer::Failed { message: error::message_of(&fields.need("error")?) }),
            // `content_block_stop`, `message_stop`, `ping`, and what Anthropic reserves the right to add.
            _ => (),
        }
        Ok(())
    }
}

fn read_delta<'e>(slot: u64, delta: &Node<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
    let mut fields = delta.fields()?;
    match &*fields.need_text("type")? {
        "text_delta" => events.push(Event::Text(fields.need_text("text")?)),
        "thinking_delta" => events.push(Event::Reasoning(fields.need_text("thinking")?)),
        "input_json_delta" => events.push(Event::Arguments { slot, json: fields.need_text("partial_json")? }),
        "signature_delta" => read_signature(&mut fields, events)?,
        // Citations stand beside the text and change nothing in it.
        _ => (),
    }
    Ok(())
}
