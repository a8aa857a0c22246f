//! Requests to Gemini, to answer or to count. The model stands in the path.
//!
//! Names may be written in camel case or with underscores; one member written both ways is refused,
//! because only one of them is obeyed.

use tollgate_core::meter::Meter;

use super::content;
use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody, Member};
use crate::request::{Draft, Nested, OUTPUT_BOUND_MAX, PromptSize, count, refuse, text};

/// Members that decide the price.
pub(crate) const METERED: &[&str] = &[
    "contents",
    "systemInstruction",
    "system_instruction",
    "generationConfig",
    "generation_config",
    "tools",
    "cachedContent",
    "cached_content",
    "serviceTier",
    "service_tier",
    "model",
    "generateContentRequest",
];

const HOSTED: &str = "functions that the caller runs: tools that the provider runs cannot be metered here";
const CACHED: &str = "nothing: what the provider keeps cannot be bounded before it is read; send it in `contents`";

/// Reads one member of the body.
pub(crate) fn member(draft: &mut Draft, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
    match member.name {
        b"contents" => {
            draft.prompts = Some(1);
            let start = scanner.at();
            let mut data_bytes = 0;
            content::add_contents(&mut draft.prompt, scanner, &mut data_bytes)
                .map_err(|error| json_guard::within(b"contents", error))?;
            let bytes = u64::try_from(scanner.at() - start).unwrap_or(u64::MAX);
            draft.prompt.text_bytes += bytes.saturating_sub(data_bytes);
            Ok(())
        }
        b"tools" => tools(&mut draft.prompt, scanner),
        b"generationConfig" | b"generation_config" => generation_config(draft, scanner, member),
        b"cachedContent" => refuse(scanner, "cachedContent", CACHED),
        b"cached_content" => refuse(scanner, "cached_content", CACHED),
        b"serviceTier" | b"service_tier" => service_tier(scanner),
        // The path names the model; a second name could be another one.
        b"model" => refuse(scanner, "model", "nothing: the path names the model"),
        // The long form of a request to count, which costs nothing.
        b"generateContentRequest" if draft.endpoint.is_free() => {
            draft.prompts = Some(1);
            json_guard::value(scanner, member)
        }
        _ => draft.other(scanner, member),
    }
}

fn service_tier(scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let tier = text(scanner, "serviceTier")?.map(|tier| tier.text().to_ascii_lowercase()).unwrap_or_default();
    match tier.as_str() {
        "" | "unspecified" | "standard" | "flex" => Ok(()),
        _ => Err(BadBody::new("serviceTier", "`standard` or `flex`; other tiers are not priced")),
    }
}

/// Reads `generationConfig`, in which `maxOutputTokens` may be edited.
fn generation_config(draft: &mut Draft, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
    if !matches!(draft.places.nested, Nested::Absent) {
        return Err(BadBody::new("generationConfig", "the member only once"));
    }
    let start = scanner.at();
    let (mut bounds, mut counts) = (0_u8, 0_u8);
    let is_inner = |name: &[u8]| Ok(matches!(name, b"maxOutputTokens" | b"max_output_tokens"));
    draft.nested(scanner, member, is_inner, |draft, scanner, inner| match inner.name {
        b"maxOutputTokens" | b"max_output_tokens" => {
            draft.output_bound = count(scanner, "maxOutputTokens", OUTPUT_BOUND_MAX)?;
            once(&mut bounds, "maxOutputTokens")
        }
        b"candidateCount" | b"candidate_count" => {
            draft.choices(scanner, "candidateCount")?;
            once(&mut counts, "candidateCount")
        }
        b"responseModalities" | b"response_modalities" => modalities(draft, scanner),
        name if json_guard::is_case_variant(name, "maxOutputTokens")
            || json_guard::is_case_variant(name, "candidateCount") =>
        {
            Err(BadBody::new(&json_guard::shown(name), "the name in its proper case"))
        }
        _ => json_guard::skip(scanner),
    })?;
    // A schema for the answer is read by the model.
    draft.prompt.add_text(scanner.at() - start);
    Ok(())
}

fn once(seen: &mut u8, name: &str) -> Result<(), BadBody> {
    *seen += 1;
    if *seen == 1 { Ok(()) } else { Err(BadBody::new(name, "the member only once")) }
}

fn modalities(draft: &mut Draft, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let expected = || BadBody::new("responseModalities", "an array of texts");
    match scanner.kind()? {
        Kind::Null => json_guard::skip(scanner),
        Kind::Array => scanner.array(|scanner| {
            let modality = text(scanner, "responseModalities").map_err(|_| expected())?;
            if modality.is_some_and(|modality| modality.bytes().eq_ignore_ascii_case(b"audio")) {
                draft.answers = draft.answers.with(Meter::AudioOutputTokens);
            }
            Ok(())
        }),
        Kind::Object | Kind::String | Kind::Number | Kind::Bool => Err(expected()),
    }
}

/// Reads `tools`: a list of objects whose members say what they are.
fn tools(prompt: &mut PromptSize, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let start = scanner.at();
    let mut tool = |scanner: &mut Scanner<'_>| {
        if scanner.kind()? != Kind::Object {
            return Err(BadBody::new("tools", "an array of tools"));
        }
        json_guard::members(scanner, |scanner, member| match member.name {
            b"functionDeclarations" | b"function_declarations" => json_guard::skip(scanner),
            b"computerUse" | b"computer_use" => {
                prompt.described_tools += 1;
                json_guard::skip(scanner)
            }
            name => Err(BadBody::new(&json_guard::shown(name), HOSTED)),
        })
        .map_err(|error| json_guard::within(b"tools", error))
    };
    match scanner.kind()? {
        Kind::Array => scanner.array(tool)?,
        Kind::Object => tool(scanner)?,
        Kind::Null => return json_guard::skip(scanner),
        Kind::String | Kind::Number | Kind::Bool => return Err(BadBody::new("tools", "an array of tools")),
    }
    prompt.add_tools(scanner.at() - start);
    Ok(())
}
