use super::*;

const GUARDED: &[&str] = &["model", "stream", "max_tokens"];

fn verdict(body: &[u8]) -> String {
    match check(body, GUARDED) {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_ordinary_body_passes() {
    let body = br#" {"model":"gpt-4o","messages":[{"role":"user","content":"a \"b\" \u00e9"}],"metadata":{"Model":"x"},
        "logit_bias":{"1":1,"2":2},"stream":true,"x":[[{"a":1}],null,1.5e3]} "#;
    assert_eq!(verdict(body), "ok");
}

#[test]
fn ambiguous_bodies_are_refused_by_name() {
    let verdicts: Vec<String> = [
        r#"{"model":"a","model":"b"}"#,
        r#"{"model":"a","\u006dodel":"b"}"#,
        r#"{"model":"a","Model":"b"}"#,
        r#"{"MODEL":"a"}"#,
        r#"{"ſtream":true}"#,
        r#"{"max_toKens":1}"#,
        r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#,
        r#"{"messages":[{"role":"user","content":"a","content":"b"}]}"#,
        r#"{"a\nb":1,"a\nb":2}"#,
        "[]",
        "\"text\"",
        "",
        "{\"model\":\"a\"} {}",
        "\u{feff}{}",
        r#"{"a":1e999}"#,
        r#"{"a":NaN}"#,
    ]
    .iter()
    .map(|body| verdict(body.as_bytes()))
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @r"
    model: expected the member only once
    model: expected the member only once
    Model: expected the name in its proper case, `model`
    MODEL: expected the name in its proper case, `model`
    ſtream: expected the name in its proper case, `stream`
    max_toKens: expected the name in its proper case, `max_tokens`
    stream_options.include_usage: expected the member only once
    messages.content: expected the member only once
    a\nb: expected the member only once
    body: expected a JSON object
    body: expected a JSON object
    body: expected a JSON object
    body: expected valid JSON: nothing after the value at byte 14
    body: expected a JSON object
    body: expected valid JSON: a finite number at byte 5
    body: expected valid JSON: a JSON value at byte 5
    ");
}

#[test]
fn what_is_not_utf8_is_refused() {
    assert_eq!(verdict(b"{\"model\":\"\xff\"}"), "body: expected UTF-8: the text breaks at byte 10");
    // An overlong encoding of `/`, which a lenient decoder would accept.
    assert!(check(b"{\"a\":\"\xc0\xaf\"}", GUARDED).is_err());
}

#[test]
fn repeats_are_found_in_large_objects() {
    let members = |n: usize| (0..n).map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(",");
    assert_eq!(verdict(format!("{{{}}}", members(MEMBERS_MAX)).as_bytes()), "ok");
    let too_many = verdict(format!("{{{}}}", members(MEMBERS_MAX + 1)).as_bytes());
    assert_eq!(too_many, "k10000: expected at most 10000 members in one object");
    for (n, twice) in [(5, 0), (16, 15), (17, 16), (9_999, 3), (9_999, 9_998)] {
        let body = format!("{{{},\"k{twice}\":0}}", members(n));
        assert_eq!(verdict(body.as_bytes()), format!("k{twice}: expected the member only once"));
    }
}

#[test]
fn a_long_name_is_cut_in_the_message() {
    let name = "n".repeat(10_000);
    let message = verdict(format!("{{\"{name}\":1,\"{name}\":2}}").as_bytes());
    assert!(message.len() < 120, "{message}");
}

#[test]
fn nesting_is_bounded_everywhere() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let body = format!("{{\"x\":{}1{}}}", open.repeat(70), close.repeat(70));
        assert!(verdict(body.as_bytes()).contains("at most 64 levels"), "{body}");
    }
}
