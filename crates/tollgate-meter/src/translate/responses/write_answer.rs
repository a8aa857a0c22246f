//! Responses: a whole answer, for the caller, and the objects that streams repeat.

use crate::translate::flaw::BadAnswer;
use crate::translate::json::Json;
use crate::translate::reply::{Reply, ReplyPart, Stop};
use crate::translate::signature::Maker;
use crate::translate::{End, Facts, usage};

/// How far an answer or an item of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    /// Ended before it was done, for this reason.
    Incomplete(&'static str),
    Failed,
}

impl Status {
    pub(super) const fn of(stop: &Stop) -> Self {
        match stop {
            Stop::Done | Stop::Sequence(_) => Self::Completed,
            Stop::Length | Stop::ContextFull => Self::Incomplete("max_output_tokens"),
            Stop::Filtered => Self::Incomplete("content_filter"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed => "failed",
        }
    }
}

/// Writes a whole answer.
pub(crate) fn write_answer(reply: &Reply, model: &str, facts: &Facts, end: &End<'_>) -> Result<Vec<u8>, BadAnswer> {
    let mut json = Json::default();
    write_response(&mut json, reply, model, facts, Status::of(end.stop), Some(end), None);
    Ok(json.into_bytes())
}

/// Writes a response object. The settings that OpenAI echoes and requires are written as their defaults.
pub(super) fn write_response(
    json: &mut Json,
    reply: &Reply,
    model: &str,
    facts: &Facts,
    status: Status,
    end: Option<&End<'_>>,
    failure: Option<&str>,
) {
    json.object().key("id").joined(&["resp_", &facts.id]).key("object").text("response");
    json.key("created_at").count(facts.created_at_s).key("status").text(status.name()).key("error");
    match failure {
        Some(message) => {
            json.object().key("code").text("server_error").key("message").text(message).end_object();
        }
        None => {
            json.raw("null");
        }
    }
    json.key("incomplete_details");
    match status {
        Status::Incomplete(reason) => json.object().key("reason").text(reason).end_object(),
        Status::InProgress | Status::Completed | Status::Failed => json.raw("null"),
    };
    json.key("instructions").raw("null").key("metadata").raw("{}").key("model").text(model);
    json.key("output").array();
    for (index, part) in reply.parts.iter().enumerate() {
        write_item(json, part, index, facts, Status::Completed);
    }
    json.end_array().key("parallel_tool_calls").raw("true").key("temperature").raw("null");
    json.key("tool_choice").text("auto").key("tools").raw("[]").key("top_p").raw("null");
    json.key("usage");
    match end.and_then(|end| end.usage) {
        Some(used) => usage::write_responses(used, json),
        None => {
            json.raw("null");
        }
    }
    json.end_object();
}

/// The id of the item at `index`.
pub(super) fn item_id(part: &ReplyPart, index: usize, facts: &Facts) -> String {
    let prefix = match part {
        ReplyPart::Text(_) | ReplyPart::Refusal(_) => "msg",
        ReplyPart::Reasoning { .. } => "rs",
        ReplyPart::Call { .. } => "fc",
    };
    format!("{prefix}_{}_{index}", facts.id)
}

/// Writes an item of the output: as it begins, without content, or as it is.
pub(super) fn write_item(json: &mut Json, part: &ReplyPart, index: usize, facts: &Facts, status: Status) {
    let begins = status == Status::InProgress;
    json.object().key("id").text(&item_id(part, index, facts)).key("type");
    match part {
        ReplyPart::Text(_) | ReplyPart::Refusal(_) => {
            json.text("message").key("role").text("assistant").key("status").text(status.name());
            json.key("content").array();
            if !begins {
                write_part(json, part);
            }
            json.end_array();
        }
        ReplyPart::Reasoning { text, signature } => {
            json.text("reasoning").key("summary").array();
            if !begins && !text.is_empty() {
                json.object().key("type").text("summary_text").key("text").text(text).end_object();
            }
            json.end_array();
            if let Some(seal) = signature {
                // Its own seal gets here only in tests: answers come from other formats.
                json.key("encrypted_content").text(&seal.written(Maker::OpenAi));
            }
        }
        ReplyPart::Call { id, name, arguments } => {
            let arguments = if begins { "" } else { arguments_text(arguments) };
            json.text("function_call").key("status").text(status.name()).key("call_id").text(id);
            json.key("name").text(name).key("arguments").text(arguments);
        }
    }
    json.end_object();
}

/// Arguments as a text that is JSON also where there are none.
pub(super) fn arguments_text(arguments: &str) -> &str {
    if arguments.is_empty() { "{}" } else { arguments }
}

/// Writes the content of a message.
pub(super) fn write_part(json: &mut Json, part: &ReplyPart) {
    match part {
        ReplyPart::Text(text) => {
            json.object().key("type").text("output_text").key("text").text(text);
            json.key("annotations").raw("[]").key("logprobs").raw("[]").end_object();
        }
        ReplyPart::Refusal(text) => {
            json.object().key("type").text("refusal").key("refusal").text(text).end_object();
        }
        ReplyPart::Reasoning { .. } | ReplyPart::Call { .. } => (),
    }
}
