//! Chat completions: an answer, for the caller.

use crate::request::UsageChunk;
use crate::translate::flaw::BadAnswer;
use crate::translate::json::Json;
use crate::translate::reply::{Piece, Reply, ReplyPart, Stop};
use crate::translate::signature::{Maker, Signature};
use crate::translate::{End, Facts, StreamWriter, error, usage};

/// Writes a whole answer.
pub(crate) fn write_answer(reply: &Reply, model: &str, facts: &Facts, end: &End<'_>) -> Result<Vec<u8>, BadAnswer> {
    let mut json = Json::default();
    head(&mut json, "chat.completion", model, facts);
    json.key("choices").array().object().key("index").count(0).key("message").object();
    json.key("role").text("assistant");
    write_text(&mut json, "content", reply, |part| match part {
        ReplyPart::Text(text) => Some(text),
        _ => None,
    });
    write_text(&mut json, "refusal", reply, |part| match part {
        ReplyPart::Refusal(text) => Some(text),
        _ => None,
    });
    if reply.parts.iter().any(|part| matches!(part, ReplyPart::Reasoning { text, .. } if !text.is_empty())) {
        write_text(&mut json, "reasoning_content", reply, |part| match part {
            ReplyPart::Reasoning { text, .. } => Some(text),
            _ => None,
        });
    }
    if reply.calls() {
        write_calls(&mut json, reply);
    }
    json.end_object().key("logprobs").raw("null").key("finish_reason").text(finish_reason(end)).end_object();
    json.end_array();
    if let Some(used) = end.usage {
        json.key("usage");
        usage::write_chat(used, &mut json);
    }
    json.end_object();
    Ok(json.into_bytes())
}

fn head(json: &mut Json, object: &str, model: &str, facts: &Facts) {
    json.object().key("id").joined(&["chatcmpl-", &facts.id]).key("object").text(object);
    json.key("created").count(facts.created_at_s).key("model").text(model);
}

/// All texts that `pick` finds, joined; null where there is none.
fn write_text(json: &mut Json, name: &str, reply: &Reply, pick: impl Fn(&ReplyPart) -> Option<&String>) {
    let texts: Vec<&str> = reply.parts.iter().filter_map(&pick).map(String::as_str).collect();
    json.key(name);
    if texts.is_empty() {
        json.raw("null");
    } else {
        json.joined(&texts);
    }
}

fn write_calls(json: &mut Json, reply: &Reply) {
    json.key("tool_calls").array();
    let mut seal = None;
    for part in &reply.parts {
        match part {
            ReplyPart::Reasoning { signature, .. } => seal = signature.as_ref(),
            ReplyPart::Call { id, name, arguments } => {
                json.object();
                begin_call(json, id, name, seal.take(), if arguments.is_empty() { "{}" } else { arguments });
                json.end_object();
            }
            ReplyPart::Text(_) | ReplyPart::Refusal(_) => (),
        }
    }
    json.end_array();
}

fn begin_call(json: &mut Json, id: &str, name: &str, seal: Option<&Signature<'static>>, arguments: &str) {
    json.key("id").text(id).key("type").text("function").key("function").object();
    json.key("name").text(name).key("arguments").text(arguments).end_object();
    if let Some(seal) = seal.filter(|seal| seal.maker == Maker::Gemini) {
        json.key("extra_content").object().key("google").object();
        json.key("thought_signature").text(&seal.value).end_object().end_object();
    }
}

fn finish_reason(end: &End<'_>) -> &'static str {
    match end.stop {
        Stop::Done if end.called => "tool_calls",
        Stop::Done | Stop::Sequence(_) => "stop",
        Stop::Length | Stop::ContextFull => "length",
        Stop::Filtered => "content_filter",
    }
}

/// Writes a stream: the role first, then texts and calls, the reason of the end, usage if it was asked for.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    facts: Facts,
    model: String,
    /// Calls that have begun.
    calls: u64,
    /// Whether the last call has arguments.
    argued: bool,
    seal: Option<Signature<'static>>,
}

impl ChunkWriter {
    pub(crate) fn new(facts: Facts) -> Self {
        Self { facts, model: String::new(), calls: 0, argued: false, seal: None }
    }

    fn chunk(&self, out: &mut Vec<u8>, delta: impl FnOnce(&mut Json), reason: Option<&str>) {
        self.event(out, |json| {
            json.object().key("index").count(0).key("delta").object();
            delta(json);
            json.end_object().key("logprobs").raw("null").key("finish_reason");
            match reason {
                Some(reason) => json.text(reason),
                None => json.raw("null"),
            };
            json.end_object();
        });
    }

    fn event(&self, out: &mut Vec<u8>, choices: impl FnOnce(&mut Json)) {
        self.open(out, choices, |json| {
            if self.facts.usage_chunk == UsageChunk::Asked {
                json.key("usage").raw("null");
            }
        });
    }

    fn open(&self, out: &mut Vec<u8>, choices: impl FnOnce(&mut Json), tail: impl FnOnce(&mut Json)) {
        out.extend_from_slice(b"data: ");
        let mut json = Json::behind(std::mem::take(out));
        head(&mut json, "chat.completion.chunk", &self.model, &self.facts);
        json.key("choices").array();
        choices(&mut json);
        json.end_array();
        tail(&mut json);
        json.end_object();
        *out = json.into_bytes();
        out.extend_from_slice(b"\n\n");
    }

    fn call_delta(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Json)) {
        let delta = |json: &mut Json| {
            json.key("tool_calls").array().object().key("index").count(self.calls.saturating_sub(1));
            fill(json);
            json.end_object().end_array();
        };
        self.chunk(out, delta, None);
    }
}

impl StreamWriter for ChunkWriter {
    fn begin(&mut self, model: &str, out: &mut Vec<u8>) {
        model.clone_into(&mut self.model);
        self.chunk(
            out,
            |json| {
                json.key("role").text("assistant").key("content").text("");
            },
            None,
        );
    }

    fn piece(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), BadAnswer> {
        match piece {
            Piece::Text(text) => self.chunk(
                out,
                |json| {
                    json.key("content").text(text);
                },
                None,
            ),
            Piece::Refusal(text) => self.chunk(
                out,
                |json| {
                    json.key("refusal").text(text);
                },
                None,
            ),
            Piece::Reasoning(text) => self.chunk(
                out,
                |json| {
                    json.key("reasoning_content").text(text);
                },
                None,
            ),
            Piece::Sealed(seal) => self.seal = Some(seal.clone()),
            Piece::Call { id, name } => {
                self.calls += 1;
                self.argued = false;
                let seal = self.seal.take();
                self.call_delta(out, |json| begin_call(json, id, name, seal.as_ref(), ""));
            }
            Piece::Arguments(arguments) => {
                self.argued = true;
                self.call_delta(out, |json| write_arguments(json, arguments));
            }
            // Clients parse what they have collected; an empty text is no JSON.
            Piece::CallEnd if !self.argued => self.call_delta(out, |json| write_arguments(json, "{}")),
            Piece::CallEnd => (),
        }
        Ok(())
    }

    fn finish(&mut self, end: &End<'_>, out: &mut Vec<u8>) {
        self.chunk(out, |_| (), Some(finish_reason(end)));
        if let (UsageChunk::Asked, Some(used)) = (self.facts.usage_chunk, end.usage) {
            let write_usage = |json: &mut Json| {
                json.key("usage");
                usage::write_chat(used, json);
            };
            self.open(out, |_| (), write_usage);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        error::write_openai(error::STREAM_STATUS, message, out);
        out.extend_from_slice(b"\n\n");
    }
}

fn write_arguments(json: &mut Json, arguments: &str) {
    json.key("function").object().key("arguments").text(arguments).end_object();
}
