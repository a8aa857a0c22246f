//! Counts the tokens of a prompt, for the few requests where the byte bound does not decide.
//!
//! The chat format is counted as OpenAI's templates write it. Of the other formats every text that may
//! reach the model is counted, and a message like one of a chat.

use super::prompt::{PartMember, for_link, is_picture_data};
use super::{LlmRequest, image_tokens_max, is_outside_prompt};
use crate::endpoint::{BodyKind, Format};
use crate::json::{Flaw, Kind, Scanner};
use crate::tokens::{self, Encoding, Tokenizer};

/// What OpenAI's chat templates put around each message, before a name, and before the answer.
const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;
const PER_ANSWER: u64 = 3;

impl LlmRequest {
    /// The tokens of the prompt as `model` will count them, estimated from above.
    ///
    /// `model` is the name under which the upstream knows it. For plain messages to a model with a
    /// published tokenizer the figure is what the upstream will report. Declared tools count as the
    /// JSON that they are, which is more than what templates make of it; ids of tool calls count;
    /// pictures count as [`image_tokens_max`]; a model whose tokenizer is not public gets the margin
    /// of [`Tokenizer::with_margin`]. Never more than [`PromptSize::tokens_max`].
    ///
    /// Takes 5 to 10 ms per megabyte of ordinary text and up to 150 of the most hostile: call it off the
    /// event loop when the body is large, or while [`tokens::is_loaded`] says no.
    ///
    /// [`PromptSize::tokens_max`]: super::PromptSize::tokens_max
    #[must_use]
    pub fn count_prompt_tokens(&self, model: &str) -> u64 {
        let tokenizer = Tokenizer::of_model(model);
        let bound = self.prompt.tokens_max(image_tokens_max(model));
        if self.endpoint.body_kind() == BodyKind::Form {
            return bound;
        }
        let mut counter = Counter { format: self.endpoint.format(), encoding: tokenizer.encoding, tokens: 0 };
        // The body was checked when it was read; if that were wrong, the bound would hold.
        match counter.body(&mut Scanner::new(&self.body)) {
            Ok(()) => {
                let parts = self.prompt.parts_max(image_tokens_max(model));
                tokenizer.with_margin(counter.tokens).saturating_add(parts).min(bound)
            }
            Err(_) => bound,
        }
    }
}

struct Counter {
    format: Format,
    encoding: Encoding,
    tokens: u64,
}

impl Counter {
    fn body(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        scanner.object(|scanner, key| match &*key.text.bytes() {
            b"messages" if self.format == Format::OpenAi => {
                self.tokens += PER_ANSWER;
                self.messages(scanner)
            }
            b"messages" | b"contents" | b"system" | b"systemInstruction" | b"system_instruction" | b"instructions" => {
                self.tokens += PER_ANSWER;
                self.conversation(scanner)
            }
            b"input" if self.format == Format::OpenAi => self.inputs(scanner),
            b"prompt" => self.prompts(scanner),
            b"tools" | b"functions" | b"response_format" | b"tool_choice" | b"function_call" | b"text"
            | b"generationConfig" | b"generation_config" | b"output_format" | b"output_config" => self.json(scanner),
            name if self.format == Format::OpenAi || is_outside_prompt(name) => scanner.skip(),
            b"model" | b"stream" | b"max_tokens" => scanner.skip(),
            _ => self.json(scanner),
        })
    }

    /// Counts a value as the JSON that it is.
    fn json(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        let json = scanner.span()?;
        self.count(&String::from_utf8_lossy(scanner.slice(json)));
        Ok(())
    }

    /// The input of a Responses request (a list of items) or of an embedding.
    fn inputs(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        if scanner.kind()? != Kind::Array {
            return self.prompts(scanner);
        }
        scanner.array(|scanner| match scanner.kind()? {
            Kind::Object => {
                self.tokens += PER_MESSAGE;
                self.block(scanner)
            }
            Kind::Array | Kind::String | Kind::Number | Kind::Bool | Kind::Null => self.prompts(scanner),
        })
    }

    /// A text, or messages of a format whose data in base64 stands in objects of its own.
    fn conversation(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        match scanner.kind()? {
            Kind::Array => scanner.array(|scanner| {
                self.tokens += PER_MESSAGE;
                self.conversation(scanner)
            }),
            Kind::Object => self.block(scanner),
            Kind::String | Kind::Number | Kind::Bool | Kind::Null => self.texts(scanner),
        }
    }

    /// An object of a conversation: its texts, and what calls and results of tools hold as JSON.
    fn block(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        scanner.object(|scanner, key| {
            let name = key.text.bytes();
            match (&*name, scanner.kind()?) {
                (b"source" | b"inlineData" | b"inline_data", Kind::Object) => self.source(scanner),
                (b"input" | b"args" | b"response", Kind::Object) => self.json(scanner),
                (b"image_url" | b"file_data" | b"audio", _) => self.part_member(&name, scanner),
                (b"type" | b"role" | b"id" | b"call_id" | b"tool_use_id" | b"cache_control" | b"status", _) => {
                    scanner.skip()
                }
                (_, Kind::Array) => scanner.array(|scanner| match scanner.kind()? {
                    Kind::Object => self.block(scanner),
                    _ => self.texts(scanner),
                }),
                (_, Kind::Object) => self.block(scanner),
                _ => self.texts(scanner),
            }
        })
    }

    /// Data with its type: text counts, what is heard counts by its bytes, the rest has a bound of its own.
    fn source(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        let (mut is_text, mut is_heard, mut data) = (false, false, None);
        scanner.object(|scanner, key| {
            match (&*key.text.bytes(), scanner.kind()?) {
                (b"type" | b"mimeType" | b"mime_type" | b"media_type", Kind::String) => {
                    let kind = scanner.string()?.bytes();
                    is_text |= kind.starts_with(b"text");
                    is_heard |= kind.starts_with(b"audio");
                }
                (b"data", Kind::String) => data = Some(scanner.string()?),
                (b"content", _) => self.conversation(scanner)?,
                _ => scanner.skip()?,
            }
            Ok::<_, Flaw>(())
        })?;
        match data {
            Some(text) if is_text => self.count(&text.text()),
            Some(heard) if is_heard => {
                self.tokens += tokens::at_most(u64::try_from(heard.raw.len()).unwrap_or(u64::MAX));
            }
            _ => (),
        }
        Ok(())
    }

    fn messages(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        scanner.array(|scanner| {
            self.tokens += PER_MESSAGE;
            scanner.object(|scanner, key| match (&*key.text.bytes(), scanner.kind()?) {
                (b"content", Kind::Array) => scanner.array(|scanner| self.part(scanner)),
                (b"name", _) => {
                    self.tokens += PER_NAME;
                    self.texts(scanner)
                }
                _ => self.texts(scanner),
            })
        })
    }

    /// Counts the texts of a content part; what it carries beside text has a bound of its own.
    fn part(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        if scanner.kind()? != Kind::Object {
            return self.texts(scanner);
        }
        scanner.object(|scanner, key| {
            let name = key.text.bytes();
            self.part_member(&name, scanner)
        })
    }

    fn part_member(&mut self, name: &[u8], scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        match PartMember::of(name) {
            PartMember::Picture => for_link(scanner, |link| {
                if !is_picture_data(link) {
                    self.count(&link.text());
                }
            }),
            // Ten tokens a second are far fewer than the bytes that a second takes.
            PartMember::Audio => {
                let audio = scanner.span()?;
                self.tokens += tokens::at_most(u64::try_from(audio.len()).unwrap_or(u64::MAX));
                Ok(())
            }
            PartMember::Attachment => scanner.skip(),
            PartMember::Other if *name == *b"type" => scanner.skip(),
            PartMember::Other => self.texts(scanner),
        }
    }

    /// Counts every string in a value.
    fn texts(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        match scanner.kind()? {
            Kind::String => {
                let text = scanner.string()?.text();
                self.count(&text);
                Ok(())
            }
            Kind::Array => scanner.array(|scanner| self.texts(scanner)),
            Kind::Object => scanner.object(|scanner, _| self.texts(scanner)),
            Kind::Number | Kind::Bool | Kind::Null => scanner.skip(),
        }
    }

    /// Counts texts, and numbers as the tokens that they are.
    fn prompts(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        match scanner.kind()? {
            Kind::String => {
                let text = scanner.string()?.text();
                self.count(&text);
                Ok(())
            }
            Kind::Array => scanner.array(|scanner| self.prompts(scanner)),
            Kind::Number => {
                self.tokens += 1;
                scanner.skip()
            }
            Kind::Object | Kind::Bool | Kind::Null => scanner.skip(),
        }
    }

    fn count(&mut self, text: &str) {
        self.tokens += tokens::count(text, self.encoding);
    }
}
