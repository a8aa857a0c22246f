use proptest::prelude::*;

use super::*;

fn whole(text: &str, encoding: Encoding) -> u64 {
    vocabulary(encoding).encode_ordinary(text).len().try_into().unwrap()
}

const BOTH: [Encoding; 2] = [Encoding::Cl100k, Encoding::O200k];

#[test]
fn known_counts() {
    assert_eq!(count("", Encoding::O200k), 0);
    assert_eq!(count("hello world", Encoding::O200k), 2);
    assert_eq!(count("tiktoken is great!", Encoding::Cl100k), 6);
    // A special token in a prompt is text, not control.
    assert!(count("<|endoftext|>", Encoding::O200k) > 1);
}

#[test]
fn cutting_where_words_begin_changes_nothing() {
    let prose = "The quick brown fox, aged 12, doesn't jump; it says: \"42 is\n\n  enough\" (twice). ".repeat(200);
    let code =
        "fn main() {\n    let total = prices.iter().map(|p| p * 2).sum::<u64>();\n    return total;\n}\n".repeat(200);
    for encoding in BOTH {
        assert_eq!(count(&prose, encoding), whole(&prose, encoding));
        assert_eq!(count(&code, encoding), whole(&code, encoding));
    }
}

#[test]
fn text_without_words_is_counted_within_a_hundredth() {
    for unit in ["a", "!", "\n", "ab", "这是一个测试", "0123456789abcdef", "😀"] {
        let text = unit.repeat(20_000 / unit.len());
        for encoding in BOTH {
            let (whole, counted) = (whole(&text, encoding), count(&text, encoding));
            assert!(counted >= whole, "{unit:?}: {counted} of {whole}");
            assert!((counted - whole) * 100 <= whole + 100, "{unit:?}: {counted} of {whole}");
        }
    }
}

#[test]
fn hostile_text_neither_panics_nor_stalls() {
    // A single run of spaces of this length ends tiktoken's own call in a panic.
    let spaced = " ".repeat(1_900) + "x a b ";
    let units = [&*spaced, " ", "\u{a0}", "\t\n ", "a", "aA", "\u{300}", "'S'll", "\0", "\u{fffd}", "1"];
    let started = std::time::Instant::now();
    for unit in units {
        let text = unit.repeat(1_000_000 / unit.len());
        for encoding in BOTH {
            let counted = count(&text, encoding);
            assert!(counted > 0 && counted <= at_most(text.len().try_into().unwrap()), "{unit:?}");
        }
    }
    // 20 MB of it; a quadratic counter needs hours, this one about a second when optimised.
    assert!(started.elapsed().as_secs() < 60);
}

#[test]
fn models_have_their_own_tokenizer_or_a_margin() {
    let of = |model| {
        let tokenizer = Tokenizer::of_model(model);
        (tokenizer.encoding, tokenizer.with_margin(101))
    };
    assert_eq!(of("gpt-4o-mini"), (Encoding::O200k, 101));
    assert_eq!(of("openai/gpt-5.4"), (Encoding::O200k, 101));
    assert_eq!(of("gpt-4-turbo"), (Encoding::Cl100k, 101));
    assert_eq!(of("text-embedding-3-small"), (Encoding::Cl100k, 101));
    assert_eq!(of("claude-opus-4-6"), (Encoding::O200k, 152));
    assert_eq!(of(""), (Encoding::O200k, 152));
    assert_eq!(Tokenizer::of_model("x").with_margin(u64::MAX), u64::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_has_more_tokens_than_bytes(text in "[a-zA-Z0-9 \\n\\t.,'!é漢😀]{0,3000}") {
        for encoding in BOTH {
            prop_assert!(count(&text, encoding) <= at_most(u64::try_from(text.len()).unwrap()));
        }
    }
}
