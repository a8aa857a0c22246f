//! Responses: an answer, from the upstream.

use std::borrow::Cow;
use std::collections::HashSet;

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
    let mut events = Vec::new();
    read_head(&mut fields, &mut events)?;
    for (slot, item) in (0..).zip(fields.need("output")?.items()?) {
        read_item(slot, &item, &mut events)?;
    }
    events.push(Event::Stop(read_stop(&mut fields)?));
    Ok(events)
}

fn read_head<'e>(fields: &mut Fields<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
    if let Some(failure) = fields.take("error") {
        return Err(BadAnswer::Failed { message: error::message_of(&failure) });
    }
    if let Some(model) = fields.text("model")? {
        events.push(Event::Model(model));
    }
    Ok(())
}

fn read_stop(fields: &mut Fields<'_>) -> Result<Stop, BadAnswer> {
    let Some(details) = fields.take("incomplete_details") else { return Ok(Stop::Done) };
    Ok(match fields_reason(&details)?.as_deref() {
        Some("content_filter") => Stop::Filtered,
        _ => Stop::Length,
    })
}

fn fields_reason<'e>(details: &Node<'e>) -> Result<Option<Cow<'e, str>>, BadAnswer> {
    Ok(details.fields()?.text("reason")?)
}

/// A complete item of the output.
fn read_item<'e>(slot: u64, item: &Node<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
    let mut fields = item.fields()?;
    let kind = fields.need("type")?;
    match &*kind.text()? {
        "message" => {
            for part in fields.items("content")? {
                read_part(&part, events)?;
            }
        }
        "function_call" => {
            events.push(Event::Call { slot, id: fields.need_text("call_id")?, name: fields.need_text("name")? });
            events.push(Event::Arguments { slot, json: fields.text("arguments")?.unwrap_or_default() });
        }
        "reasoning" => {
            for (place, part) in fields.items("summary")?.into_iter().chain(fields.items("content")?).enumerate() {
                if place > 0 {
                    events.push(Event::Reasoning("\n\n".into()));
                }
                events.push(Event::Reasoning(part.fields()?.need_text("text")?));
            }
            read_seal(&mut fields, events)?;
        }
        other => return Err(no_place(&kind, other)),
    }
    Ok(())
}

fn no_place(kind: &Node<'_>, name: &str) -> BadAnswer {
    kind.flaw(format!("`{}` is content that no other format has a place for", media::shown(name))).into()
}

fn read_part<'e>(part: &Node<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
    let mut fields = part.fields()?;
    let kind = fields.need("type")?;
    match &*kind.text()? {
        "output_text" => events.push(Event::Text(fields.need_text("text")?)),
        "refusal" => events.push(Event::Refusal(fields.need_text("refusal")?)),
        other => return Err(no_place(&kind, other)),
    }
    Ok(())
}

fn read_seal<'e>(fields: &mut Fields<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
    if let Some(seal) = fields.text("encrypted_content")?.filter(|seal| !seal.is_empty()) {
        let value = Cow::Owned(format!("{}:{seal}", fields.text("id")?.unwrap_or_default()));
        events.push(Event::Sealed(Signature { maker: Maker::OpenAi, value }));
    }
    Ok(())
}

/// Reads the events of a stream.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    /// Calls whose arguments came in pieces; others are read when they are done.
    argued: HashSet<u64>,
}

impl StreamReader for EventReader {
    fn read<'e>(&mut self, _: &[u8], data: &'e [u8], events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
        let mut fields = Node::root(data)?.fields()?;
        match &*fields.need_text("type")? {
            "response.created" => read_head(&mut fields.need("response")?.fields()?, events)?,
            "response.output_item.added" => read_added(&mut fields, events)?,
            "response.output_text.delta" => events.push(Event::Text(fields.need_text("delta")?)),
            "response.refusal.delta" => events.push(Event::Refusal(fields.need_text("delta")?)),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                events.push(Event::Reasoning(fields.need_text("delta")?));
            }
            "response.reasoning_summary_part.added" => match fields.count("summary_index")? {
                None | Some(0) => (),
                Some(_) => events.push(Event::Reasoning("\n\n".into())),
            },
            "response.function_call_arguments.delta" => {
                let slot = fields.need("output_index")?.count()?;
                self.argued.insert(slot);
                events.push(Event::Arguments { slot, json: fields.need_text("delta")? });
            }
            "response.function_call_arguments.done" => {
                let slot = fields.need("output_index")?.count()?;
                if self.argued.insert(slot) {
                    events.push(Event::Arguments { slot, json: fields.need_text("arguments")? });
                }
            }
            "response.output_item.done" => {
                let mut item = fields.need("item")?.fields()?;
                if item.need_text("type")? == "reasoning" {
                    read_seal(&mut item, events)?;
                }
            }
            "response.completed" | "response.incomplete" => {
                events.push(Event::Stop(read_stop(&mut fields.need("response")?.fields()?)?));
            }
            "response.failed" => {
                let failure = fields.need("response")?.fields()?.need("error")?;
                return Err(BadAnswer::Failed { message: error::message_of(&failure) });
            }
            "error" => {
                // Documented with its members beside the type, and sent with them in an object.
                if let Some(failure) = fields.take("error") {
                    return Err(BadAnswer::Failed { message: error::message_of(&failure) });
                }
                let message = fields.text("message")?.unwrap_or_default();
                return Err(BadAnswer::Failed { message: message.chars().take(error::MESSAGE_CHARS_MAX).collect() });
            }
            // The ends of parts repeat what was said in pieces.
            _ => (),
        }
        Ok(())
    }
}

fn read_added<'e>(fields: &mut Fields<'e>, events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer> {
    let slot = fields.need("output_index")?.count()?;
    let mut item = fields.need("item")?.fields()?;
    let kind = item.need("type")?;
    match &*kind.text()? {
        "message" | "reasoning" => (),
        "function_call" => {
            events.push(Event::Call { slot, id: item.need_text("call_id")?, name: item.need_text("name")? });
        }
        other => return Err(no_place(&kind, other)),
    }
    Ok(())
}
