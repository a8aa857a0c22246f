use proptest::prelude::*;

use super::*;

fn skipped(text: &str) -> Result<&str, Flaw> {
    let mut scanner = Scanner::new(text.as_bytes());
    let range = scanner.span()?;
    scanner.end()?;
    Ok(&text[range])
}

#[test]
fn a_value_is_walked_over_whole() {
    for text in [
        "{}",
        "[]",
        "[[],{}]",
        r#"{"a":[1,-2.5e+3,{"b":null}],"c":"x\"\\\u00e9\n","d":true,"e":false}"#,
        " \t\r\n[ 1 , 2 ] ",
        "0",
        "-0.0",
        "\"\"",
    ] {
        assert_eq!(skipped(text), Ok(text.trim()), "{text}");
    }
}

#[test]
fn what_is_not_json_is_named_with_its_place() {
    let flaws: Vec<String> = [
        "",
        "{",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\":1]",
        "01",
        "1.",
        ".5",
        "1e",
        "1e999",
        "-",
        "nul",
        "NaN",
        "Infinity",
        "'a'",
        "\"a",
        "\"\n\"",
        r#""\x""#,
        r#""\u12g4""#,
        "1 2",
        "[1]]",
    ]
    .iter()
    .map(|text| {
        let flaw = skipped(text).unwrap_err();
        format!("{text:?} at {}: {}", flaw.at, flaw.expected)
    })
    .collect();
    insta::assert_snapshot!(flaws.join("\n"), @r#"
    "" at 0: a JSON value
    "{" at 1: a key in double quotes
    "[1,]" at 3: a JSON value
    "{\"a\"}" at 4: `:` after a key
    "{\"a\":}" at 5: a JSON value
    "{a:1}" at 1: a key in double quotes
    "{\"a\":1,}" at 7: a key in double quotes
    "[1 2]" at 3: `,` or `]`
    "{\"a\":1]" at 6: `,` or `}`
    "01" at 0: a number without leading zeros
    "1." at 0: a digit after the decimal point
    ".5" at 0: a JSON value
    "1e" at 0: a digit in the exponent
    "1e999" at 0: a finite number
    "-" at 0: a number without leading zeros
    "nul" at 0: a JSON value
    "NaN" at 0: a JSON value
    "Infinity" at 0: a JSON value
    "'a'" at 0: a JSON value
    "\"a" at 2: the closing quote of a string
    "\"\n\"" at 1: no control character in a string; write it as \uXXXX
    "\"\\x\"" at 1: an escape that JSON knows
    "\"\\u12g4\"" at 1: four hexadecimal digits after \u
    "1 2" at 2: nothing after the value
    "[1]]" at 3: nothing after the value
    "#);
}

#[test]
fn nesting_ends_at_the_limit() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(skipped(&nested(64)).is_ok());
    assert_eq!(skipped(&nested(65)).unwrap_err().expected, "at most 64 levels of nesting");
    let objects = format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65));
    assert_eq!(skipped(&objects).unwrap_err().expected, "at most 64 levels of nesting");
}

#[test]
fn whole_numbers_are_digits_alone() {
    assert_eq!(whole_number(b"0"), Some(0));
    assert_eq!(whole_number(b"4096"), Some(4096));
    assert_eq!(whole_number(b"99999999999999999999999"), Some(u64::MAX));
    for text in ["", "-1", "1.0", "1e3", "+1", "null"] {
        assert_eq!(whole_number(text.as_bytes()), None, "{text}");
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Into::into),
        ".{0,40}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::vec(("\\PC{0,12}", inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_text_that_serde_writes_is_accepted(value in json()) {
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(skipped(&pretty), Ok(pretty.as_str()));
    }

    #[test]
    fn a_string_is_read_as_serde_reads_it(text in ".{0,80}") {
        let json = serde_json::to_string(&text).unwrap();
        let read = Scanner::new(json.as_bytes()).string().unwrap();
        prop_assert_eq!(read.text(), text);
    }

    // Damage one byte: whoever accepts what serde refuses (or the other way round) forwards
    // something else than it priced. Half surrogates are the one difference: serde refuses them.
    #[test]
    fn damaged_texts_are_judged_as_serde_judges_them(value in json(), at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(()) };
        let serde = serde_json::from_str::<serde_json::Value>(text);
        prop_assert_eq!(skipped(text).is_ok(), serde.is_ok(), "{}", text);
    }
}
