//! Collects the members of a body until it has been walked over.

use bytes::Bytes;
use tollgate_core::meter::{Meter, MeterSet, Usage};

use super::values::{count, flag, model_name};
use super::{
    CHOICES_MAX, Delivery, LlmRequest, Nested, OUTPUT_BOUND_MAX, Others, OutputField, Places, PromptSize, UsageChunk,
    Variant, is_outside_prompt, refuse_server_only,
};
use crate::endpoint::{Endpoint, Format, Target};
use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody, Member};

/// A request of which some members have been read.
pub(crate) struct Draft {
    pub endpoint: Endpoint,
    pub model: Option<Box<str>>,
    pub delivery: Delivery,
    pub usage_chunk: UsageChunk,
    pub output_bound: Option<u64>,
    pub output_most: Option<u64>,
    pub output_beside: u64,
    pub choices: Option<u64>,
    pub best_of: Option<u64>,
    pub prompt: PromptSize,
    /// How many prompts there are; `None` until they were found.
    pub prompts: Option<u64>,
    pub beside: Usage,
    pub answers: MeterSet,
    pub variant: Variant,
    pub places: Places,
}

impl Draft {
    /// At the start of a body for `target`.
    pub(super) fn new(target: &Target<'_>) -> Result<Self, BadBody> {
        let delivery = match target.endpoint {
            Endpoint::StreamGenerateContent => Delivery::Streamed,
            _ => Delivery::Whole,
        };
        let text = MeterSet::of(Meter::OutputTokens).with(Meter::ReasoningTokens);
        Ok(Self {
            endpoint: target.endpoint,
            model: target.model.as_deref().map(model_name).transpose()?,
            delivery,
            usage_chunk: UsageChunk::default(),
            output_bound: None,
            output_most: None,
            output_beside: 0,
            choices: None,
            best_of: None,
            prompt: PromptSize::default(),
            prompts: None,
            beside: Usage::NONE,
            answers: match target.endpoint.format() {
                // Some of its models paint without being asked to.
                Format::Gemini => text.with(Meter::ImageOutputTokens),
                Format::OpenAi | Format::Anthropic => text,
            },
            variant: Variant::default(),
            places: Places::default(),
        })
    }

    /// The request, once the whole of `body` has been walked over.
    pub(super) fn finish(self, body: Bytes) -> Result<LlmRequest, BadBody> {
        let model = self.model.ok_or_else(|| BadBody::new("model", "the name of a model"))?;
        let (field, expected) = prompt_member(self.endpoint);
        let prompts = self.prompts.ok_or_else(|| BadBody::new(field, expected))?;
        let choices = self.choices.unwrap_or(1);
        let generations = match self.endpoint {
            Endpoint::Embeddings
            | Endpoint::Moderations
            | Endpoint::CountMessageTokens
            | Endpoint::CountContentTokens => 0,
            _ => prompts * choices.max(self.best_of.unwrap_or(1)),
        };
        Ok(LlmRequest {
            endpoint: self.endpoint,
            body,
            model,
            delivery: self.delivery,
            usage_chunk: self.usage_chunk,
            output_bound: self.output_bound,
            output_most: self.output_most,
            output_beside: self.output_beside,
            choices,
            generations,
            prompt: self.prompt,
            beside: self.beside,
            answers: self.answers,
            variant: self.variant,
            places: self.places,
        })
    }

    /// Reads `model`.
    pub(crate) fn model(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        if scanner.kind()? != Kind::String {
            return Err(BadBody::new("model", "a name of 1 to 256 bytes without control characters"));
        }
        let start = scanner.at();
        let name = scanner.string()?.text();
        self.model = Some(model_name(&name)?);
        self.places.model = start..scanner.at();
        Ok(())
    }

    /// Reads `stream`.
    pub(crate) fn stream(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        if flag(scanner, "stream")? == Some(true) {
            self.delivery = Delivery::Streamed;
        }
        Ok(())
    }

    /// Reads `n`, or what another format calls it.
    pub(crate) fn choices(&mut self, scanner: &mut Scanner<'_>, field: &str) -> Result<(), BadBody> {
        self.choices = count(scanner, field, CHOICES_MAX)?;
        Ok(())
    }

    /// Reads an output bound.
    pub(crate) fn output_bound(&mut self, scanner: &mut Scanner<'_>, field: OutputField) -> Result<(), BadBody> {
        let start = scanner.at();
        let bound = count(scanner, field.name(), OUTPUT_BOUND_MAX)?;
        self.output_bound = self.output_bound.max(bound);
        self.places.output_bounds.push((field, start..scanner.at()));
        Ok(())
    }

    /// Reads an object, or null, in which `inner` is a member that an edit may replace: `found` must
    /// consume its value, `others` that of each other member.
    pub(crate) fn nested(
        &mut self,
        scanner: &mut Scanner<'_>,
        member: &Member<'_, '_>,
        is_inner: impl Fn(&[u8]) -> Result<bool, BadBody>,
        mut read: impl FnMut(&mut Self, &mut Scanner<'_>, &Member<'_, '_>) -> Result<(), BadBody>,
    ) -> Result<(), BadBody> {
        match scanner.kind()? {
            Kind::Null => {
                self.places.nested = Nested::Null(scanner.span()?);
                return Ok(());
            }
            Kind::Object => (),
            Kind::Array | Kind::String | Kind::Number | Kind::Bool => {
                return Err(BadBody::new(&json_guard::shown(member.name), "an object"));
            }
        }
        let (mut others, mut found) = (Others::None, None);
        let first_member = scanner.at() + 1;
        json_guard::members(scanner, |scanner, inner| {
            let start = scanner.at();
            let is_inner = is_inner(inner.name)?;
            read(self, scanner, inner)?;
            if is_inner {
                found = Some(start..scanner.at());
            } else {
                others = Others::Some;
            }
            Ok(())
        })
        .map_err(|error| json_guard::within(member.name, error))?;
        self.places.nested = match found {
            Some(place) => Nested::With(place),
            None => Nested::Without { first_member, others },
        };
        Ok(())
    }

    /// A member without a meaning of its own: it may still reach the model as text.
    pub(crate) fn other(&mut self, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
        refuse_server_only(member.name)?;
        let start = scanner.at();
        json_guard::value(scanner, member)?;
        if !is_outside_prompt(member.name) {
            self.prompt.add_text(scanner.at() - start);
        }
        Ok(())
    }
}

/// The member that holds the prompt, and what it is.
const fn prompt_member(endpoint: Endpoint) -> (&'static str, &'static str) {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::CountMessageTokens => {
            ("messages", "an array of messages")
        }
        Endpoint::Completions => ("prompt", "a string, or an array of strings or tokens"),
        Endpoint::Embeddings => ("input", "a string, or an array of strings or tokens"),
        Endpoint::Moderations => ("input", "a string, or an array of strings or parts"),
        Endpoint::Responses => ("input", "a string, or an array of items"),
        Endpoint::ImageGenerations => ("prompt", "a text"),
        Endpoint::AudioSpeech => ("input", "a text"),
        Endpoint::AudioTranscriptions => ("file", "a file with sound"),
        Endpoint::GenerateContent | Endpoint::StreamGenerateContent | Endpoint::CountContentTokens => {
            ("contents", "an array of contents")
        }
    }
}
