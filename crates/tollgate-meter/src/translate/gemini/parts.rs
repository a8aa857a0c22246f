//! Parts of a turn, read in the order in which calls and their results belong together.

use std::borrow::Cow;

use crate::translate::conversation::{Call, CallResult, Media, Outcome, Part, Role, Said, Source, Turn};
use crate::translate::fields::{Fields, Node, Shape};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::json::Json;
use crate::translate::media;
use crate::translate::signature::{Maker, Signature};

/// Reads turns. Function calls of older clients have no ids: they get some, and results find theirs by name
/// and order.
#[derive(Debug, Default)]
pub(super) struct TurnReader<'a> {
    /// Calls without a result: id and name.
    unanswered: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    minted: u64,
}

impl<'a> TurnReader<'a> {
    /// Reads an element of `contents`.
    pub(super) fn read(&mut self, node: &Node<'a>, left: &mut LeftOut) -> Result<Turn<'a>, Inexpressible> {
        let mut fields = node.proto_fields()?;
        let role = match fields.take("role") {
            None => Role::User,
            Some(role) => match &*role.text()? {
                "user" | "function" | "" => Role::User,
                "model" => Role::Assistant,
                _ => return Err(role.flaw("expected user or model")),
            },
        };
        let mut turn = Turn { role, parts: Vec::new() };
        // Thoughts come in several parts, the last of which is sealed.
        let mut thought = String::new();
        for part in fields.items("parts")? {
            self.read_part(&part, &mut thought, &mut turn.parts, left)?;
        }
        if !thought.is_empty() {
            left.add(&fields.path_of("parts[].thought"));
        }
        fields.done()?;
        Ok(turn)
    }

    fn read_part(
        &mut self,
        node: &Node<'a>,
        thought: &mut String,
        parts: &mut Vec<Said<Part<'a>>>,
        left: &mut LeftOut,
    ) -> Result<(), Inexpressible> {
        let mut fields = node.proto_fields()?;
        let seal = fields.text("thoughtSignature")?.filter(|seal| !seal.is_empty());
        let seal = seal.map(|seal| Signature::read_base64(Maker::Gemini, seal));
        if fields.flag("thought")? == Some(true) {
            thought.push_str(&fields.text("text")?.unwrap_or_default());
            if let Some(signature) = seal {
                let text = Cow::Owned(std::mem::take(thought));
                parts.push(Said::new(&node.path, Part::Reasoning { text, signature }));
            }
            return fields.done();
        }
        if let Some(text) = fields.take("text") {
            parts.push(Said::new(&text.path, Part::Text(text.text()?)));
        } else if let Some(media) = read_media(&mut fields)? {
            parts.push(Said::new(&node.path, Part::Media(media)));
        } else if let Some(call) = fields.take("functionCall") {
            if let Some(signature) = seal {
                let text = Cow::Owned(std::mem::take(thought));
                parts.push(Said::new(fields.path_of("thoughtSignature"), Part::Reasoning { text, signature }));
            }
            parts.push(Said::new(&call.path, Part::Call(self.read_call(&call)?)));
            return fields.done();
        } else if let Some(result) = fields.take("functionResponse") {
            parts.push(Said::new(&result.path, Part::Result(self.read_result(&result)?)));
        }
        if seal.is_some() {
            left.add(&fields.path_of("thoughtSignature"));
        }
        fields.done()
    }

    fn read_call(&mut self, node: &Node<'a>) -> Result<Call<'a>, Inexpressible> {
        let mut fields = node.proto_fields()?;
        let name = fields.need_text("name")?;
        let id = match fields.text("id")? {
            Some(id) if !id.is_empty() => id,
            _ => {
                self.minted += 1;
                Cow::Owned(format!("call_gemini_{}", self.minted - 1))
            }
        };
        let arguments = fields.take("args").map_or(Ok("{}"), |args| args.object_text())?;
        fields.done()?;
        self.unanswered.push((id.clone(), name.clone()));
        Ok(Call { id, name, arguments: Cow::Borrowed(arguments) })
    }

    fn read_result(&mut self, node: &Node<'a>) -> Result<CallResult<'a>, Inexpressible> {
        let mut fields = node.proto_fields()?;
        let name = fields.need_text("name")?;
        let id = fields.text("id")?.filter(|id| !id.is_empty());
        let matches = |(known, called): &(Cow<'a, str>, Cow<'a, str>)| match &id {
            Some(id) => known == id,
            None => *called == name,
        };
        let Some(at) = self.unanswered.iter().position(matches) else {
            return Err(node.flaw("answers a function call that is not in the conversation"));
        };
        let (id, _) = self.unanswered.remove(at);
        let (outcome, mut content) = read_response(&fields.need("response")?)?;
        for part in fields.items("parts")? {
            let mut part_fields = part.proto_fields()?;
            let Some(media) = read_media(&mut part_fields)? else {
                return Err(part.flaw("expected inlineData or fileData"));
            };
            part_fields.done()?;
            content.push(Said::new(&part.path, Part::Media(media)));
        }
        fields.done()?;
        Ok(CallResult { id, name, outcome, content })
    }
}

/// `response`: the value of a lone `output`, `result` or `error`, else the object itself.
fn read_response<'a>(node: &Node<'a>) -> Result<(Outcome, Vec<Said<Part<'a>>>), Inexpressible> {
    let text = |value: &Node<'a>| match value.shape() {
        Shape::Text => value.text(),
        Shape::Object | Shape::Array | Shape::Other => Ok(Cow::Borrowed(value.raw)),
    };
    let lone = |name| {
        let mut fields = node.fields().ok()?;
        let value = fields.take(name)?;
        fields.done().ok().map(|()| value)
    };
    let (outcome, value) = match (lone("error"), lone("output").or_else(|| lone("result"))) {
        (Some(error), _) => (Outcome::Failure, text(&error)?),
        (None, Some(output)) => (Outcome::Success, text(&output)?),
        (None, None) => (Outcome::Success, Cow::Borrowed(node.object_text()?)),
    };
    Ok((outcome, vec![Said::new(&node.path, Part::Text(value))]))
}

fn read_media<'a>(fields: &mut Fields<'a>) -> Result<Option<Media<'a>>, Inexpressible> {
    let (kind, source, name) = if let Some(node) = fields.take("inlineData") {
        let mut blob = node.proto_fields()?;
        let mime = blob.need_text("mimeType")?;
        let data = blob.need_text("data")?;
        let name = blob.text("displayName")?;
        blob.done()?;
        (media::kind_of(&mime), Source::Base64 { mime, data }, name)
    } else if let Some(node) = fields.take("fileData") {
        let mut file = node.proto_fields()?;
        let url = file.need("fileUri")?;
        let mime = file.text("mimeType")?;
        let name = file.text("displayName")?;
        file.done()?;
        let address = url.text()?;
        if !address.starts_with("https://") || address.starts_with("https://generativelanguage.googleapis.com/") {
            return Err(url.flaw("a file stored with Google means nothing to another provider"));
        }
        let Some(mime) = mime.as_deref().or_else(|| media::mime_of_url(&address)) else {
            return Err(node.flaw("needs a mimeType"));
        };
        (media::kind_of(mime), Source::Url(address), name)
    } else {
        return Ok(None);
    };
    Ok(Some(Media { kind, source, name, detail: None }))
}

/// Writes an image or a file as the members of a part.
pub(super) fn write_media(media: &Media<'_>, json: &mut Json) {
    match &media.source {
        Source::Base64 { mime, data } => {
            json.key("inlineData").object().key("mimeType").text(mime).key("data").text(data).end_object();
        }
        Source::Url(url) => {
            json.key("fileData").object();
            if let Some(mime) = media::mime_of_url(url) {
                json.key("mimeType").text(mime);
            }
            json.key("fileUri").text(url).end_object();
        }
        Source::Text(text) => {
            json.key("text").text(text);
        }
    }
}

/// Whether a part of a result stands beside the function's response and not in it: everything but text.
pub(super) const fn is_attachment(part: &Part<'_>) -> bool {
    matches!(part, Part::Media(media) if !matches!(media.source, Source::Text(_)))
}
