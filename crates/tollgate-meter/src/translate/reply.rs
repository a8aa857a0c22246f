//! What an answer says, in no provider's words.
//!
//! Readers turn an answer, whole or in pieces, into [`Event`]s. The [`Sequence`](super::sequence::Sequence)
//! puts those in order and makes [`Piece`]s of them, which the writers of streams write as they come. A
//! whole answer is a [`Reply`], collected from the same pieces.

use std::borrow::Cow;

use super::flaw::BadAnswer;
use super::signature::Signature;

/// What an upstream's answer or event says, as it comes.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The model that answers.
    Model(Cow<'a, str>),
    Text(Cow<'a, str>),
    Refusal(Cow<'a, str>),
    Reasoning(Cow<'a, str>),
    /// The seal on the reasoning so far.
    Sealed(Signature<'a>),
    /// A tool call begins. `slot` tells calls apart that arrive at the same time. An empty id is replaced.
    Call {
        slot: u64,
        id: Cow<'a, str>,
        name: Cow<'a, str>,
    },
    /// More of the arguments of the call in `slot`.
    Arguments {
        slot: u64,
        json: Cow<'a, str>,
    },
    /// Why the answer ended. Nothing follows but usage.
    Stop(Stop),
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The model had said everything, or called tools: which of them follows from the answer.
    Done,
    /// The output bound was reached.
    Length,
    /// The context window was full.
    ContextFull,
    /// One of the caller's stop sequences appeared; which one, if the upstream says.
    Sequence(Option<String>),
    /// A filter, or the model itself, refused.
    Filtered,
}

/// A piece of an answer in order: reasoning and text come in runs, tool calls one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece<'p> {
    Text(&'p str),
    Refusal(&'p str),
    Reasoning(&'p str),
    Sealed(&'p Signature<'static>),
    Call {
        id: &'p str,
        name: &'p str,
    },
    /// More of the arguments of the last call.
    Arguments(&'p str),
    /// The arguments of the last call are complete.
    CallEnd,
}

/// A whole answer.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub parts: Vec<ReplyPart>,
}

#[derive(Debug)]
pub(crate) enum ReplyPart {
    Text(String),
    Refusal(String),
    Reasoning { text: String, signature: Option<Signature<'static>> },
    Call { id: String, name: String, arguments: String },
}

impl Reply {
    pub(crate) fn add(&mut self, piece: Piece<'_>) {
        match (piece, self.parts.last_mut()) {
            (Piece::Text(more), Some(ReplyPart::Text(text))) => text.push_str(more),
            (Piece::Text(text), _) => self.parts.push(ReplyPart::Text(text.into())),
            (Piece::Refusal(more), Some(ReplyPart::Refusal(text))) => text.push_str(more),
            (Piece::Refusal(text), _) => self.parts.push(ReplyPart::Refusal(text.into())),
            (Piece::Reasoning(more), Some(ReplyPart::Reasoning { text, signature: None })) => text.push_str(more),
            (Piece::Reasoning(text), _) => {
                self.parts.push(ReplyPart::Reasoning { text: text.into(), signature: None });
            }
            (Piece::Sealed(seal), Some(ReplyPart::Reasoning { signature: signature @ None, .. })) => {
                *signature = Some(seal.clone());
            }
            (Piece::Sealed(seal), _) => {
                self.parts.push(ReplyPart::Reasoning { text: String::new(), signature: Some(seal.clone()) });
            }
            (Piece::Call { id, name }, _) => {
                self.parts.push(ReplyPart::Call { id: id.into(), name: name.into(), arguments: String::new() });
            }
            (Piece::Arguments(json), Some(ReplyPart::Call { arguments, .. })) => arguments.push_str(json),
            (Piece::Arguments(_) | Piece::CallEnd, _) => (),
        }
    }

    /// Whether the assistant called a tool.
    pub(crate) fn calls(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, ReplyPart::Call { .. }))
    }
}

/// The arguments of a call as a JSON object; none at all are an empty one.
///
/// # Errors
/// Text that is not a JSON object: models do write such, and formats that keep arguments as a value have no
/// place for it.
pub(crate) fn arguments_object<'j>(name: &str, json: &'j str) -> Result<&'j str, BadAnswer> {
    if json.trim().is_empty() {
        return Ok("{}");
    }
    if is_object(json) {
        return Ok(json);
    }
    let name: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    Err(BadAnswer::malformed("arguments", format!("of the call of {name} are not a JSON object")))
}

/// Whether `json` is one valid JSON object.
pub(crate) fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok()
}
