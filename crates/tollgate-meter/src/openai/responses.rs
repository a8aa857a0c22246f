//! Requests to the Responses API.
//!
//! It can keep state: an earlier response, a conversation, a stored prompt or item stand for text whose
//! length is known only to the provider. Such a prompt cannot be bounded, so it is refused. That a
//! response is stored (`store`) costs nothing and passes.

use super::chat::{SERVICE_TIERS, service_tier};
use super::tools;
use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody, Member};
use crate::request::{Draft, OutputField, PromptSize, refuse};

/// Members that decide the price.
pub(crate) const METERED: &[&str] = &[
    "model",
    "input",
    "instructions",
    "max_output_tokens",
    "stream",
    "service_tier",
    "tools",
    "previous_response_id",
    "conversation",
    "prompt",
    "background",
    "context_management",
];

const KEPT: &str = "nothing: what the provider keeps cannot be bounded before it is read; send it as `input`";

/// Reads one member of the body.
pub(crate) fn member(draft: &mut Draft, scanner: &mut Scanner<'_>, member: &Member<'_, '_>) -> Result<(), BadBody> {
    match member.name {
        b"model" => draft.model(scanner),
        b"stream" => draft.stream(scanner),
        b"max_output_tokens" => draft.output_bound(scanner, OutputField::MaxOutputTokens),
        b"service_tier" => service_tier(scanner, SERVICE_TIERS),
        b"tools" => tools::read(scanner, &mut draft.prompt),
        b"input" => input(draft, scanner),
        b"previous_response_id" => refuse(scanner, "previous_response_id", KEPT),
        b"conversation" => refuse(scanner, "conversation", KEPT),
        b"prompt" => refuse(scanner, "prompt", KEPT),
        b"background" => {
            refuse(scanner, "background", "false: what is answered later cannot be settled with its request")
        }
        b"context_management" => {
            refuse(scanner, "context_management", "nothing: a compaction reads the prompt a second time")
        }
        name => match tools::HOSTED.iter().find(|hosted| hosted.as_bytes() == name) {
            Some(hosted) => refuse(scanner, hosted, tools::EXPECTED),
            None => draft.other(scanner, member),
        },
    }
}

fn input(draft: &mut Draft, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let start = scanner.at();
    let mut picture_bytes = 0;
    match scanner.kind()? {
        Kind::String => json_guard::skip(scanner)?,
        Kind::Array => {
            let mut index = 0_u64;
            scanner.array(|scanner| {
                item(&mut draft.prompt, scanner, index, &mut picture_bytes)?;
                index += 1;
                Ok::<_, BadBody>(())
            })?;
        }
        Kind::Object | Kind::Number | Kind::Bool | Kind::Null => {
            return Err(BadBody::new("input", "a string, or an array of items"));
        }
    }
    draft.prompts = Some(1);
    let bytes = u64::try_from(scanner.at() - start).unwrap_or(u64::MAX);
    draft.prompt.text_bytes += bytes.saturating_sub(picture_bytes);
    Ok(())
}

/// Reads an item of the input. One without a role that names no other type refers to one that the
/// provider keeps.
fn item(
    prompt: &mut PromptSize,
    scanner: &mut Scanner<'_>,
    index: u64,
    picture_bytes: &mut u64,
) -> Result<(), BadBody> {
    let field = || format!("input[{index}]");
    if scanner.kind()? != Kind::Object {
        return Err(BadBody::new(&field(), "an object"));
    }
    let mut is_here = false;
    json_guard::members(scanner, |scanner, member| match (member.name, scanner.kind()?) {
        (b"type", Kind::String) => {
            is_here = *scanner.string()?.bytes() != *b"item_reference" || is_here;
            Ok(())
        }
        (b"role", Kind::String) => {
            is_here = true;
            json_guard::skip(scanner)
        }
        (b"content" | b"output", Kind::Array) => Ok(prompt.add_parts(scanner, picture_bytes)?),
        // What the caller's computer shows.
        (b"output", Kind::Object) => {
            prompt.images += 1;
            json_guard::skip(scanner)
        }
        _ => json_guard::skip(scanner),
    })
    .map_err(|error| json_guard::within(field().as_bytes(), error))?;
    if is_here { Ok(()) } else { Err(BadBody::new(&field(), KEPT)) }
}
