//! Items of the input, and the parts of their content.

use std::borrow::Cow;

use crate::translate::conversation::{Call, CallResult, Media, MediaKind, Outcome, Part, Role, Said, Source, Turn};
use crate::translate::fields::{Fields, Node, Shape};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::json::Json;
use crate::translate::media;
use crate::translate::signature::{Maker, Signature};

const TARGET: &str = "OpenAI responses";

/// Reads an item as a turn; items of one side are joined by the writers.
pub(super) fn read<'a>(node: &Node<'a>, left: &mut LeftOut) -> Result<Turn<'a>, Inexpressible> {
    let mut fields = node.fields()?;
    // What an answer's items carry besides their content, echoed.
    fields.take("id");
    fields.take("status");
    let kind = fields.take("type");
    let name = kind.as_ref().map_or(Ok(Cow::Borrowed("message")), Node::text)?;
    let turn = match &*name {
        "message" => read_message(&mut fields, left)?,
        "function_call" => {
            let call = Call {
                id: fields.need_text("call_id")?,
                name: fields.need_text("name")?,
                arguments: fields.need_text("arguments")?,
            };
            read_caller(&mut fields)?;
            said(Role::Assistant, fields.path_of("arguments"), Part::Call(call))
        }
        "function_call_output" => {
            let output = fields.need("output")?;
            fields.take("name");
            read_caller(&mut fields)?;
            let result = CallResult {
                id: fields.need_text("call_id")?,
                name: Cow::Borrowed(""),
                outcome: Outcome::Success,
                content: read_content(&output, left)?,
            };
            said(Role::User, fields.path_of("call_id"), Part::Result(result))
        }
        "reasoning" => Turn { role: Role::Assistant, parts: Vec::from_iter(read_reasoning(node, left)?) },
        other => {
            let why = format!("`{}` is not understood in translation", media::shown(other));
            return Err(fields.flaw("type", why));
        }
    };
    if name != "reasoning" {
        fields.done()?;
    }
    Ok(turn)
}

fn said<'a>(role: Role, at: String, part: Part<'a>) -> Turn<'a> {
    Turn { role, parts: vec![Said::new(at, part)] }
}

/// `caller`: only calls that the model itself made.
fn read_caller(fields: &mut Fields<'_>) -> Result<(), Inexpressible> {
    let Some(caller) = fields.take("caller") else { return Ok(()) };
    let mut caller = caller.fields()?;
    caller.only("type", &["\"direct\""])?;
    caller.done()
}

fn read_message<'a>(fields: &mut Fields<'a>, left: &mut LeftOut) -> Result<Turn<'a>, Inexpressible> {
    fields.leave_out(&["phase"], left);
    let role = fields.need("role")?;
    let role = match &*role.text()? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        "developer" => Role::Developer,
        _ => return Err(role.flaw("expected user, assistant, system or developer")),
    };
    Ok(Turn { role, parts: read_content(&fields.need("content")?, left)? })
}

fn read_content<'a>(content: &Node<'a>, left: &mut LeftOut) -> Result<Vec<Said<Part<'a>>>, Inexpressible> {
    if content.shape() == Shape::Text {
        return Ok(vec![Said::new(&content.path, Part::Text(content.text()?))]);
    }
    content.items()?.iter().map(|part| read_part(part, left)).collect()
}

fn read_part<'a>(node: &Node<'a>, left: &mut LeftOut) -> Result<Said<Part<'a>>, Inexpressible> {
    let mut fields = node.fields()?;
    let kind = fields.need("type")?;
    fields.leave_out(&["prompt_cache_breakpoint"], left);
    let part = match &*kind.text()? {
        "input_text" | "text" => Part::Text(fields.need_text("text")?),
        "output_text" => {
            fields.only("annotations", &["[]"]).or_else(|_| note(left, node, "annotations"))?;
            fields.only("logprobs", &["[]"]).or_else(|_| note(left, node, "logprobs"))?;
            Part::Text(fields.need_text("text")?)
        }
        "refusal" => Part::Refusal(fields.need_text("refusal")?),
        "input_image" => {
            let source = media::from_url(fields.need_text("image_url")?);
            let detail = fields.text("detail")?.filter(|detail| detail != "auto");
            Part::Media(Media { kind: MediaKind::Image, source, name: None, detail })
        }
        "input_file" => Part::Media(read_file(&mut fields)?),
        other => return Err(kind.flaw(format!("`{}` is not understood in translation", media::shown(other)))),
    };
    fields.done()?;
    Ok(Said::new(&kind.path, part))
}

/// Notes what an echoed answer says beside its text.
fn note(left: &mut LeftOut, node: &Node<'_>, name: &str) -> Result<(), Inexpressible> {
    left.add(&format!("{}.{name}", node.path));
    Ok(())
}

fn read_file<'a>(fields: &mut Fields<'a>) -> Result<Media<'a>, Inexpressible> {
    let name = fields.text("filename")?;
    fields.only("detail", &["\"auto\""])?;
    let source = match fields.text("file_url")? {
        Some(url) => Source::Url(url),
        None => {
            let data = fields.need("file_data")?;
            let source = media::from_url(data.text()?);
            if !matches!(source, Source::Base64 { .. }) {
                return Err(data.flaw("expected a data URL"));
            }
            source
        }
    };
    Ok(Media { kind: MediaKind::Document, source, name, detail: None })
}

fn read_reasoning<'a>(node: &Node<'a>, left: &mut LeftOut) -> Result<Option<Said<Part<'a>>>, Inexpressible> {
    let mut fields = node.fields()?;
    let id = fields.text("id")?.unwrap_or_default();
    let mut text = String::new();
    for summary in fields.items("summary")? {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&summary.fields()?.need_text("text")?);
    }
    let Some(seal) = fields.text("encrypted_content")? else {
        left.add(&format!("{}.summary", node.path));
        return Ok(None);
    };
    let mut signature = Signature::read(Maker::OpenAi, seal);
    if signature.maker == Maker::OpenAi {
        signature.value = Cow::Owned(format!("{id}:{}", signature.value));
    }
    Ok(Some(Said::new(
        format!("{}.encrypted_content", node.path),
        Part::Reasoning { text: Cow::Owned(text), signature },
    )))
}

/// Writes a part of a user's message or of a result.
pub(super) fn write_part(part: &Said<Part<'_>>, json: &mut Json) -> Result<(), Inexpressible> {
    match &part.what {
        Part::Text(text) => {
            json.object().key("type").text("input_text").key("text").text(text).end_object();
        }
        Part::Media(Media { kind: MediaKind::Image, source, detail, .. }) => {
            json.object().key("type").text("input_image").key("detail").text(detail.as_deref().unwrap_or("auto"));
            json.key("image_url");
            media::write_url(source, json);
            json.end_object();
        }
        Part::Media(media @ Media { kind: MediaKind::Document, source, .. }) => match source {
            Source::Text(text) => {
                json.object().key("type").text("input_text").key("text").text(text).end_object();
            }
            Source::Url(url) => {
                json.object().key("type").text("input_file").key("file_url").text(url).end_object();
            }
            source @ Source::Base64 { .. } => {
                json.object().key("type").text("input_file");
                json.key("filename").text(media::file_name(media)).key("file_data");
                media::write_url(source, json);
                json.end_object();
            }
        },
        Part::Media(Media { kind: MediaKind::Audio, .. }) => return Err(Inexpressible::unknown_to(&part.at, TARGET)),
        Part::Refusal(_) | Part::Reasoning { .. } | Part::Call(_) | Part::Result(_) => {
            return Err(Inexpressible::new(&part.at, "is not something that this side can say"));
        }
    }
    Ok(())
}
