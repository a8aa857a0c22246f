//! Tools that a request in the OpenAI format declares.
//!
//! What the caller runs itself costs its tokens and nothing else. What the provider runs (searches, code,
//! other servers) is charged per use outside the token usage, and may put any amount of text into
//! the prompt: neither can be bounded, so it is refused.

use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody};
use crate::request::PromptSize;

/// Tools that run at the caller's.
const BY_CALLER: &[&str] =
    &["function", "custom", "local_shell", "apply_patch", "computer_use_preview", "computer", "computer_use"];

/// What is expected instead of a tool that the provider runs.
pub(crate) const EXPECTED: &str = "a tool that the caller runs: one that the provider runs cannot be metered here";

/// Members that make the provider use tools of its own.
pub(crate) const HOSTED: &[&str] = &["web_search_options", "search_parameters", "plugins", "mcp_servers"];

/// Reads `tools`, or null.
pub(crate) fn read(scanner: &mut Scanner<'_>, prompt: &mut PromptSize) -> Result<(), BadBody> {
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
        let hosted = || BadBody::new(&format!("tools[{index}].type"), EXPECTED);
        if scanner.kind()? != Kind::Object {
            return Err(BadBody::new(&format!("tools[{index}]"), "an object"));
        }
        json_guard::members(scanner, |scanner, member| match (member.name, scanner.kind()?) {
            (b"type", Kind::String) => {
                let kind = scanner.string()?.bytes();
                match BY_CALLER.iter().any(|known| known.as_bytes() == &*kind) {
                    true => {
                        prompt.described_tools += u64::from(kind.starts_with(b"computer"));
                        Ok(())
                    }
                    false => Err(hosted()),
                }
            }
            (b"type", _) => Err(hosted()),
            _ => json_guard::skip(scanner),
        })
        .map_err(|error| match error.field.starts_with("tools[") {
            true => error,
            false => json_guard::within(format!("tools[{index}]").as_bytes(), error),
        })?;
        index += 1;
        Ok(())
    })?;
    prompt.add_tools(scanner.at() - start);
    Ok(())
}
