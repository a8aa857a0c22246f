//! Counts tokens with the vocabularies that OpenAI published.
//!
//! Encoding costs about 40 ns per byte, of the most hostile text found 150; parsing a body costs less than
//! one. Ordinary text repeats its words, and a word is encoded once: see the figures of `examples/measure.rs`. So nothing is counted where the number of bytes already decides
//! ([`at_most`]). Models without a published tokenizer are counted with o200k and a margin.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer as Vocabulary, get_tokenizer};

/// A vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// GPT-4, GPT-3.5 and the embedding models.
    Cl100k,
    /// GPT-4o and everything after it.
    O200k,
}

/// How closely a count with an [`Encoding`] follows what the model will report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fit {
    /// The encoding is the model's own.
    Own,
    /// The model's tokenizer is not public; another one stands in.
    StandIn,
}

/// The encoding to count with for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tokenizer {
    /// The vocabulary.
    pub encoding: Encoding,
    /// Whether it is the model's own.
    pub fit: Fit,
}

impl Tokenizer {
    /// The tokenizer for `model`, with or without a provider in front (`openai/gpt-4o`).
    ///
    /// Goes by prefix as tiktoken does; a wrong guess makes an estimate wider, it prices nothing.
    #[must_use]
    pub fn of_model(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let (encoding, fit) = match get_tokenizer(name) {
            Some(Vocabulary::Cl100kBase) => (Encoding::Cl100k, Fit::Own),
            Some(Vocabulary::O200kBase | Vocabulary::O200kHarmony) => (Encoding::O200k, Fit::Own),
            Some(Vocabulary::P50kBase | Vocabulary::R50kBase | Vocabulary::P50kEdit | Vocabulary::Gpt2) | None => {
                (Encoding::O200k, Fit::StandIn)
            }
        };
        Self { encoding, fit }
    }

    /// `counted` tokens with the safety margin of this tokenizer: nothing for the model's own, half as
    /// much again for a stand-in. Claude's tokenizers make up to 1.35 times the tokens of o200k on
    /// English and code, Mistral's and Llama's less; other scripts vary more, and the byte bound holds
    /// for all of them.
    #[must_use]
    pub const fn with_margin(self, counted: u64) -> u64 {
        match self.fit {
            Fit::Own => counted,
            Fit::StandIn => counted.saturating_add(counted.div_ceil(2)),
        }
    }
}

/// The most tokens that `bytes` bytes of text can be: a byte-level tokenizer gives at most one each.
#[must_use]
pub const fn at_most(bytes: u64) -> u64 {
    bytes
}

/// Whether the vocabulary is loaded. The first count loads it, which takes 50 to 150 ms and 25 to 50 MB once
/// per process: until then counting is nothing for an event loop, however short the text.
#[must_use]
pub fn is_loaded(encoding: Encoding) -> bool {
    loaded(encoding).load(Ordering::Acquire)
}

/// The tokens in `text`; special tokens count as the text that they are.
///
/// Linear in the length, whatever the text. It is cut where words begin, at which the sum is exact, and
/// where none begins for long into chunks of at most 2 KiB; in a text without spaces each cut adds at most a
/// few tokens.
#[must_use]
pub fn count(text: &str, encoding: Encoding) -> u64 {
    let vocabulary = vocabulary(encoding);
    let mut words = Words::default();
    let mut rest = text;
    let mut tokens = 0_usize;
    while !rest.is_empty() {
        // Of a short text, and of one that does not repeat itself, larger pieces cost less.
        let word_len = if text.len() > CHUNK_MAX && words.pay_off() { word_len(rest) } else { None };
        let (piece, after) = rest.split_at(word_len.unwrap_or_else(|| chunk_len(rest)));
        tokens += match word_len {
            Some(_) => words.count(piece, vocabulary),
            None => words.count_chunk(piece, vocabulary),
        };
        rest = after;
    }
    u64::try_from(tokens).unwrap_or(u64::MAX)
}

/// What was encoded so far of one text.
#[derive(Default)]
struct Words<'a> {
    /// Tokens by word. The hash has a random key, so that a hostile text cannot make it slow.
    known: HashMap<&'a str, usize>,
    looked_up: usize,
    found: usize,
    /// Long runs of one character are the slowest text of all, and their chunks are alike.
    last_chunk: (&'a str, usize),
}

impl<'a> Words<'a> {
    /// Whether looking words up costs less than encoding them: two of three must be known.
    const fn pay_off(&self) -> bool {
        self.looked_up < WORDS_TRIED || self.found * 3 >= self.looked_up * 2
    }

    fn count(&mut self, word: &'a str, vocabulary: &CoreBPE) -> usize {
        self.looked_up += 1;
        if let Some(&tokens) = self.known.get(word) {
            self.found += 1;
            return tokens;
        }
        let tokens = vocabulary.encode_ordinary(word).len();
        if self.known.len() < WORDS_KEPT_MAX {
            self.known.insert(word, tokens);
        }
        tokens
    }

    fn count_chunk(&mut self, chunk: &'a str, vocabulary: &CoreBPE) -> usize {
        if chunk != self.last_chunk.0 {
            self.last_chunk = (chunk, vocabulary.encode_ordinary(chunk).len());
        }
        self.last_chunk.1
    }
}

/// Words that are looked up before it is judged whether that pays.
const WORDS_TRIED: usize = 4_096;
/// Most words that are kept; the rest is encoded each time.
const WORDS_KEPT_MAX: usize = 32_768;
/// A word longer than this is unlikely to come again.
const WORD_LEN_MAX: usize = 64;

/// How long the word at the start of `text` is, with what follows it up to the next; `None` if none begins
/// soon.
fn word_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.len() <= WORD_LEN_MAX {
        return Some(bytes.len());
    }
    memchr::memchr_iter(b' ', &bytes[..WORD_LEN_MAX]).find(|&at| is_seam(bytes, at))
}

const CHUNK_MAX: usize = 2_048;
/// Where no word begins, the merge sees everything at once and pays for it: smaller pieces then.
const SEAMLESS_CHUNK_MAX: usize = 512;

/// Where to cut `text` so that the parts have as many tokens as the whole.
fn chunk_len(text: &str) -> usize {
    if text.len() <= SEAMLESS_CHUNK_MAX {
        return text.len();
    }
    let bytes = text.as_bytes();
    if bytes.len() <= CHUNK_MAX && is_seam_near(bytes) {
        return bytes.len();
    }
    let end = bytes.len().min(CHUNK_MAX);
    let seam = (SEAMLESS_CHUNK_MAX..end).rev().find(|&at| is_seam(bytes, at));
    seam.unwrap_or_else(|| text.floor_char_boundary(SEAMLESS_CHUNK_MAX))
}

/// Whether a space before a word stands at `at`. Both vocabularies split there: the space belongs to
/// the word, and nothing before it can reach over it.
fn is_seam(bytes: &[u8], at: usize) -> bool {
    bytes[at] == b' '
        && at > 0
        && bytes[at - 1].is_ascii_graphic()
        && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic)
}

fn is_seam_near(bytes: &[u8]) -> bool {
    (1..bytes.len()).any(|at| is_seam(bytes, at))
}

fn vocabulary(encoding: Encoding) -> &'static CoreBPE {
    let vocabulary = match encoding {
        Encoding::Cl100k => tiktoken_rs::cl100k_base_singleton(),
        Encoding::O200k => tiktoken_rs::o200k_base_singleton(),
    };
    loaded(encoding).store(true, Ordering::Release);
    vocabulary
}

fn loaded(encoding: Encoding) -> &'static AtomicBool {
    static LOADED: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];
    match encoding {
        Encoding::Cl100k => &LOADED[0],
        Encoding::O200k => &LOADED[1],
    }
}

#[cfg(test)]
mod tests;
