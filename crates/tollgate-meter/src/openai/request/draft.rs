//! Collects the members of a body until it has been walked over.

use bytes::Bytes;

use super::names::{self, SERVICE_TIERS};
use super::prompt::PromptSize;
use super::{
    CHOICES_MAX, Delivery, Endpoint, LlmRequest, MODEL_LEN_MAX, OUTPUT_BOUND_MAX, Others, OutputField, Places,
    StreamOptions, UsageChunk, Voice,
};
use crate::json::{Kind, Scanner, whole_number};
use crate::json_guard::{self, BadBody, Member};

/// A request of which some members have been read.
pub(super) struct Draft {
    endpoint: Endpoint,
    model: Option<Box<str>>,
    delivery: Delivery,
    usage_chunk: UsageChunk,
    output_bound: Option<u64>,
    choices: Option<u64>,
    best_of: Option<u64>,
    prompt: PromptSize,
    prompts: Option<u64>,
    hosted_tool: Option<&'static str>,
    voice: Voice,
    places: Places,
}

impl Draft {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            model: None,
            delivery: Delivery::default(),
            usage_chunk: UsageChunk::default(),
            output_bound: None,
            choices: None,
            best_of: None,
            prompt: PromptSize::default(),
            prompts: None,
            hosted_tool: None,
            voice: Voice::default(),
            places: Places::default(),
        }
    }

    /// Reads one member of the body.
    pub(super) fn member(&mut self, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
        if self.places.first_member == 0 {
            self.places.first_member = member.key.start;
        }
        match (member.name, self.endpoint) {
            (b"model", _) => self.model(scanner),
            (b"stream", _) => {
                if flag(scanner, "stream")? == Some(true) {
                    self.delivery = Delivery::Streamed;
                }
                Ok(())
            }
            (b"stream_options", _) => self.stream_options(scanner, member),
            (b"max_tokens", _) => self.output_bound(scanner, OutputField::MaxTokens),
            (b"max_completion_tokens", _) => self.output_bound(scanner, OutputField::MaxCompletionTokens),
            (b"n", _) => {
                self.choices = count(scanner, "n", CHOICES_MAX)?;
                Ok(())
            }
            (b"best_of", _) => {
                self.best_of = count(scanner, "best_of", CHOICES_MAX)?;
                Ok(())
            }
            (b"service_tier", _) => service_tier(scanner),
            (b"modalities", _) => self.modalities(scanner),
            (b"messages", Endpoint::ChatCompletions) => {
                self.prompts = Some(1);
                self.prompt.add_messages(scanner)
            }
            (b"prompt", Endpoint::Completions) => {
                self.prompts = Some(self.prompt.add_prompts(scanner, "prompt")?);
                Ok(())
            }
            (b"input", Endpoint::Embeddings) => {
                self.prompts = Some(self.prompt.add_prompts(scanner, "input")?);
                Ok(())
            }
            _ => self.other(scanner, member),
        }
    }

    /// The request, once the whole of `body` has been walked over.
    pub(super) fn finish(self, body: Bytes) -> Result<LlmRequest, BadBody> {
        let model = self.model.ok_or_else(|| BadBody::new("model", "the name of a model"))?;
        let (field, expected) = match self.endpoint {
            Endpoint::ChatCompletions => ("messages", "an array of messages"),
            Endpoint::Completions => ("prompt", "a string, or an array of strings or tokens"),
            Endpoint::Embeddings => ("input", "a string, or an array of strings or tokens"),
        };
        let prompts = self.prompts.ok_or_else(|| BadBody::new(field, expected))?;
        let choices = self.choices.unwrap_or(1);
        let generations = match self.endpoint {
            Endpoint::Embeddings => 0,
            Endpoint::ChatCompletions | Endpoint::Completions => prompts * choices.max(self.best_of.unwrap_or(1)),
        };
        Ok(LlmRequest {
            endpoint: self.endpoint,
            body,
            model,
            delivery: self.delivery,
            usage_chunk: self.usage_chunk,
            output_bound: self.output_bound,
            choices,
            generations,
            prompt: self.prompt,
            hosted_tool: self.hosted_tool,
            voice: self.voice,
            places: self.places,
        })
    }

    fn model(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        let expected = || BadBody::new("model", "a name of 1 to 256 bytes without control characters");
        if scanner.kind()? != Kind::String {
            return Err(expected());
        }
        let start = scanner.at();
        let name = scanner.string()?.text();
        if name.is_empty() || name.len() > MODEL_LEN_MAX || name.chars().any(char::is_control) {
            return Err(expected());
        }
        self.places.model = start..scanner.at();
        self.model = Some(name.into());
        Ok(())
    }

    fn stream_options(&mut self, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
        let expected = || BadBody::new("stream_options", "an object");
        match scanner.kind()? {
            Kind::Null => {
                self.places.stream_options = StreamOptions::Null(scanner.span()?);
                return Ok(());
            }
            Kind::Object => (),
            Kind::Array | Kind::String | Kind::Number | Kind::Bool => return Err(expected()),
        }
        let (mut others, mut usage) = (Others::None, None);
        let first_member = scanner.at() + 1;
        json_guard::members(scanner, |scanner, option| {
            if option.name != b"include_usage" {
                if json_guard::is_case_variant(option.name, "include_usage") {
                    return Err(BadBody::new("include_usage", "the name in its proper case"));
                }
                others = Others::Some;
                return json_guard::skip(scanner);
            }
            let start = scanner.at();
            if flag(scanner, "include_usage")? == Some(true) {
                self.usage_chunk = UsageChunk::Asked;
            }
            usage = Some(start..scanner.at());
            Ok(())
        })
        .map_err(|error| json_guard::within(member.name, error))?;
        self.places.stream_options = match usage {
            Some(place) => StreamOptions::WithUsage(place),
            None => StreamOptions::WithoutUsage { first_member, others },
        };
        Ok(())
    }

    fn output_bound(&mut self, scanner: &mut Scanner<'_>, field: OutputField) -> Result<(), BadBody> {
        let start = scanner.at();
        let bound = count(scanner, field.name(), OUTPUT_BOUND_MAX)?;
        self.output_bound = self.output_bound.max(bound);
        self.places.output_bounds.push((field, start..scanner.at()));
        Ok(())
    }

    fn modalities(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        let expected = || BadBody::new("modalities", "an array of texts");
        match scanner.kind()? {
            Kind::Null => json_guard::skip(scanner),
            Kind::Array => scanner.array(|scanner| {
                if scanner.kind()? != Kind::String {
                    return Err(expected());
                }
                if *scanner.string()?.bytes() == *b"audio" {
                    self.voice = Voice::Spoken;
                }
                Ok(())
            }),
            Kind::Object | Kind::String | Kind::Number | Kind::Bool => Err(expected()),
        }
    }

    /// A member without a meaning of its own: it may still reach the model as text.
    fn other(&mut self, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
        names::refuse_server_only(member.name)?;
        let kind = scanner.kind()?;
        if kind != Kind::Null {
            self.hosted_tool = self.hosted_tool.or(names::hosted_tool(member.name));
        }
        let start = scanner.at();
        json_guard::value(scanner, member)?;
        if !names::is_outside_prompt(member.name) {
            self.prompt.add_text(member.name, scanner.at() - start);
        }
        Ok(())
    }
}

/// Reads a whole number from 1 to `max`, or null.
fn count(scanner: &mut Scanner<'_>, field: &str, max: u64) -> Result<Option<u64>, BadBody> {
    let expected = || BadBody::new(field, format!("a whole number from 1 to {max}"));
    let kind = scanner.kind()?;
    let value = scanner.span()?;
    match kind {
        Kind::Null => Ok(None),
        Kind::Number => match whole_number(scanner.slice(value)) {
            Some(count) if (1..=max).contains(&count) => Ok(Some(count)),
            _ => Err(expected()),
        },
        Kind::Object | Kind::Array | Kind::String | Kind::Bool => Err(expected()),
    }
}

/// Reads true, false or null.
fn flag(scanner: &mut Scanner<'_>, field: &str) -> Result<Option<bool>, BadBody> {
    let kind = scanner.kind()?;
    let value = scanner.span()?;
    match kind {
        Kind::Null => Ok(None),
        Kind::Bool => Ok(Some(scanner.slice(value) == b"true")),
        Kind::Object | Kind::Array | Kind::String | Kind::Number => Err(BadBody::new(field, "true or false")),
    }
}

fn service_tier(scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let expected = || {
        let tiers = SERVICE_TIERS.iter().map(|tier| format!("`{tier}`")).collect::<Vec<_>>().join(", ");
        BadBody::new("service_tier", format!("one of {tiers}; other tiers are not priced"))
    };
    match scanner.kind()? {
        Kind::Null => json_guard::skip(scanner),
        Kind::String => {
            let tier = scanner.string()?.bytes();
            if SERVICE_TIERS.iter().any(|known| known.as_bytes() == &*tier) { Ok(()) } else { Err(expected()) }
        }
        Kind::Object | Kind::Array | Kind::Number | Kind::Bool => Err(expected()),
    }
}
