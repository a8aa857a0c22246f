//! What a model is told, whatever the format: the seed of its answer, and what it costs.
//!
//! A prompt costs its text plus three tokens a message and three for the answer's opening, and 85 for
//! every part that is not text. Calls of tools and their results cost their text.

use super::text;

/// Tokens that a message costs beside its text, and those that open the answer.
const FRAME_TOKENS: usize = 3;

/// Tokens of a part that is not text, such as an image.
const PART_TOKENS: usize = 85;

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    User,
    /// Instructions, and what the model has said before.
    Other,
}

/// A part of a message.
#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    /// A call that the model made before: its name and arguments.
    Call(String),
    /// What became of a call.
    Result(String),
    /// An image, a sound, a file.
    Picture,
}

/// All messages of a request.
#[derive(Debug)]
pub(super) struct Prompt {
    /// All texts, in order.
    pub(super) text: String,
    pub(super) tokens: usize,
    pub(super) last_user_message: String,
    /// Whether the last message says what became of a call.
    pub(super) ends_with_result: bool,
}

impl Prompt {
    pub(super) fn of(messages: impl IntoIterator<Item = (Speaker, Vec<Part>)>) -> Self {
        let mut prompt = Self {
            text: String::new(),
            tokens: FRAME_TOKENS,
            last_user_message: String::new(),
            ends_with_result: false,
        };
        for (speaker, parts) in messages {
            prompt.add(speaker, &parts);
        }
        prompt
    }

    fn add(&mut self, speaker: Speaker, parts: &[Part]) {
        self.tokens += FRAME_TOKENS;
        self.ends_with_result = parts.iter().any(|part| matches!(part, Part::Result(_)));
        let mut said = String::new();
        for part in parts {
            match part {
                Part::Text(text) => said.push_str(text),
                Part::Call(text) | Part::Result(text) => self.text.push_str(text),
                Part::Picture => (),
            }
            self.tokens += part.tokens();
        }
        self.text.push_str(&said);
        if speaker == Speaker::User && !self.ends_with_result {
            self.last_user_message = said;
        }
    }
}

impl Part {
    fn tokens(&self) -> usize {
        match self {
            Self::Text(text) | Self::Call(text) | Self::Result(text) => text::token_count(text),
            Self::Picture => PART_TOKENS,
        }
    }
}
