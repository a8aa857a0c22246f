//! Requests for text: chat completions, completions, embeddings.

use super::tools;
use crate::endpoint::Endpoint;
use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody, Member};
use crate::request::{CHOICES_MAX, Draft, OutputField, UsageChunk, count, flag, refuse, text};
use tollgate_core::meter::Meter;

/// Members that decide the price.
pub(crate) const METERED: &[&str] = &[
    "model",
    "messages",
    "prompt",
    "input",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "best_of",
    "stream",
    "stream_options",
    "service_tier",
    "tools",
    "functions",
    "response_format",
    "modalities",
    "audio",
    "prediction",
];

/// Tiers that cost no more than the ordinary price; the dearer ones are not priced.
pub(crate) const SERVICE_TIERS: &[&str] = &["auto", "default", "flex", "on_demand"];

/// Reads one member of the body.
pub(crate) fn member(draft: &mut Draft, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
    match (member.name, draft.endpoint) {
        (b"model", _) => draft.model(scanner),
        (b"stream", _) => draft.stream(scanner),
        (b"stream_options", _) => stream_options(draft, scanner, member),
        (b"max_tokens", _) => draft.output_bound(scanner, OutputField::MaxTokens),
        (b"max_completion_tokens", _) => draft.output_bound(scanner, OutputField::MaxCompletionTokens),
        (b"n", _) => draft.choices(scanner, "n"),
        (b"best_of", _) => {
            draft.best_of = count(scanner, "best_of", CHOICES_MAX)?;
            Ok(())
        }
        (b"service_tier", _) => service_tier(scanner, SERVICE_TIERS),
        (b"modalities", _) => modalities(draft, scanner),
        (b"tools", _) => tools::read(scanner, &mut draft.prompt),
        (b"functions", _) => {
            let start = scanner.at();
            json_guard::value(scanner, member)?;
            draft.prompt.add_tools(scanner.at() - start);
            Ok(())
        }
        (b"prediction", Endpoint::ChatCompletions) => {
            // Tokens of a prediction that do not come true are charged as output.
            let start = scanner.at();
            json_guard::value(scanner, member)?;
            draft.output_beside += u64::try_from(scanner.at() - start).unwrap_or(u64::MAX);
            Ok(())
        }
        (b"messages", Endpoint::ChatCompletions) => {
            draft.prompts = Some(1);
            draft.prompt.add_messages(scanner)
        }
        (b"prompt", Endpoint::Completions) => {
            draft.prompts = Some(draft.prompt.add_prompts(scanner, "prompt")?);
            Ok(())
        }
        (b"input", Endpoint::Embeddings) => {
            draft.prompts = Some(draft.prompt.add_prompts(scanner, "input")?);
            Ok(())
        }
        (name, _) => match tools::HOSTED.iter().find(|hosted| hosted.as_bytes() == name) {
            Some(hosted) => refuse(scanner, hosted, tools::EXPECTED),
            None => draft.other(scanner, member),
        },
    }
}

/// Reads `stream_options`, in which `include_usage` may be edited.
pub(crate) fn stream_options(
    draft: &mut Draft,
    scanner: &mut Scanner<'_>,
    member: &Member<'_, '_>,
) -> Result<(), BadBody> {
    const INNER: &str = "include_usage";
    let is_inner = |name: &[u8]| {
        let is_inner = name == INNER.as_bytes();
        match !is_inner && json_guard::is_case_variant(name, INNER) {
            true => Err(BadBody::new(INNER, "the name in its proper case")),
            false => Ok(is_inner),
        }
    };
    draft.nested(scanner, member, is_inner, |draft, scanner, inner| {
        if inner.name != INNER.as_bytes() {
            return json_guard::skip(scanner);
        }
        if flag(scanner, INNER)? == Some(true) {
            draft.usage_chunk = UsageChunk::Asked;
        }
        Ok(())
    })
}

fn modalities(draft: &mut Draft, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let expected = || BadBody::new("modalities", "an array of texts");
    match scanner.kind()? {
        Kind::Null => json_guard::skip(scanner),
        Kind::Array => scanner.array(|scanner| {
            if scanner.kind()? != Kind::String {
                return Err(expected());
            }
            match &*scanner.string()?.bytes() {
                b"audio" => draft.answers = draft.answers.with(Meter::AudioOutputTokens),
                b"image" => draft.answers = draft.answers.with(Meter::ImageOutputTokens),
                _ => (),
            }
            Ok(())
        }),
        Kind::Object | Kind::String | Kind::Number | Kind::Bool => Err(expected()),
    }
}

/// Reads `service_tier`, which must be one of `known`.
pub(crate) fn service_tier(scanner: &mut Scanner<'_>, known: &[&str]) -> Result<(), BadBody> {
    let expected = || {
        let tiers = known.iter().map(|tier| format!("`{tier}`")).collect::<Vec<_>>().join(", ");
        BadBody::new("service_tier", format!("one of {tiers}; other tiers are not priced"))
    };
    let Some(tier) = text(scanner, "service_tier").map_err(|_| expected())? else { return Ok(()) };
    if known.iter().any(|known| known.as_bytes() == &*tier.bytes()) { Ok(()) } else { Err(expected()) }
}
