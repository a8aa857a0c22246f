//! Translation between the wire formats of language models: what a caller says in one is sent to an
//! upstream in another, and what comes back is said in the caller's.
//!
//! Hub and spokes: [`conversation`] and [`reply`] hold a request and an answer in no provider's words; each
//! of [`chat`], [`responses`], [`messages`] and [`gemini`] reads its format into them and writes it from
//! them. So there are four spokes and not twelve pairs. A call whose upstream speaks the caller's own format
//! does not come here: its bytes pass as they are.
//!
//! **Nothing is dropped silently.** A member of a request that no reader knows, or that the target cannot
//! express, is [`Inexpressible`] and names its path in the caller's own request. Null and documented
//! defaults are always fine. Members without effect on the answer (`user`, `metadata`, `store`, keys and
//! marks for caches, safety identifiers, labels) are left out and reported ([`Translated::left_out`]).
//!
//! Rules that a reader of the code would look for:
//! - System and developer messages stand in their place for OpenAI's formats. Anthropic and Gemini keep
//!   instructions apart from the conversation: there all of them, in order, become the system prompt.
//! - Turns of the same side that follow each other become one, results of tools first.
//! - Sealed reasoning goes back to the provider that sealed it and to nobody else ([`signature`]).
//!   Unsealed reasoning in a history is left out.
//! - Ids of tool calls are kept where the target takes them, else replaced in call and result alike.
//! - Several answers to one request (`n`), log probabilities and hosted tools are refused.
//!
//! Everything is pure: ids and times come in with the [`Facts`]. Usage is not read here; the meter has done
//! so, and its figures are written in the target's shape.

mod calls;
mod chat;
mod conversation;
mod error;
mod fields;
mod flaw;
mod gemini;
mod json;
mod media;
mod messages;
mod reply;
mod responses;
mod sequence;
mod settings;
mod signature;
mod stream;
mod usage;

use std::borrow::Cow;

use bytes::Bytes;
use tollgate_core::meter::Usage;

use crate::request::{Delivery, OutputField, UsageChunk};
use conversation::{Conversation, Part, Role, Said, Turn};
pub use error::{MESSAGE_CHARS_MAX, anthropic_type, gemini_status, translate_error};
use flaw::LeftOut;
pub use flaw::{BadAnswer, Inexpressible};
use reply::{Event, Piece, Reply, Stop};
use sequence::Sequence;
pub use stream::StreamTranslator;

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `POST /v1/chat/completions`.
    OpenAiChat,
    /// `POST /v1/responses`.
    OpenAiResponses,
    /// `POST /v1/messages`.
    AnthropicMessages,
    /// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.
    Gemini,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::OpenAiChat, Self::OpenAiResponses, Self::AnthropicMessages, Self::Gemini];

    const fn id_rule(self) -> calls::IdRule {
        match self {
            Self::OpenAiChat => chat::ID_RULE,
            Self::OpenAiResponses => responses::ID_RULE,
            Self::AnthropicMessages => messages::ID_RULE,
            Self::Gemini => gemini::ID_RULE,
        }
    }
}

/// How a stream in the Gemini format is framed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events (`alt=sse`), as the other formats.
    #[default]
    Sse,
    /// One JSON array whose elements arrive one by one.
    JsonArray,
}

/// What translation needs to know besides the bytes.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Tollgate's id of the request; answers carry it behind the format's own prefix, and calls of tools to
    /// which the upstream gave no id are named after it.
    pub id: Box<str>,
    /// The model as the caller named it: what an answer says if the upstream names none.
    pub model_asked: Box<str>,
    /// The model as the upstream knows it.
    pub model_upstream: Box<str>,
    /// When the request came, in seconds of Unix time.
    pub created_at_s: u64,
    /// The output bound that holds. The smaller of it and the request's own is sent.
    pub output_bound: Option<u64>,
    /// How an upstream of chat completions names the bound.
    pub output_field: OutputField,
    /// Whether the answer is streamed; the body's own `stream` is not looked at.
    pub delivery: Delivery,
    /// Whether a caller of chat completions asked for the chunk with the usage.
    pub usage_chunk: UsageChunk,
    /// How a caller of Gemini wants a stream framed.
    pub framing: Framing,
}

impl Facts {
    fn bound(&self, asked: Option<u64>) -> Option<u64> {
        match (asked, self.output_bound) {
            (Some(asked), Some(holds)) => Some(asked.min(holds)),
            (asked, holds) => asked.or(holds),
        }
    }
}

/// A request in the upstream's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The body to send.
    pub body: Bytes,
    /// Members that had no effect on the answer and were left out: `metadata`,
    /// `messages[].content[].cache_control`.
    pub left_out: Vec<String>,
}

/// Translates a request.
///
/// # Errors
/// [`Inexpressible`] names the first member that the target cannot express or that is not understood.
pub fn translate_request(from: Format, to: Format, body: &[u8], facts: &Facts) -> Result<Translated, Inexpressible> {
    let mut left = LeftOut::default();
    let mut conversation = match from {
        Format::OpenAiChat => chat::read_request(body, &mut left),
        Format::OpenAiResponses => responses::read_request(body, &mut left),
        Format::AnthropicMessages => messages::read_request(body, &mut left),
        Format::Gemini => gemini::read_request(body, &mut left),
    }?;
    calls::check(&mut conversation, to.id_rule())?;
    if conversation.tools.is_empty() {
        // Without tools neither says anything, and several formats refuse them then.
        conversation.tool_choice = None;
        conversation.one_call_at_a_time = None;
    }
    let body = match to {
        Format::OpenAiChat => chat::write_request(&conversation, facts, &mut left),
        Format::OpenAiResponses => responses::write_request(&conversation, facts, &mut left),
        Format::AnthropicMessages => messages::write_request(&conversation, facts, &mut left),
        Format::Gemini => gemini::write_request(&conversation, facts, &mut left),
    }?;
    Ok(Translated { body: body.into(), left_out: left.into_names() })
}

/// Translates a whole answer with status 200 from the upstream's format `from` into the caller's `to`.
///
/// `usage` is what the meter read; without it the report is left out, or zero where the format requires one.
///
/// # Errors
/// [`BadAnswer`] if the answer is not of its format or says something that no other format can.
pub fn translate_answer(
    from: Format,
    to: Format,
    body: &[u8],
    facts: &Facts,
    usage: Option<&Usage>,
) -> Result<Bytes, BadAnswer> {
    let events = match from {
        Format::OpenAiChat => chat::read_answer(body),
        Format::OpenAiResponses => responses::read_answer(body),
        Format::AnthropicMessages => messages::read_answer(body),
        Format::Gemini => gemini::read_answer(body),
    }?;
    let mut sequence = Sequence::new(&facts.id);
    let mut reply = Reply::default();
    for event in events {
        sequence.take(event, &mut |piece| reply.add(piece))?;
    }
    sequence.close_all(&mut |piece| reply.add(piece));
    let model = sequence.model().unwrap_or(&facts.model_asked);
    let stop = sequence.stop().unwrap_or(&Stop::Done);
    let end = End { stop, called: sequence.called(), usage };
    let body = match to {
        Format::OpenAiChat => chat::write_answer(&reply, model, facts, &end),
        Format::OpenAiResponses => responses::write_answer(&reply, model, facts, &end),
        Format::AnthropicMessages => messages::write_answer(&reply, model, facts, &end),
        Format::Gemini => gemini::write_answer(&reply, model, facts, &end),
    }?;
    Ok(body.into())
}

/// How an answer ended.
#[derive(Debug)]
struct End<'e> {
    stop: &'e Stop,
    /// Whether a tool was called.
    called: bool,
    usage: Option<&'e Usage>,
}

/// Reads the events of an upstream's stream.
trait StreamReader: std::fmt::Debug + Send {
    /// Reads one server-sent event: the name of the event, where it has one, and its data.
    fn read<'e>(&mut self, name: &[u8], data: &'e [u8], events: &mut Vec<Event<'e>>) -> Result<(), BadAnswer>;
}

/// Writes the stream for the caller. [`StreamWriter::begin`] comes first, then pieces, then one of
/// [`StreamWriter::finish`] and [`StreamWriter::fail`]; nothing but `finish` says that the answer is
/// complete. `fail` may come first of all.
trait StreamWriter: std::fmt::Debug + Send {
    fn begin(&mut self, model: &str, out: &mut Vec<u8>);
    fn piece(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), BadAnswer>;
    fn finish(&mut self, end: &End<'_>, out: &mut Vec<u8>);
    fn fail(&mut self, message: &str, out: &mut Vec<u8>);
}

/// Turns of the same role in a row, as one.
struct Merged<'t, 'a> {
    role: Role,
    parts: Vec<&'t Said<Part<'a>>>,
}

/// Joins turns of the same role that follow each other.
fn merged<'t, 'a>(turns: impl IntoIterator<Item = &'t Turn<'a>>) -> Vec<Merged<'t, 'a>>
where
    'a: 't,
{
    let mut merged: Vec<Merged<'t, 'a>> = Vec::new();
    for turn in turns {
        match merged.last_mut() {
            Some(last) if last.role == turn.role => last.parts.extend(&turn.parts),
            _ => merged.push(Merged { role: turn.role, parts: turn.parts.iter().collect() }),
        }
    }
    merged
}

/// The instructions of a conversation, wherever they stand.
fn instructions<'t>(conversation: &'t Conversation<'_>) -> Result<Vec<&'t Cow<'t, str>>, Inexpressible> {
    let mut texts = Vec::new();
    for part in conversation.turns.iter().filter(|turn| turn.role.instructs()).flat_map(|turn| &turn.parts) {
        match &part.what {
            Part::Text(text) => texts.push(text),
            _ => return Err(Inexpressible::new(&part.at, "instructions can only be text")),
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests;
