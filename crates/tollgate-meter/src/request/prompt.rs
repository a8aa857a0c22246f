//! How large a prompt can be, without counting its tokens.
//!
//! A byte-level tokenizer gives at most one token per byte, so the bytes of everything that may
//! reach the model bound its tokens. Pictures are the exception in both directions: their base64 is
//! not read as text, and a link of forty bytes can stand for thousands of tokens.

use super::PROMPTS_MAX;
use crate::json::{Flaw, Kind, Scanner, Text};
use crate::json_guard::{self, BadBody};
use crate::tokens;

/// Most tokens one picture costs on any model but those that [`image_tokens_max`] knows better:
/// 16,384 on Qwen-VL; OpenAI's largest patch budget is 10,000, Claude's 4,784, Gemini's 2,240.
const IMAGE_TOKENS_MAX: u64 = 16_384;
/// The `gpt-4o-mini` family pays 2,833 tokens and 5,667 for each of up to eight tiles.
const IMAGE_TOKENS_MAX_4O_MINI: u64 = 2_833 + 8 * 5_667;
/// Tokens that a file or video part stands for in the bound: its pages or frames are not known here,
/// so the largest context window on sale. The context window of the model is the better bound.
pub const ATTACHMENT_TOKENS_MAX: u64 = 1_000_000;
/// What chat templates add around a conversation, and once more where tools are declared. Per
/// message they add less than the JSON of a message takes in bytes.
const TEMPLATE_TOKENS_MAX: u64 = 128;
const TOOLS_TEMPLATE_TOKENS_MAX: u64 = 512;
/// The longest such description: Anthropic's computer tool takes 735 tokens and a system prompt of 499.
const DESCRIBED_TOOL_TOKENS_MAX: u64 = 1_536;

/// Most tokens that one picture costs as input of `model`.
#[must_use]
pub fn image_tokens_max(model: &str) -> u64 {
    let model = model.rsplit('/').next().unwrap_or(model);
    if model.starts_with("gpt-4o-mini") { IMAGE_TOKENS_MAX_4O_MINI } else { IMAGE_TOKENS_MAX }
}

/// The parts of a prompt by their size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromptSize {
    /// Bytes of JSON that may reach the model as text, audio in base64 included.
    pub text_bytes: u64,
    /// Pictures, by data or by link.
    pub images: u64,
    /// Parts whose size cannot be known here: files, videos, links to audio.
    pub attachments: u64,
    /// Parts that are heard.
    pub audio: u64,
    /// Tool and function declarations, in bytes; also part of `text_bytes`.
    pub tools_bytes: u64,
    /// Tools that the provider describes to the model in its own words.
    pub described_tools: u64,
}

impl PromptSize {
    /// An upper bound of the prompt's tokens, if a picture costs at most `image_tokens_max`.
    ///
    /// The context window of the model is a bound as well; the smaller of both holds.
    #[must_use]
    pub fn tokens_max(&self, image_tokens_max: u64) -> u64 {
        let tools = if self.tools_bytes > 0 { TOOLS_TEMPLATE_TOKENS_MAX } else { 0 };
        let described = self.described_tools.saturating_mul(DESCRIBED_TOOL_TOKENS_MAX);
        tokens::at_most(self.text_bytes)
            .saturating_add(self.parts_max(image_tokens_max))
            .saturating_add(described)
            .saturating_add(TEMPLATE_TOKENS_MAX + tools)
    }

    /// The share of the bound that pictures and attachments have.
    pub(crate) fn parts_max(&self, image_tokens_max: u64) -> u64 {
        let images = self.images.saturating_mul(image_tokens_max);
        images.saturating_add(self.attachments.saturating_mul(ATTACHMENT_TOKENS_MAX))
    }

    /// Adds `bytes` of JSON that may reach the model as text.
    pub(crate) fn add_text(&mut self, bytes: usize) {
        self.text_bytes += len(bytes);
    }

    /// Adds declarations of tools, which are `bytes` of JSON.
    pub(crate) fn add_tools(&mut self, bytes: usize) {
        self.text_bytes += len(bytes);
        self.tools_bytes += len(bytes);
    }

    /// Reads the messages of a chat.
    pub(crate) fn add_messages(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadBody> {
        let expected = |field: &str| BadBody::new(field, "an array of messages, each an object");
        if scanner.kind()? != Kind::Array {
            return Err(expected("messages"));
        }
        let start = scanner.at();
        let (mut index, mut picture_bytes) = (0_u64, 0);
        scanner.array(|scanner| {
            let field = || format!("messages[{index}]");
            if scanner.kind()? != Kind::Object {
                return Err(expected(&field()));
            }
            json_guard::members(scanner, |scanner, member| match (member.name, scanner.kind()?) {
                (b"content", Kind::Array) => Ok(self.add_parts(scanner, &mut picture_bytes)?),
                // An earlier answer that was spoken, by its name.
                (b"audio", Kind::Object) => {
                    self.attachments += 1;
                    self.audio += 1;
                    json_guard::skip(scanner)
                }
                _ => json_guard::skip(scanner),
            })
            .map_err(|error| json_guard::within(field().as_bytes(), error))?;
            index += 1;
            Ok(())
        })?;
        if index == 0 {
            return Err(BadBody::new("messages", "at least one message"));
        }
        self.text_bytes += len(scanner.at() - start).saturating_sub(picture_bytes);
        Ok(())
    }

    /// Reads the prompts of the member `field` and gives their number: a string, an array of
    /// strings, an array of tokens, or an array of arrays of tokens.
    pub(crate) fn add_prompts(&mut self, scanner: &mut Scanner<'_>, field: &str) -> Result<u64, BadBody> {
        let expected = || BadBody::new(field, "a string, or an array of strings, of tokens or of arrays of tokens");
        let start = scanner.at();
        let mut prompts = 1;
        match scanner.kind()? {
            Kind::String => json_guard::skip(scanner)?,
            Kind::Array => {
                let (mut elements, mut first) = (0, None);
                scanner.array(|scanner| {
                    let kind = scanner.kind()?;
                    elements += 1;
                    match kind {
                        Kind::String | Kind::Number if *first.get_or_insert(kind) == kind => json_guard::skip(scanner),
                        Kind::Array if *first.get_or_insert(kind) == kind => scanner.array(|scanner| {
                            if scanner.kind()? == Kind::Number { json_guard::skip(scanner) } else { Err(expected()) }
                        }),
                        _ => Err(expected()),
                    }
                })?;
                match first {
                    None => return Err(expected()),
                    Some(Kind::Number) => (),
                    Some(_) => prompts = elements,
                }
            }
            Kind::Object | Kind::Number | Kind::Bool | Kind::Null => return Err(expected()),
        }
        if prompts > PROMPTS_MAX {
            return Err(BadBody::new(field, format!("at most {PROMPTS_MAX} prompts")));
        }
        self.text_bytes += len(scanner.at() - start);
        Ok(prompts)
    }

    /// Reads the parts of one message's content.
    pub(crate) fn add_parts(&mut self, scanner: &mut Scanner<'_>, picture_bytes: &mut u64) -> Result<(), Flaw> {
        scanner.array(|scanner| {
            if scanner.kind()? != Kind::Object {
                return scanner.skip();
            }
            scanner.object(|scanner, key| match PartMember::of(&key.text.bytes()) {
                PartMember::Picture => {
                    self.images += 1;
                    for_link(scanner, |link| {
                        if is_picture_data(link) {
                            *picture_bytes += len(link.raw.len());
                        }
                    })
                }
                PartMember::Audio => {
                    self.audio += 1;
                    for_link(scanner, |link| {
                        if link.raw.starts_with(b"http") {
                            self.attachments += 1;
                        }
                    })
                }
                PartMember::Attachment => {
                    self.attachments += 1;
                    scanner.skip()
                }
                PartMember::Other => scanner.skip(),
            })
        })
    }
}

/// What a member of a content part carries. By its key and not by the part's `type`: a part that
/// says it is text may carry a picture as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartMember {
    Picture,
    Audio,
    Attachment,
    Other,
}

impl PartMember {
    pub(crate) fn of(name: &[u8]) -> Self {
        match name {
            b"image_url" | b"input_image" => Self::Picture,
            b"input_audio" | b"audio_url" => Self::Audio,
            b"file" | b"file_data" | b"file_id" | b"file_url" | b"video" | b"video_url" | b"input_video" => {
                Self::Attachment
            }
            _ => Self::Other,
        }
    }
}

/// Whether `link` holds the picture itself, which no model reads as text.
pub(crate) fn is_picture_data(link: Text<'_>) -> bool {
    link.raw.starts_with(b"data:image")
}

/// Reads a value that is a link itself or an object that has it as `url` or `data`, and calls
/// `found` with every link.
pub(crate) fn for_link<'a>(scanner: &mut Scanner<'a>, mut found: impl FnMut(Text<'a>)) -> Result<(), Flaw> {
    match scanner.kind()? {
        Kind::String => found(scanner.string()?),
        Kind::Object => scanner.object(|scanner, key| match (&*key.text.bytes(), scanner.kind()?) {
            (b"url" | b"data", Kind::String) => {
                found(scanner.string()?);
                Ok(())
            }
            _ => scanner.skip(),
        })?,
        Kind::Array | Kind::Number | Kind::Bool | Kind::Null => scanner.skip()?,
    }
    Ok(())
}

fn len(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
