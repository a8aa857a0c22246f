//! Responses: a stream, for the caller.

use super::write_answer::{Status, arguments_text, item_id, write_item, write_part, write_response};
use crate::translate::flaw::BadAnswer;
use crate::translate::json::Json;
use crate::translate::reply::{Piece, Reply, ReplyPart};
use crate::translate::{End, Facts, StreamWriter};

/// Most bytes of an answer, which must be kept because the last event repeats all of it.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Writes a stream: items one after the other, each begun, filled and ended, then the whole response.
#[derive(Debug)]
pub(crate) struct EventWriter {
    facts: Facts,
    model: String,
    reply: Reply,
    reply_bytes: usize,
    /// Whether the last part of the reply is still being filled.
    open: bool,
    begun: bool,
    sequence_number: u64,
}

impl EventWriter {
    pub(crate) fn new(facts: Facts) -> Self {
        Self {
            facts,
            model: String::new(),
            reply: Reply::default(),
            reply_bytes: 0,
            open: false,
            begun: false,
            sequence_number: 0,
        }
    }

    fn event(&mut self, out: &mut Vec<u8>, kind: &str, fill: impl FnOnce(&Self, &mut Json)) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        let mut json = Json::behind(std::mem::take(out));
        json.object().key("type").text(kind).key("sequence_number").count(self.sequence_number);
        fill(self, &mut json);
        json.end_object();
        *out = json.into_bytes();
        out.extend_from_slice(b"\n\n");
        self.sequence_number += 1;
    }

    fn response_event(
        &mut self,
        out: &mut Vec<u8>,
        kind: &str,
        status: Status,
        end: Option<&End<'_>>,
        failure: Option<&str>,
    ) {
        self.event(out, kind, |this, json| {
            json.key("response");
            write_response(json, &this.reply, &this.model, &this.facts, status, end, failure);
        });
    }

    /// An event about the last part.
    fn part_event(&mut self, out: &mut Vec<u8>, kind: &str, fill: impl FnOnce(&ReplyPart, &mut Json)) {
        let index = self.reply.parts.len().saturating_sub(1);
        self.event(out, kind, |this, json| {
            if let Some(part) = this.reply.parts.last() {
                json.key("item_id").text(&item_id(part, index, &this.facts));
                json.key("output_index").raw(&index.to_string());
                fill(part, json);
            }
        });
    }

    fn item_event(&mut self, out: &mut Vec<u8>, kind: &str, status: Status) {
        let index = self.reply.parts.len().saturating_sub(1);
        self.event(out, kind, |this, json| {
            if let Some(part) = this.reply.parts.last() {
                json.key("output_index").raw(&index.to_string()).key("item");
                write_item(json, part, index, &this.facts, status);
            }
        });
    }

    /// Begins the part that the reply has just got.
    fn open(&mut self, out: &mut Vec<u8>) {
        self.open = true;
        self.item_event(out, "response.output_item.added", Status::InProgress);
        match self.reply.parts.last() {
            Some(ReplyPart::Text(_)) => {
                self.content_event(out, "response.content_part.added", &ReplyPart::Text(String::new()))
            }
            Some(ReplyPart::Refusal(_)) => {
                self.content_event(out, "response.content_part.added", &ReplyPart::Refusal(String::new()));
            }
            Some(ReplyPart::Reasoning { text, .. }) if !text.is_empty() => {
                self.summary_event(out, "response.reasoning_summary_part.added", |json| write_summary(json, ""));
            }
            Some(ReplyPart::Reasoning { .. } | ReplyPart::Call { .. }) | None => (),
        }
    }

    fn content_event(&mut self, out: &mut Vec<u8>, kind: &str, content: &ReplyPart) {
        self.part_event(out, kind, |_, json| {
            json.key("content_index").count(0).key("part");
            write_part(json, content);
        });
    }

    fn summary_event(&mut self, out: &mut Vec<u8>, kind: &str, fill: impl FnOnce(&mut Json)) {
        self.part_event(out, kind, |_, json| {
            json.key("summary_index").count(0);
            fill(json);
        });
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        match self.reply.parts.last() {
            Some(ReplyPart::Text(_)) => {
                self.part_event(out, "response.output_text.done", |part, json| {
                    if let ReplyPart::Text(text) = part {
                        json.key("content_index").count(0).key("text").text(text).key("logprobs").raw("[]");
                    }
                });
                self.content_done(out);
            }
            Some(ReplyPart::Refusal(_)) => {
                self.part_event(out, "response.refusal.done", |part, json| {
                    if let ReplyPart::Refusal(text) = part {
                        json.key("content_index").count(0).key("refusal").text(text);
                    }
                });
                self.content_done(out);
            }
            Some(ReplyPart::Reasoning { text, .. }) if !text.is_empty() => {
                let text = text.clone();
                self.summary_event(out, "response.reasoning_summary_text.done", |json| {
                    json.key("text").text(&text);
                });
                self.summary_event(out, "response.reasoning_summary_part.done", |json| write_summary(json, &text));
            }
            Some(ReplyPart::Call { .. }) => {
                self.part_event(out, "response.function_call_arguments.done", |part, json| {
                    if let ReplyPart::Call { name, arguments, .. } = part {
                        json.key("name").text(name).key("arguments").text(arguments_text(arguments));
                    }
                });
            }
            Some(ReplyPart::Reasoning { .. }) | None => (),
        }
        self.item_event(out, "response.output_item.done", Status::Completed);
    }

    fn content_done(&mut self, out: &mut Vec<u8>) {
        self.part_event(out, "response.content_part.done", |part, json| {
            json.key("content_index").count(0).key("part");
            write_part(json, part);
        });
    }

    /// Adds `piece` to the reply, beginning a part where it begins one.
    fn add(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) {
        let goes_on = self.open
            && matches!(
                (piece, self.reply.parts.last()),
                (Piece::Text(_), Some(ReplyPart::Text(_)))
                    | (Piece::Refusal(_), Some(ReplyPart::Refusal(_)))
                    | (Piece::Reasoning(_), Some(ReplyPart::Reasoning { .. }))
            );
        if goes_on {
            self.reply.add(piece);
        } else {
            self.close(out);
            self.reply.add(piece);
            self.open(out);
        }
    }
}

impl StreamWriter for EventWriter {
    fn begin(&mut self, model: &str, out: &mut Vec<u8>) {
        model.clone_into(&mut self.model);
        self.begun = true;
        self.response_event(out, "response.created", Status::InProgress, None, None);
        self.response_event(out, "response.in_progress", Status::InProgress, None, None);
    }

    fn piece(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), BadAnswer> {
        if let Piece::Text(text) | Piece::Refusal(text) | Piece::Reasoning(text) | Piece::Arguments(text) = piece {
            self.reply_bytes += text.len();
            if self.reply_bytes > ANSWER_BYTES_MAX {
                return Err(BadAnswer::malformed("body", "is longer than an answer in the responses format may be"));
            }
        }
        match piece {
            Piece::Text(text) => {
                self.add(piece, out);
                self.part_event(out, "response.output_text.delta", |_, json| {
                    json.key("content_index").count(0).key("delta").text(text).key("logprobs").raw("[]");
                });
            }
            Piece::Refusal(text) => {
                self.add(piece, out);
                self.part_event(out, "response.refusal.delta", |_, json| {
                    json.key("content_index").count(0).key("delta").text(text);
                });
            }
            Piece::Reasoning(text) => {
                self.add(piece, out);
                self.summary_event(out, "response.reasoning_summary_text.delta", |json| {
                    json.key("delta").text(text);
                });
            }
            Piece::Sealed(_) => {
                if self.open && matches!(self.reply.parts.last(), Some(ReplyPart::Reasoning { .. })) {
                    self.reply.add(piece);
                } else {
                    self.add(piece, out);
                }
                self.close(out);
            }
            Piece::Call { .. } => self.add(piece, out),
            Piece::Arguments(text) => {
                self.reply.add(piece);
                self.part_event(out, "response.function_call_arguments.delta", |_, json| {
                    json.key("delta").text(text);
                });
            }
            Piece::CallEnd => self.close(out),
        }
        Ok(())
    }

    fn finish(&mut self, end: &End<'_>, out: &mut Vec<u8>) {
        self.close(out);
        let status = Status::of(end.stop);
        let kind = if status == Status::Completed { "response.completed" } else { "response.incomplete" };
        self.response_event(out, kind, status, Some(end), None);
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) {
        // OpenAI's SDKs raise what stands in `error` of any event, and nothing at `response.failed`, which is
        // what agents wait for.
        self.event(out, "error", |_, json| {
            json.key("code").text("server_error").key("message").text(message).key("param").raw("null");
            json.key("error").object().key("type").text("server_error").key("code").text("server_error");
            json.key("message").text(message).key("param").raw("null").end_object();
        });
        if self.begun {
            self.response_event(out, "response.failed", Status::Failed, None, Some(message));
        }
    }
}

fn write_summary(json: &mut Json, text: &str) {
    json.key("part").object().key("type").text("summary_text").key("text").text(text).end_object();
}
