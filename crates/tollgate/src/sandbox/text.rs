//! Text and its tokens: what the sandbox's models write, and how they count.
//!
//! A token is an optional run of white space followed by up to eight letters and digits or by one
//! other character, where only ASCII has white space, letters and digits; white space at the end of a
//! text is a token of its own. Joined, the tokens of a text are the text, so a stream with one token
//! per chunk carries exactly what the usage says.

use std::iter;

/// Letters and digits of one token.
const WORD_CHARS_MAX: usize = 8;

/// What the models talk about.
const WORDS: [&str; 48] = [
    "harbour", "light", "north", "wind", "keeper", "signal", "tide", "lamp", "the", "a", "of", "and", "under", "over",
    "quiet", "slow", "bright", "morning", "evening", "ship", "bridge", "river", "stone", "letter", "map", "ledger",
    "coin", "gate", "road", "garden", "window", "bread", "salt", "copper", "paper", "winter", "summer", "bell",
    "clock", "song", "story", "carries", "follows", "counts", "recalls", "opens", "answers", "keeps",
];

/// The tokens of `text`, in order and without gaps.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        let (token, after) = rest.split_at(token_len(rest));
        rest = after;
        (!token.is_empty()).then_some(token)
    })
}

/// The tokens of `text`, which they keep.
pub(super) fn into_tokens(text: String) -> impl Iterator<Item = String> + Send + 'static {
    let mut place = 0;
    iter::from_fn(move || {
        let rest = text.get(place..)?;
        let token = rest.get(..token_len(rest))?;
        place += token.len();
        (!token.is_empty()).then(|| token.to_owned())
    })
}

/// How many tokens `text` has.
pub(super) fn token_count(text: &str) -> usize {
    tokens(text).count()
}

/// Length in bytes of the first token; 0 only for an empty text.
fn token_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let space = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let word = bytes.iter().skip(space).take(WORD_CHARS_MAX);
    match word.take_while(|byte| byte.is_ascii_alphanumeric()).count() {
        0 => space + text[space..].chars().next().map_or(0, char::len_utf8),
        letters => space + letters,
    }
}

/// A number that depends on every byte, the seed of an answer.
pub(super) fn seed(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(bytes.len() as u64, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    })
}

/// Numbers that follow from a seed (SplitMix64).
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// The next number below `bound`, which is not zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let below = mixed % u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(below).unwrap_or(0)
    }
}

/// Sentences of exactly `count` tokens.
pub(super) fn compose(chance: &mut Chance, count: usize) -> String {
    let mut text = String::with_capacity(count * 6);
    let mut words_left = 0;
    for _ in 0..count {
        if words_left == 0 && !text.is_empty() {
            text.push('.');
            words_left = 6 + chance.below(6);
            continue;
        }
        let word = WORDS[chance.below(WORDS.len())];
        if !text.is_empty() {
            text.push(' ');
        }
        // The first word and every word after a full stop begin in upper case.
        if text.is_empty() || text.ends_with(". ") {
            text.extend(word.chars().next().map(|first| first.to_ascii_uppercase()));
            text.push_str(&word[1..]);
        } else {
            text.push_str(word);
        }
        words_left = if words_left == 0 { 6 } else { words_left } - 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_words_with_the_space_before_them_and_single_signs() {
        let split = |text| tokens(text).collect::<Vec<_>>().join("|");
        assert_eq!(split("Hello, world!"), "Hello|,| world|!");
        assert_eq!(split("  twice  spaced  "), "  twice|  spaced|  ");
        assert_eq!(split("lighthouses 2026"), "lighthou|ses| 2026");
        assert_eq!(split("größe → 🦀🦀"), "gr|ö|ß|e| →| 🦀|🦀");
        assert_eq!(split(""), "");
    }

    #[test]
    fn an_answer_has_exactly_the_tokens_that_were_asked_for() {
        for count in [0, 1, 2, 7, 8, 100, 1_000] {
            let text = compose(&mut Chance(7), count);
            assert_eq!(token_count(&text), count, "{text}");
            assert_eq!(tokens(&text).collect::<String>(), text);
            assert!(tokens(&text).eq(into_tokens(text.clone())));
        }
    }

    #[test]
    fn the_same_prompt_gets_the_same_answer() {
        let answer = |prompt: &str| compose(&mut Chance(seed(prompt.as_bytes())), 40);
        assert_eq!(answer("Who keeps the light?"), answer("Who keeps the light?"));
        assert_ne!(answer("Who keeps the light?"), answer("Who keeps the lamp?"));
    }
}
