//! Requests to the Messages API, to answer or to count.

use super::content;
use crate::endpoint::Endpoint;
use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody, Member};
use crate::openai::chat::service_tier;
use crate::request::{Draft, OutputField, PromptSize, refuse, text};

/// Members that decide the price.
pub(crate) const METERED: &[&str] = &[
    "model",
    "messages",
    "system",
    "max_tokens",
    "stream",
    "tools",
    "service_tier",
    "speed",
    "inference_geo",
    "cache_control",
    "container",
    "mcp_servers",
    "context_management",
];

/// Both cost the ordinary price: a priority tier is used only where it was bought.
const SERVICE_TIERS: &[&str] = &["auto", "standard_only"];

/// Tools that run at the caller's, by the beginning of their type; the rest of it is a date. `custom` is
/// what a tool without a type is.
const BY_CALLER: &[&str] = &["bash_", "text_editor_", "computer_", "memory_"];

const HOSTED: &str = "a tool that the caller runs: one that the provider runs cannot be metered here";

/// Reads one member of the body.
pub(crate) fn member(draft: &mut Draft, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
    match (member.name, draft.endpoint) {
        (b"model", _) => draft.model(scanner),
        (b"stream", Endpoint::Messages) => draft.stream(scanner),
        (b"max_tokens", Endpoint::Messages) => draft.output_bound(scanner, OutputField::MaxTokens),
        (b"messages", _) => {
            draft.prompts = Some(1);
            content::add_messages(&mut draft.prompt, scanner)
        }
        (b"tools", _) => tools(&mut draft.prompt, scanner),
        (b"service_tier", _) => service_tier(scanner, SERVICE_TIERS),
        // Answered sooner, or in one country, for a multiple of the price.
        (b"speed", _) => only(scanner, "speed", "standard"),
        (b"inference_geo", _) => only(scanner, "inference_geo", "global"),
        (b"container", _) => refuse(scanner, "container", HOSTED),
        (b"mcp_servers", _) => refuse(scanner, "mcp_servers", HOSTED),
        (b"context_management", _) => context_management(scanner, member),
        (b"tool_choice" | b"cache_control", _) => json_guard::value(scanner, member),
        _ => draft.other(scanner, member),
    }
}

/// Reads a text that must be `expected` or absent.
fn only(scanner: &mut Scanner<'_>, field: &str, expected: &str) -> Result<(), BadBody> {
    match text(scanner, field)? {
        Some(text) if *text.bytes() != *expected.as_bytes() => {
            Err(BadBody::new(field, format!("`{expected}`; nothing else is priced")))
        }
        _ => Ok(()),
    }
}

/// Reads `tools`, or null.
fn tools(prompt: &mut PromptSize, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let start = scanner.at();
    match scanner.kind()? {
        Kind::Null => return json_guard::skip(scanner),
        Kind::Array => (),
        Kind::Object | Kind::String | Kind::Number | Kind::Bool => {
            return Err(BadBody::new("tools", "an array of tools"));
        }
    }
    let mut index = 0_u64;
    scanner.array(|scanner| {
        let field = format!("tools[{index}]");
        if scanner.kind()? != Kind::Object {
            return Err(BadBody::new(&field, "an object"));
        }
        index += 1;
        json_guard::members(scanner, |scanner, member| match member.name {
            b"type" => {
                let kind = text(scanner, "type")?.map(|kind| kind.bytes()).unwrap_or_default();
                let is_described = BY_CALLER.iter().any(|known| kind.starts_with(known.as_bytes()));
                prompt.described_tools += u64::from(is_described);
                match is_described || kind.is_empty() || *kind == *b"custom" {
                    true => Ok(()),
                    false => Err(BadBody::new("type", HOSTED)),
                }
            }
            _ => json_guard::skip(scanner),
        })
        .map_err(|error| json_guard::within(field.as_bytes(), error))
    })?;
    prompt.add_tools(scanner.at() - start);
    Ok(())
}

/// Reads `context_management`: edits that leave parts of the prompt out pass, a compaction reads the
/// prompt a second time.
fn context_management(scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
    let place = scanner.span()?;
    let value = scanner.slice(place);
    let mut inside = Scanner::new(value);
    json_guard::value(&mut inside, member)?;
    let names_other = |scanner: &mut Scanner<'_>| -> Result<bool, BadBody> {
        let mut other = false;
        if scanner.kind()? != Kind::Object {
            scanner.skip()?;
            return Ok(other);
        }
        json_guard::members(scanner, |scanner, member| match (member.name, scanner.kind()?) {
            (b"type", Kind::String) => {
                other |= !scanner.string()?.bytes().starts_with(b"clear_");
                Ok(())
            }
            _ => json_guard::skip(scanner),
        })?;
        Ok(other)
    };
    let mut other = false;
    let mut inside = Scanner::new(value);
    if inside.kind()? == Kind::Object {
        json_guard::members(&mut inside, |scanner, member| match (member.name, scanner.kind()?) {
            (b"edits", Kind::Array) => scanner.array(|scanner| {
                other |= names_other(scanner)?;
                Ok(())
            }),
            _ => json_guard::skip(scanner),
        })?;
    }
    match other {
        true => Err(BadBody::new("context_management.edits", "edits that clear: a compaction cannot be bounded")),
        false => Ok(()),
    }
}
