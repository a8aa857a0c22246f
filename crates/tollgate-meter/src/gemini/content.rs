//! The parts of contents: what of them is text, and what stands for more than its bytes.

use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody};
use crate::request::PromptSize;

/// Reads contents: one, or a list. Adds to `data_bytes` what is base64 and not read as text.
pub(crate) fn add_contents(
    prompt: &mut PromptSize,
    scanner: &mut Scanner<'_>,
    data_bytes: &mut u64,
) -> Result<(), BadBody> {
    let mut content = |scanner: &mut Scanner<'_>| {
        if scanner.kind()? != Kind::Object {
            return Err(BadBody::new("contents", "an object with parts"));
        }
        json_guard::members(scanner, |scanner, member| match member.name {
            b"parts" => add_parts(prompt, scanner, data_bytes),
            _ => json_guard::skip(scanner),
        })
    };
    match scanner.kind()? {
        Kind::Array => scanner.array(content),
        Kind::Object => content(scanner),
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => {
            Err(BadBody::new("contents", "an array of contents, each an object"))
        }
    }
}

/// Reads parts: one, or a list. The result of a function may have parts of its own.
fn add_parts(prompt: &mut PromptSize, scanner: &mut Scanner<'_>, data_bytes: &mut u64) -> Result<(), BadBody> {
    let mut part = |scanner: &mut Scanner<'_>| {
        if scanner.kind()? != Kind::Object {
            return json_guard::skip(scanner);
        }
        json_guard::members(scanner, |scanner, member| match (member.name, scanner.kind()?) {
            (b"inlineData" | b"inline_data", Kind::Object) => add_data(prompt, scanner, data_bytes),
            (b"fileData" | b"file_data", Kind::Object) => {
                prompt.attachments += 1;
                json_guard::skip(scanner)
            }
            (b"functionResponse" | b"function_response", Kind::Object) => {
                json_guard::members(scanner, |scanner, member| match member.name {
                    b"parts" => add_parts(prompt, scanner, data_bytes),
                    _ => json_guard::skip(scanner),
                })
            }
            _ => json_guard::skip(scanner),
        })
    };
    match scanner.kind()? {
        Kind::Array => scanner.array(part),
        _ => part(scanner),
    }
}

/// Reads data in base64 with its type.
fn add_data(prompt: &mut PromptSize, scanner: &mut Scanner<'_>, data_bytes: &mut u64) -> Result<(), BadBody> {
    let (mut kind, mut bytes) = (String::new(), 0);
    json_guard::members(scanner, |scanner, member| {
        match (member.name, scanner.kind()?) {
            (b"mimeType" | b"mime_type", Kind::String) => kind = scanner.string()?.text().to_ascii_lowercase(),
            (b"data", Kind::String) => bytes += u64::try_from(scanner.string()?.raw.len()).unwrap_or(u64::MAX),
            _ => json_guard::skip(scanner)?,
        }
        Ok(())
    })?;
    match kind.split('/').next().unwrap_or_default() {
        "image" => {
            prompt.images += 1;
            *data_bytes += bytes;
        }
        // Thirty-two tokens a second are far fewer than the bytes that a second takes.
        "audio" => prompt.audio += 1,
        "text" => (),
        // A video or document: its frames and pages are not known.
        _ => {
            prompt.attachments += 1;
            *data_bytes += bytes;
        }
    }
    Ok(())
}
