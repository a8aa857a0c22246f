//! Blocks of content.

use std::borrow::Cow;

use crate::translate::conversation::{Call, CallResult, Media, MediaKind, Outcome, Part, Said, Source};
use crate::translate::fields::{Fields, Node, Shape};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::json::Json;
use crate::translate::media;
use crate::translate::signature::{Maker, Signature};

const TARGET: &str = "Anthropic messages";

/// Reads `content`: a text or an array of blocks.
pub(super) fn read<'a>(content: &Node<'a>, left: &mut LeftOut) -> Result<Vec<Said<Part<'a>>>, Inexpressible> {
    if content.shape() == Shape::Text {
        return Ok(vec![Said::new(&content.path, Part::Text(content.text()?))]);
    }
    let mut parts = Vec::new();
    for block in content.items()? {
        parts.extend(read_block(&block, left)?);
    }
    Ok(parts)
}

fn read_block<'a>(node: &Node<'a>, left: &mut LeftOut) -> Result<Option<Said<Part<'a>>>, Inexpressible> {
    let mut fields = node.fields()?;
    let kind = fields.need("type")?;
    fields.leave_out(&["cache_control"], left);
    let part = match &*kind.text()? {
        "text" => {
            fields.leave_out(&["citations"], left);
            Part::Text(fields.need_text("text")?)
        }
        "image" => Part::Media(read_image(&mut fields)?),
        "document" => Part::Media(read_document(&mut fields)?),
        "tool_use" => {
            read_caller(&mut fields)?;
            let arguments = Cow::Borrowed(fields.need("input")?.object_text()?);
            Part::Call(Call { id: fields.need_text("id")?, name: fields.need_text("name")?, arguments })
        }
        "tool_result" => Part::Result(read_result(&mut fields, left)?),
        "thinking" => {
            let text = fields.need_text("thinking")?;
            let signature = fields.text("signature")?.unwrap_or_default();
            fields.done()?;
            if signature.is_empty() {
                left.add(&format!("{}.thinking", node.path));
                return Ok(None);
            }
            let signature = Signature::read(Maker::Anthropic, signature);
            return Ok(Some(Said::new(format!("{}.thinking", node.path), Part::Reasoning { text, signature })));
        }
        "redacted_thinking" => {
            let signature = Signature { maker: Maker::AnthropicRedacted, value: fields.need_text("data")? };
            Part::Reasoning { text: Cow::Borrowed(""), signature }
        }
        other => return Err(kind.flaw(format!("`{}` is not understood in translation", media::shown(other)))),
    };
    fields.done()?;
    Ok(Some(Said::new(if matches!(part, Part::Call(_) | Part::Result(_)) { &node.path } else { &kind.path }, part)))
}

/// `caller`: only calls that the model itself made.
fn read_caller(fields: &mut Fields<'_>) -> Result<(), Inexpressible> {
    let Some(caller) = fields.take("caller") else { return Ok(()) };
    let mut caller = caller.fields()?;
    caller.only("type", &["\"direct\""])?;
    caller.done()
}

fn read_image<'a>(fields: &mut Fields<'a>) -> Result<Media<'a>, Inexpressible> {
    let source = fields.need("source")?;
    let source = read_source(&source)?;
    Ok(Media { kind: MediaKind::Image, source, name: None, detail: None })
}

fn read_document<'a>(fields: &mut Fields<'a>) -> Result<Media<'a>, Inexpressible> {
    let source = fields.need("source")?;
    if let Some(citations) = fields.take("citations") {
        let mut citations = citations.fields()?;
        citations.only("enabled", &["false"])?;
        citations.done()?;
    }
    let name = fields.text("title")?;
    Ok(Media { kind: MediaKind::Document, source: read_source(&source)?, name, detail: None })
}

fn read_source<'a>(node: &Node<'a>) -> Result<Source<'a>, Inexpressible> {
    let mut fields = node.fields()?;
    let kind = fields.need("type")?;
    let source = match &*kind.text()? {
        "base64" => Source::Base64 { mime: fields.need_text("media_type")?, data: fields.need_text("data")? },
        "url" => Source::Url(fields.need_text("url")?),
        "text" => {
            fields.only("media_type", &["\"text/plain\""])?;
            Source::Text(fields.need_text("data")?)
        }
        other => return Err(kind.flaw(format!("`{}` is not understood in translation", media::shown(other)))),
    };
    fields.done()?;
    Ok(source)
}

fn read_result<'a>(fields: &mut Fields<'a>, left: &mut LeftOut) -> Result<CallResult<'a>, Inexpressible> {
    let id = fields.need_text("tool_use_id")?;
    let outcome = if fields.flag("is_error")? == Some(true) { Outcome::Failure } else { Outcome::Success };
    let content = fields.take("content").map_or(Ok(Vec::new()), |content| read_result_content(&content, left))?;
    Ok(CallResult { id, name: Cow::Borrowed(""), outcome, content })
}

fn read_result_content<'a>(content: &Node<'a>, left: &mut LeftOut) -> Result<Vec<Said<Part<'a>>>, Inexpressible> {
    let parts = match content.shape() {
        Shape::Text => vec![Said::new(&content.path, Part::Text(content.text()?))],
        // Each kind is looked at before it is read, so that results cannot hold results.
        Shape::Object | Shape::Array | Shape::Other => {
            let mut parts = Vec::new();
            for block in content.items()? {
                let kind = block.fields()?.need("type")?;
                match &*kind.text()? {
                    "text" | "image" | "document" => parts.extend(read_block(&block, left)?),
                    _ => return Err(kind.flaw("a tool result may hold text, images and documents in translation")),
                }
            }
            parts
        }
    };
    Ok(parts)
}

/// Whether a part becomes a block.
pub(super) fn says(part: &Part<'_>) -> bool {
    match part {
        Part::Text(text) | Part::Refusal(text) => !text.is_empty(),
        Part::Reasoning { signature, .. } => matches!(signature.maker, Maker::Anthropic | Maker::AnthropicRedacted),
        Part::Media(_) | Part::Call(_) | Part::Result(_) => true,
    }
}

/// Writes a block. Empty texts, which Anthropic refuses, and foreign reasoning are left out.
pub(super) fn write(part: &Said<Part<'_>>, json: &mut Json, left: &mut LeftOut) -> Result<(), Inexpressible> {
    match &part.what {
        Part::Text(text) | Part::Refusal(text) => {
            if !text.is_empty() {
                json.object().key("type").text("text").key("text").text(text).end_object();
            }
        }
        Part::Media(media) => {
            media::leave_detail(&part.at, media, left);
            write_media(&part.at, media, json)?;
        }
        Part::Reasoning { text, signature } => match signature.maker {
            Maker::Anthropic => {
                json.object().key("type").text("thinking").key("thinking").text(text);
                json.key("signature").text(&signature.value).end_object();
            }
            Maker::AnthropicRedacted => {
                json.object().key("type").text("redacted_thinking").key("data").text(&signature.value).end_object();
            }
            Maker::Gemini | Maker::OpenAi => left.add(&part.at),
        },
        Part::Call(call) => {
            let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
            if !crate::translate::reply::is_object(arguments) {
                return Err(Inexpressible::new(&part.at, "expected a JSON object"));
            }
            json.object().key("type").text("tool_use").key("id").text(&call.id).key("name").text(&call.name);
            json.key("input").raw(arguments).end_object();
        }
        Part::Result(result) => {
            json.object().key("type").text("tool_result").key("tool_use_id").text(&result.id);
            json.key("content").array();
            for part in &result.content {
                write(part, json, left)?;
            }
            json.end_array();
            if result.outcome == Outcome::Failure {
                json.key("is_error").raw("true");
            }
            json.end_object();
        }
    }
    Ok(())
}

fn write_media(at: &str, media: &Media<'_>, json: &mut Json) -> Result<(), Inexpressible> {
    let kind = match media.kind {
        MediaKind::Image => "image",
        MediaKind::Document => "document",
        MediaKind::Audio => return Err(Inexpressible::unknown_to(at, TARGET)),
    };
    json.object().key("type").text(kind).key("source").object();
    match &media.source {
        Source::Url(url) => json.key("type").text("url").key("url").text(url),
        Source::Base64 { mime, data } => {
            let known: &[&str] = match media.kind {
                MediaKind::Image => &["image/jpeg", "image/png", "image/gif", "image/webp"],
                MediaKind::Document | MediaKind::Audio => &["application/pdf"],
            };
            if !known.contains(&&**mime) {
                let why = format!("Anthropic messages take {}, not {}", known.join(", "), media::shown(mime));
                return Err(Inexpressible::new(at, why));
            }
            json.key("type").text("base64").key("media_type").text(mime).key("data").text(data)
        }
        Source::Text(text) => json.key("type").text("text").key("media_type").text("text/plain").key("data").text(text),
    };
    json.end_object();
    if let Some(name) = &media.name {
        json.key("title").text(name);
    }
    json.end_object();
    Ok(())
}
