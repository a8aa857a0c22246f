//! Messages: an answer, for the caller.

use crate::translate::flaw::BadAnswer;
use crate::translate::json::Json;
use crate::translate::reply::{Piece, Reply, ReplyPart, Stop, arguments_object};
use crate::translate::signature::{Maker, Signature};
use crate::translate::{End, Facts, StreamWriter, error, usage};

/// Writes a whole answer.
pub(crate) fn write_answer(reply: &Reply, model: &str, facts: &Facts, end: &End<'_>) -> Result<Vec<u8>, BadAnswer> {
    let mut json = Json::default();
    head(&mut json, model, facts);
    json.key("content").array();
    for part in &reply.parts {
        match part {
            ReplyPart::Text(text) | ReplyPart::Refusal(text) => {
                json.object().key("type").text("text").key("text").text(text).end_object();
            }
            ReplyPart::Reasoning { text, signature } => write_reasoning(text, signature.as_ref(), &mut json),
            ReplyPart::Call { id, name, arguments } => {
                json.object().key("type").text("tool_use").key("id").text(id).key("name").text(name);
                json.key("input").raw(arguments_object(name, arguments)?).end_object();
            }
        }
    }
    json.end_array();
    write_stop(end, &mut json);
    json.key("usage");
    usage::write_messages(end.usage, &mut json);
    json.end_object();
    Ok(json.into_bytes())
}

fn head(json: &mut Json, model: &str, facts: &Facts) {
    json.object().key("id").joined(&["msg_", &facts.id]).key("type").text("message");
    json.key("role").text("assistant").key("model").text(model);
}

fn write_reasoning(text: &str, signature: Option<&Signature<'static>>, json: &mut Json) {
    match signature {
        Some(Signature { maker: Maker::AnthropicRedacted, value }) => {
            json.object().key("type").text("redacted_thinking").key("data").text(value).end_object();
        }
        // A block without a seal carries an empty one: the member is required.
        seal => {
            let seal = seal.map(|seal| seal.written(Maker::Anthropic)).unwrap_or_default();
            json.object().key("type").text("thinking").key("thinking").text(text);
            json.key("signature").text(&seal).end_object();
        }
    }
}

fn write_stop(end: &End<'_>, json: &mut Json) {
    json.key("stop_reason").text(match end.stop {
        Stop::Done if end.called => "tool_use",
        Stop::Done => "end_turn",
        Stop::Length => "max_tokens",
        Stop::ContextFull => "model_context_window_exceeded",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Filtered => "refusal",
    });
    json.key("stop_sequence");
    match end.stop {
        Stop::Sequence(Some(sequence)) => json.text(sequence),
        _ => json.raw("null"),
    };
}

/// Writes a stream: one block after the other, each begun and ended.
#[derive(Debug)]
pub(crate) struct EventWriter {
    facts: Facts,
    open: Option<Block>,
    /// Blocks that have begun.
    blocks: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Text,
    Thinking,
    Call,
}

impl EventWriter {
    pub(crate) fn new(facts: Facts) -> Self {
        Self { facts, open: None, blocks: 0 }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            let index = self.blocks.saturating_sub(1);
            event(out, "content_block_stop", |json| {
                json.key("index").count(index);
            });
        }
    }

    /// Begins a block unless one of its kind is open.
    fn open(&mut self, block: Block, out: &mut Vec<u8>, fill: impl FnOnce(&mut Json)) {
        if self.open == Some(block) && block != Block::Call {
            return;
        }
        self.close(out);
        let index = self.blocks;
        event(out, "content_block_start", |json| {
            json.key("index").count(index).key("content_block").object();
            fill(json);
            json.end_object();
        });
        self.open = Some(block);
        self.blocks += 1;
    }

    fn delta(&self, out: &mut Vec<u8>, kind: &str, member: &str, text: &str) {
        event(out, "content_block_delta", |json| {
            json.key("index").count(self.blocks.saturating_sub(1)).key("delta").object();
            json.key("type").text(kind).key(member).text(text).end_object();
        });
    }

    fn open_thinking(&mut self, out: &mut Vec<u8>) {
        self.open(Block::Thinking, out, |json| {
            json.key("type").text("thinking").key("thinking").text("").key("signature").text("");
        });
    }

    fn seal(&mut self, seal: &Signature<'static>, out: &mut Vec<u8>) {
        if seal.maker == Maker::AnthropicRedacted {
            self.close(out);
            self.open(Block::Thinking, out, |json| {
                json.key("type").text("redacted_thinking").key("data").text(&seal.value);
            });
        } else {
            self.open_thinking(out);
            self.delta(out, "signature_delta", "signature", &seal.written(Maker::Anthropic));
        }
        self.close(out);
    }
}

impl StreamWriter for EventWriter {
    fn begin(&mut self, model: &str, out: &mut Vec<u8>) {
        event(out, "message_start", |json| {
            json.key("message");
            head(json, model, &self.facts);
            json.key("content").array().end_array();
            json.key("stop_reason").raw("null").key("stop_sequence").raw("null").key("usage");
            usage::write_messages(None, json);
            json.end_object();
        });
    }

    fn piece(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), BadAnswer> {
        match piece {
            Piece::Text(text) | Piece::Refusal(text) => {
                self.open(Block::Text, out, |json| {
                    json.key("type").text("text").key("text").text("");
                });
                self.delta(out, "text_delta", "text", text);
            }
            Piece::Reasoning(text) => {
                self.open_thinking(out);
                self.delta(out, "thinking_delta", "thinking", text);
            }
            Piece::Sealed(seal) => self.seal(seal, out),
            Piece::Call { id, name } => self.open(Block::Call, out, |json| {
                json.key("type").text("tool_use").key("id").text(id).key("name").text(name).key("input").raw("{}");
            }),
            Piece::Arguments(arguments) => self.delta(out, "input_json_delta", "partial_json", arguments),
            Piece::CallEnd => self.close(out),
        }
        Ok(())
    }

    fn finish(&mut self, end: &End<'_>, out: &mut Vec<u8>) {
        self.close(out);
        event(out, "message_delta", |json| {
            json.key("delta").object();
            write_stop(end, json);
            json.end_object().key("usage");
            usage::write_messages(end.usage, json);
        });
        event(out, "message_stop", |_| ());
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: error\ndata: ");
        error::write_messages(error::STREAM_STATUS, message, out);
        out.extend_from_slice(b"\n\n");
    }
}

/// Appends an event with its type and the members that `fill` writes.
fn event(out: &mut Vec<u8>, kind: &str, fill: impl FnOnce(&mut Json)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let mut json = Json::behind(std::mem::take(out));
    json.object().key("type").text(kind);
    fill(&mut json);
    json.end_object();
    *out = json.into_bytes();
    out.extend_from_slice(b"\n\n");
}
