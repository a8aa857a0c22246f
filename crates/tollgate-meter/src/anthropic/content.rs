//! The content blocks of messages: what of them is text, and what stands for more than its bytes.

use crate::json::{Kind, Scanner};
use crate::json_guard::{self, BadBody};
use crate::request::PromptSize;

/// Reads `messages`.
pub(crate) fn add_messages(prompt: &mut PromptSize, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
    let expected = |field: &str| BadBody::new(field, "an array of messages, each an object");
    if scanner.kind()? != Kind::Array {
        return Err(expected("messages"));
    }
    let start = scanner.at();
    let mut blocks = Blocks { prompt, data_bytes: 0 };
    let mut index = 0_u64;
    scanner.array(|scanner| {
        let field = format!("messages[{index}]");
        if scanner.kind()? != Kind::Object {
            return Err(expected(&field));
        }
        index += 1;
        json_guard::members(scanner, |scanner, member| match member.name {
            b"content" => blocks.add(scanner),
            _ => json_guard::skip(scanner),
        })
        .map_err(|error| json_guard::within(field.as_bytes(), error))
    })?;
    if index == 0 {
        return Err(BadBody::new("messages", "at least one message"));
    }
    let bytes = u64::try_from(scanner.at() - start).unwrap_or(u64::MAX);
    let text_bytes = bytes.saturating_sub(blocks.data_bytes);
    prompt.text_bytes += text_bytes;
    Ok(())
}

/// Reads content, and what is nested in it: a tool's result has content of its own.
struct Blocks<'p> {
    prompt: &'p mut PromptSize,
    /// Bytes of base64 that are not read as text.
    data_bytes: u64,
}

/// What a block has beside its text.
enum Source {
    /// Data in base64 of so many bytes.
    Data(u64),
    /// A text that is part of the body.
    Text,
    /// An address, or a file that the provider keeps.
    Elsewhere,
}

impl Blocks<'_> {
    fn add(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        if scanner.kind()? != Kind::Array {
            return json_guard::skip(scanner);
        }
        scanner.array(|scanner| match scanner.kind()? {
            Kind::Object => self.add_block(scanner),
            Kind::Array | Kind::String | Kind::Number | Kind::Bool | Kind::Null => json_guard::skip(scanner),
        })
    }

    fn add_block(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        let (mut is_image, mut source) = (false, None);
        json_guard::members(scanner, |scanner, member| {
            match (member.name, scanner.kind()?) {
                (b"type", Kind::String) => is_image = *scanner.string()?.bytes() == *b"image",
                // Of a search result the source is its address, which is text.
                (b"source", Kind::Object) => source = Some(self.source(scanner)?),
                (b"content", _) => self.add(scanner)?,
                (b"file_id", Kind::String) => {
                    source = Some(Source::Elsewhere);
                    json_guard::skip(scanner)?;
                }
                _ => json_guard::skip(scanner)?,
            }
            Ok(())
        })?;
        match source {
            None | Some(Source::Text) => return Ok(()),
            Some(Source::Data(bytes)) => self.data_bytes += bytes,
            Some(Source::Elsewhere) => (),
        }
        if is_image {
            self.prompt.images += 1;
        } else {
            // A document has any number of pages.
            self.prompt.attachments += 1;
        }
        Ok(())
    }

    /// Reads the source of a picture or document.
    fn source(&mut self, scanner: &mut Scanner<'_>) -> Result<Source, BadBody> {
        let (mut kind, mut data_bytes) = (Vec::new(), 0);
        json_guard::members(scanner, |scanner, member| {
            match (member.name, scanner.kind()?) {
                (b"type", Kind::String) => kind = scanner.string()?.bytes().into_owned(),
                (b"data", Kind::String) => {
                    data_bytes = u64::try_from(scanner.string()?.raw.len()).unwrap_or(u64::MAX);
                }
                (b"content", _) => self.add(scanner)?,
                _ => json_guard::skip(scanner)?,
            }
            Ok(())
        })?;
        Ok(match &*kind {
            b"base64" => Source::Data(data_bytes),
            b"text" | b"content" => Source::Text,
            _ => Source::Elsewhere,
        })
    }
}
