//! Gemini: an answer, for the caller. A chunk of a stream has the shape of a whole answer.

use crate::translate::flaw::BadAnswer;
use crate::translate::json::Json;
use crate::translate::reply::{Piece, Reply, ReplyPart, Stop, arguments_object};
use crate::translate::signature::{Maker, Signature};
use crate::translate::{End, Facts, Framing, StreamWriter, error, usage};

/// Most bytes of one call's arguments, which are held until they are complete.
const ARGUMENTS_BYTES_MAX: usize = 16 << 20;

/// Writes a whole answer.
pub(crate) fn write_answer(reply: &Reply, model: &str, facts: &Facts, end: &End<'_>) -> Result<Vec<u8>, BadAnswer> {
    let mut json = Json::default();
    begin_content(&mut json);
    for part in &reply.parts {
        match part {
            ReplyPart::Text(text) | ReplyPart::Refusal(text) => write_text(&mut json, text),
            ReplyPart::Reasoning { text, signature } => {
                // Its own seals get here only in tests: answers come from other formats.
                write_thought(&mut json, text, signature.as_ref());
            }
            ReplyPart::Call { id, name, arguments } => write_call(&mut json, id, name, arguments)?,
        }
    }
    end_content(&mut json, Some(end), model, facts);
    Ok(json.into_bytes())
}

fn begin_content(json: &mut Json) {
    json.object().key("candidates").array().object().key("content").object().key("parts").array();
}

fn end_content(json: &mut Json, end: Option<&End<'_>>, model: &str, facts: &Facts) {
    json.end_array().key("role").text("model").end_object();
    if let Some(end) = end {
        json.key("finishReason").text(match end.stop {
            Stop::Done | Stop::Sequence(_) => "STOP",
            Stop::Length | Stop::ContextFull => "MAX_TOKENS",
            Stop::Filtered => "SAFETY",
        });
    }
    json.key("index").count(0).end_object().end_array();
    if let Some(used) = end.and_then(|end| end.usage) {
        json.key("usageMetadata");
        usage::write_gemini(used, json);
    }
    json.key("modelVersion").text(model).key("responseId").text(&facts.id).end_object();
}

fn write_text(json: &mut Json, text: &str) {
    json.object().key("text").text(text).end_object();
}

fn write_thought(json: &mut Json, text: &str, signature: Option<&Signature<'static>>) {
    json.object().key("text").text(text).key("thought").raw("true");
    if let Some(seal) = signature {
        json.key("thoughtSignature").text(&seal.written_base64(Maker::Gemini));
    }
    json.end_object();
}

fn write_call(json: &mut Json, id: &str, name: &str, arguments: &str) -> Result<(), BadAnswer> {
    let arguments = arguments_object(name, arguments)?;
    json.object().key("functionCall").object().key("id").text(id).key("name").text(name);
    json.key("args").raw(arguments).end_object().end_object();
    Ok(())
}

/// Writes a stream: every text a chunk, every call a chunk once it is complete.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    facts: Facts,
    model: String,
    /// The call whose arguments are coming: id, name, arguments.
    call: (String, String, String),
    chunks: u64,
}

impl ChunkWriter {
    pub(crate) fn new(facts: Facts) -> Self {
        Self { facts, model: String::new(), call: Default::default(), chunks: 0 }
    }

    fn frame(&mut self, out: &mut Vec<u8>, fill: impl FnOnce(&Self, &mut Vec<u8>)) {
        match (self.facts.framing, self.chunks) {
            (Framing::Sse, _) => out.extend_from_slice(b"data: "),
            (Framing::JsonArray, 0) => out.push(b'['),
            (Framing::JsonArray, _) => out.extend_from_slice(b",\r\n"),
        }
        fill(self, out);
        if self.facts.framing == Framing::Sse {
            out.extend_from_slice(b"\r\n\r\n");
        }
        self.chunks += 1;
    }

    fn chunk(&mut self, out: &mut Vec<u8>, end: Option<&End<'_>>, part: impl FnOnce(&mut Json)) {
        self.frame(out, |this, out| {
            let mut json = Json::behind(std::mem::take(out));
            begin_content(&mut json);
            part(&mut json);
            end_content(&mut json, end, &this.model, &this.facts);
            *out = json.into_bytes();
        });
    }

    fn end_array(&self, out: &mut Vec<u8>) {
        if self.facts.framing == Framing::JsonArray {
            out.push(b']');
        }
    }
}

impl StreamWriter for ChunkWriter {
    fn begin(&mut self, model: &str, _: &mut Vec<u8>) {
        model.clone_into(&mut self.model);
    }

    fn piece(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), BadAnswer> {
        match piece {
            Piece::Text(text) | Piece::Refusal(text) => self.chunk(out, None, |json| write_text(json, text)),
            Piece::Reasoning(text) => self.chunk(out, None, |json| write_thought(json, text, None)),
            Piece::Sealed(seal) => self.chunk(out, None, |json| write_thought(json, "", Some(seal))),
            Piece::Call { id, name } => self.call = (id.into(), name.into(), String::new()),
            Piece::Arguments(more) => {
                if self.call.2.len() + more.len() > ARGUMENTS_BYTES_MAX {
                    return Err(BadAnswer::malformed("arguments", "of a tool call are too long"));
                }
                self.call.2.push_str(more);
            }
            Piece::CallEnd => {
                let (id, name, arguments) = std::mem::take(&mut self.call);
                // Before anything of it is written: half a chunk could not be taken back.
                arguments_object(&name, &arguments)?;
                let mut written = Ok(());
                self.chunk(out, None, |json| written = write_call(json, &id, &name, &arguments));
                written?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, end: &End<'_>, out: &mut Vec<u8>) {
        self.chunk(out, Some(end), |json| write_text(json, ""));
        self.end_array(out);
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) {
        self.frame(out, |_, out| error::write_gemini(error::STREAM_STATUS, message, out));
        self.end_array(out);
    }
}
