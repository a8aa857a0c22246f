//! Edits a body in place.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Delivery, LlmRequest, Nested, Others};
use crate::endpoint::{BodyKind, Endpoint, Format};
use crate::json::whole_number;

/// What to change in a body before it is forwarded; the default changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Edits<'a> {
    /// The name under which the upstream knows the model. Where it stands in the path, see
    /// [`Target::path_for`](crate::endpoint::Target::path_for).
    pub model: Option<&'a str>,
    /// The most tokens per answer. Set in every output bound that the body has, else added. Ignored where
    /// the endpoint [takes none](Endpoint::takes_output_bound).
    pub output_bound: Option<u64>,
    /// The member that is added to chat completions without an output bound; other endpoints know one name.
    pub output_field: OutputField,
    /// Whether a stream must end with a usage chunk.
    pub usage: AskForUsage,
}

/// The names of the output bound. OpenAI's reasoning models refuse `max_tokens` in chat completions;
/// Ollama and Mistral know nothing else. Gemini's has a place of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutputField {
    /// `max_completion_tokens`.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`.
    MaxTokens,
    /// `max_output_tokens`, of the Responses API.
    MaxOutputTokens,
}

/// Whether to make the upstream report the usage of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AskForUsage {
    /// Leave it to the caller.
    #[default]
    AsSent,
    /// Set `stream_options.include_usage` on streams of chat completions and completions; without effect on
    /// others, which report in any case.
    Always,
}

impl OutputField {
    /// The member's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
        }
    }
}

/// A replacement of some bytes; an insertion where the range is empty.
struct Splice<'a> {
    place: Range<usize>,
    by: Cow<'a, str>,
}

impl LlmRequest {
    /// The body with `edits` made, and every other byte as the caller sent it.
    ///
    /// Where nothing changes, the very same `Bytes`, without a copy.
    #[must_use]
    pub fn rewritten(&self, edits: &Edits<'_>) -> Bytes {
        let mut splices = Vec::new();
        self.splice_model(edits, &mut splices);
        self.splice_output_bound(edits, &mut splices);
        self.splice_usage(edits, &mut splices);
        if splices.is_empty() {
            return self.body.clone();
        }
        splices.sort_by_key(|splice: &Splice<'_>| splice.place.start);
        spliced(&self.body, &splices)
    }

    fn splice_model(&self, edits: &Edits<'_>, splices: &mut Vec<Splice<'_>>) {
        let is_in_body = !self.places.model.is_empty();
        if let Some(model) = edits.model.filter(|model| is_in_body && *model != &*self.model) {
            let by = match self.endpoint.body_kind() {
                BodyKind::Json => serde_json::Value::from(model).to_string(),
                BodyKind::Form => model.to_owned(),
            };
            splices.push(Splice { place: self.places.model.clone(), by: by.into() });
        }
    }

    fn splice_output_bound(&self, edits: &Edits<'_>, splices: &mut Vec<Splice<'_>>) {
        let Some(bound) = edits.output_bound.filter(|_| self.endpoint.takes_output_bound()) else { return };
        let missing = match self.endpoint {
            Endpoint::ChatCompletions => edits.output_field,
            Endpoint::Responses => OutputField::MaxOutputTokens,
            _ if self.endpoint.format() == Format::Gemini => {
                return splices.extend(self.nested("generationConfig", "maxOutputTokens", &bound.to_string()));
            }
            _ => OutputField::MaxTokens,
        };
        // A bound of null is no bound: it is left alone unless it is the one to be added.
        let is_set = |place: &Range<usize>| whole_number(&self.body[place.clone()]).is_some();
        let any_set = self.places.output_bounds.iter().any(|(_, place)| is_set(place));
        let mut added = any_set;
        for (field, place) in &self.places.output_bounds {
            let fills_null = !any_set && *field == missing;
            if fills_null || (is_set(place) && whole_number(&self.body[place.clone()]) != Some(bound)) {
                splices.push(Splice { place: place.clone(), by: bound.to_string().into() });
            }
            added |= fills_null;
        }
        if !added {
            splices.push(self.first_member(format!("\"{}\":{bound},", missing.name())));
        }
    }

    fn splice_usage(&self, edits: &Edits<'_>, splices: &mut Vec<Splice<'_>>) {
        let can_ask = matches!(self.endpoint, Endpoint::ChatCompletions | Endpoint::Completions);
        if can_ask && edits.usage == AskForUsage::Always && self.delivery == Delivery::Streamed {
            splices.extend(self.nested("stream_options", "include_usage", "true"));
        }
    }

    /// What makes the member `inner` of the member `outer` be `value`; nothing where it is already.
    fn nested(&self, outer: &str, inner: &str, value: &str) -> Option<Splice<'static>> {
        Some(match &self.places.nested {
            Nested::Absent => self.first_member(format!("\"{outer}\":{{\"{inner}\":{value}}},")),
            Nested::Null(place) => Splice { place: place.clone(), by: format!("{{\"{inner}\":{value}}}").into() },
            Nested::Without { first_member, others } => {
                let comma = match others {
                    Others::None => "",
                    Others::Some => ",",
                };
                Splice { place: *first_member..*first_member, by: format!("\"{inner}\":{value}{comma}").into() }
            }
            Nested::With(place) if self.body[place.clone()] == *value.as_bytes() => return None,
            Nested::With(place) => Splice { place: place.clone(), by: value.to_owned().into() },
        })
    }

    /// A new first member of the body. There is always one behind it: a body has a model.
    fn first_member<'a>(&self, member: impl Into<Cow<'a, str>>) -> Splice<'a> {
        let at = self.places.first_member;
        Splice { place: at..at, by: member.into() }
    }
}

/// `body` with `splices` made, which are in order and do not overlap.
fn spliced(body: &Bytes, splices: &[Splice<'_>]) -> Bytes {
    let added: usize = splices.iter().map(|splice| splice.by.len()).sum();
    let mut edited = BytesMut::with_capacity(body.len() + added);
    let mut copied = 0;
    for splice in splices {
        edited.put_slice(&body[copied..splice.place.start]);
        edited.put_slice(splice.by.as_bytes());
        copied = splice.place.end;
    }
    edited.put_slice(&body[copied..]);
    edited.freeze()
}
