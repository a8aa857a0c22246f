//! Documented requests, answers, streams and errors of every format, in every other.

use super::*;

fn golden(kind: &str, from: Format, to: Format, text: &str) {
    let name = format!("{}_to_{}", name(from), name(to));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/translate");
    insta::with_settings!({
        snapshot_path => format!("{folder}/{kind}"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text);
    });
}

fn pretty(body: &[u8]) -> String {
    serde_json::to_string_pretty(&serde_json::from_slice::<Value>(body).unwrap()).unwrap()
}

#[test]
fn requests() {
    for (from, to) in pairs() {
        let translated = translate_request(from, to, &file("requests", from, "json"), &facts()).unwrap();
        let text = format!("left out: {}\n{}", translated.left_out.join(", "), pretty(&translated.body));
        golden("requests", from, to, &text);
    }
}

#[test]
fn answers() {
    for (from, to) in pairs() {
        let translated = translate_answer(from, to, &file("answers", from, "json"), &facts(), Some(&used())).unwrap();
        golden("answers", from, to, &pretty(&translated));
    }
}

#[test]
fn streams() {
    for (from, to) in pairs() {
        golden("streams", from, to, &streamed(from, to, facts(), &[&file("streams", from, "sse")]));
    }
}

#[test]
fn errors() {
    for (from, to) in pairs() {
        golden("errors", from, to, &pretty(&translate_error(to, 429, &file("errors", from, "json"))));
    }
}

#[test]
fn a_page_of_a_proxy_is_no_message() {
    let page = b"<html>502 Bad Gateway</html>";
    for to in Format::ALL {
        let error: Value = serde_json::from_slice(&translate_error(to, 502, page)).unwrap();
        assert_eq!(error["error"]["message"], "the upstream answered with status 502");
    }
}
