//! Counts the tokens of a prompt, for the few requests where the byte bound does not decide.

use super::prompt::{PartMember, for_link, is_picture_data};
use super::{LlmRequest, image_tokens_max};
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
    /// Takes about 40 ms per megabyte of ordinary text and 150 of the most hostile: call it off the
    /// event loop when the body is large, or while [`tokens::is_loaded`] says no.
    ///
    /// [`PromptSize::tokens_max`]: super::PromptSize::tokens_max
    #[must_use]
    pub fn count_prompt_tokens(&self, model: &str) -> u64 {
        let tokenizer = Tokenizer::of_model(model);
        let bound = self.prompt.tokens_max(image_tokens_max(model));
        let mut counter = Counter { encoding: tokenizer.encoding, tokens: 0 };
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
    encoding: Encoding,
    tokens: u64,
}

impl Counter {
    fn body(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Flaw> {
        scanner.object(|scanner, key| match &*key.text.bytes() {
            b"messages" => {
                self.tokens += PER_ANSWER;
                self.messages(scanner)
            }
            b"prompt" | b"input" => self.prompts(scanner),
            b"tools" | b"functions" | b"response_format" | b"tool_choice" | b"function_call" => {
                let json = scanner.span()?;
                self.count(&String::from_utf8_lossy(scanner.slice(json)));
                Ok(())
            }
            _ => scanner.skip(),
        })
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
            match PartMember::of(&name) {
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
        })
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
