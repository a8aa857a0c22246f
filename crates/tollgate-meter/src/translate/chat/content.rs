//! Parts of a message.

use std::borrow::Cow;

use crate::translate::conversation::{Media, MediaKind, Part, Said, Source};
use crate::translate::fields::{Node, Shape};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::json::Json;
use crate::translate::media;

const TARGET: &str = "chat completions";

/// Members of a part that only steer the provider's cache.
const CACHE_ONLY: &[&str] = &["prompt_cache_breakpoint", "cache_control"];

/// Reads `content`: a text or an array of parts.
pub(super) fn read<'a>(content: &Node<'a>, left: &mut LeftOut) -> Result<Vec<Said<Part<'a>>>, Inexpressible> {
    if content.shape() == Shape::Text {
        return Ok(vec![Said::new(&content.path, Part::Text(content.text()?))]);
    }
    content.items()?.iter().map(|part| read_part(part, left)).collect()
}

fn read_part<'a>(node: &Node<'a>, left: &mut LeftOut) -> Result<Said<Part<'a>>, Inexpressible> {
    let mut fields = node.fields()?;
    let kind = fields.need("type")?;
    fields.leave_out(CACHE_ONLY, left);
    let part = match &*kind.text()? {
        "text" => Part::Text(fields.need_text("text")?),
        "refusal" => Part::Refusal(fields.need_text("refusal")?),
        "image_url" => Part::Media(read_image(&fields.need("image_url")?)?),
        "input_audio" => Part::Media(read_audio(&fields.need("input_audio")?)?),
        "file" => Part::Media(read_file(&fields.need("file")?)?),
        other => return Err(kind.flaw(format!("`{}` is not understood in translation", media::shown(other)))),
    };
    fields.done()?;
    Ok(Said::new(&kind.path, part))
}

fn read_image<'a>(node: &Node<'a>) -> Result<Media<'a>, Inexpressible> {
    let mut fields = node.fields()?;
    let source = media::from_url(fields.need_text("url")?);
    let detail = fields.text("detail")?.filter(|detail| detail != "auto");
    fields.done()?;
    Ok(Media { kind: MediaKind::Image, source, name: None, detail })
}

fn read_audio<'a>(node: &Node<'a>) -> Result<Media<'a>, Inexpressible> {
    let mut fields = node.fields()?;
    let data = fields.need_text("data")?;
    let mime = Cow::Owned(format!("audio/{}", fields.need_text("format")?));
    fields.done()?;
    Ok(Media { kind: MediaKind::Audio, source: Source::Base64 { mime, data }, name: None, detail: None })
}

fn read_file<'a>(node: &Node<'a>) -> Result<Media<'a>, Inexpressible> {
    let mut fields = node.fields()?;
    let data = fields.need("file_data")?;
    let name = fields.text("filename")?;
    fields.done()?;
    let source = media::from_url(data.text()?);
    if !matches!(source, Source::Base64 { .. }) {
        return Err(data.flaw("expected a data URL"));
    }
    Ok(Media { kind: MediaKind::Document, source, name, detail: None })
}

/// Writes one part of a message.
pub(super) fn write(part: &Said<Part<'_>>, json: &mut Json) -> Result<(), Inexpressible> {
    match &part.what {
        Part::Text(text) => {
            json.object().key("type").text("text").key("text").text(text).end_object();
            Ok(())
        }
        Part::Refusal(text) => {
            json.object().key("type").text("refusal").key("refusal").text(text).end_object();
            Ok(())
        }
        Part::Media(media) => write_media(&part.at, media, json),
        Part::Reasoning { .. } | Part::Call(_) | Part::Result(_) => Ok(()),
    }
}

fn write_media(at: &str, media: &Media<'_>, json: &mut Json) -> Result<(), Inexpressible> {
    match (media.kind, &media.source) {
        (MediaKind::Image, source) => {
            json.object().key("type").text("image_url").key("image_url").object().key("url");
            media::write_url(source, json);
            if let Some(detail) = &media.detail {
                json.key("detail").text(detail);
            }
            json.end_object().end_object();
        }
        (MediaKind::Audio, Source::Base64 { mime, data }) => {
            let format = match &**mime {
                "audio/wav" | "audio/x-wav" => "wav",
                "audio/mp3" | "audio/mpeg" => "mp3",
                _ => return Err(Inexpressible::new(at, "chat completions take only WAV and MP3 sounds")),
            };
            json.object().key("type").text("input_audio").key("input_audio").object();
            json.key("data").text(data).key("format").text(format).end_object().end_object();
        }
        (MediaKind::Document, Source::Text(text)) => {
            json.object().key("type").text("text").key("text").text(text).end_object();
        }
        (MediaKind::Document, source @ Source::Base64 { .. }) => {
            json.object().key("type").text("file").key("file").object();
            // The member is required beside `file_data`.
            json.key("filename").text(media::file_name(media));
            json.key("file_data");
            media::write_url(source, json);
            json.end_object().end_object();
        }
        (MediaKind::Document | MediaKind::Audio, Source::Url(_)) | (MediaKind::Audio, Source::Text(_)) => {
            return Err(Inexpressible::unknown_to(at, TARGET));
        }
    }
    Ok(())
}
