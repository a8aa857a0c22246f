//! Hostile and honest bytes (reliability reference, section 6.1), whole and cut at every place.

use proptest::prelude::*;

use super::*;

/// What becomes of `text`; `Ok` is where the connection stands afterwards.
fn verdict(text: &str) -> Result<Place, &'static str> {
    verdict_in_pieces(text, &[])
}

fn verdict_in_pieces(text: &str, cuts: &[usize]) -> Result<Place, &'static str> {
    let mut framing = Framing::new();
    let mut from = 0;
    for &cut in cuts.iter().chain([&text.len()]) {
        let cut = cut.min(text.len()).max(from);
        framing.look_at(&text.as_bytes()[from..cut]).map_err(|rejection| rejection.detail)?;
        from = cut;
    }
    Ok(framing.place())
}

const HONEST: &[(&str, Place)] = &[
    ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", Place::Idle),
    ("\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", Place::Idle),
    ("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n", Place::Idle),
    ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello", Place::Idle),
    ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhel", Place::Body),
    ("POST / HTTP/1.1\r\nhost: a\r\nContent-Length:  5 \r\n\r\nhelloGET / HTTP/1.1\r\n\r\n", Place::Idle),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Place::Idle),
    ("POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\na;x=y\r\n0123456789\r\n0\r\nx: y\r\n\r\n", Place::Idle),
    ("GET / HTTP/1.0\r\n\r\n", Place::Idle),
    ("POST / HTTP/1.0\r\ncontent-length: 2\r\n\r\nab", Place::Idle),
    ("GET / HTT", Place::Head),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\n\n\nanything", Place::Passed),
    ("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\n\n\r\n", Place::Idle),
];

const HOSTILE: &[(&str, &str)] = &[
    ("GET / HTTP/1.1\nhost: a\n\n", "line feed alone"),
    ("GET / HTTP/1.1\r\nhost: a\n\r\n", "line feed alone"),
    ("GET / HTTP/1.1\r\nhost: a\rb\r\n\r\n", "inside a line"),
    ("GET / HTTP/1.1\r\nhost: a\r\n b\r\n\r\n", "second line"),
    ("GET / HTTP/1.1\r\nx : y\r\n\r\n", "not a token"),
    ("GET / HTTP/1.1\r\n: y\r\n\r\n", "not a token"),
    ("GET / HTTP/1.1\r\nnocolon\r\n\r\n", "no colon"),
    ("GET / HTTP/1.1\r\nx: a\0b\r\n\r\n", "control character"),
    ("GET /a b HTTP/1.1\r\n\r\n", "request line"),
    ("GET / HTTP/2.0\r\n\r\n", "request line"),
    ("GET  / HTTP/1.1\r\n\r\n", "request line"),
    ("G\u{e9}T / HTTP/1.1\r\n\r\n", "request line"),
    ("POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello", "two Content-Length"),
    ("POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", "two Content-Length"),
    ("POST / HTTP/1.1\r\ncontent-length: 5, 5\r\n\r\nhello", "whole number"),
    ("POST / HTTP/1.1\r\ncontent-length: +5\r\n\r\nhello", "whole number"),
    ("POST / HTTP/1.1\r\ncontent-length: -5\r\n\r\nhello", "whole number"),
    ("POST / HTTP/1.1\r\ncontent-length: 0x5\r\n\r\nhello", "whole number"),
    ("POST / HTTP/1.1\r\ncontent-length: \r\n\r\nhello", "whole number"),
    ("POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\nhello", "whole number"),
    ("POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "both"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", "both"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "once"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "once"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n", "once"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n", "once"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked;q=1\r\n\r\n0\r\n\r\n", "once"),
    ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.0"),
    ("POST / HTTP/1.0\r\n\r\nhello", "Content-Length"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "hexadecimal"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", "hexadecimal"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", "hexadecimal"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nhello\r\n0\r\n\r\n", "hexadecimal"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n", "line feed alone"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", "longer than it says"),
    ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n bad\r\n\r\n", "second line"),
];

#[test]
fn honest_requests_pass_whole_and_byte_by_byte() {
    for (text, place) in HONEST {
        assert_eq!(verdict(text), Ok(*place), "{text:?}");
        let every: Vec<usize> = (1..text.len()).collect();
        assert_eq!(verdict_in_pieces(text, &every), Ok(*place), "{text:?}");
    }
}

#[test]
fn hostile_requests_are_refused_whole_and_byte_by_byte() {
    for (text, expected) in HOSTILE {
        let every: Vec<usize> = (1..text.len()).collect();
        for verdict in [verdict(text), verdict_in_pieces(text, &every)] {
            assert!(verdict.is_err_and(|detail| detail.contains(expected)), "{text:?}: {verdict:?}");
        }
    }
}

#[test]
fn a_hostile_second_request_is_found_behind_an_honest_one() {
    for (text, expected) in HOSTILE {
        let pipelined = format!("POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nok{text}");
        let verdict = verdict(&pipelined);
        assert!(verdict.is_err_and(|detail| detail.contains(expected)), "{text:?}: {verdict:?}");
    }
}

#[test]
fn sizes_are_bounded() {
    let long = |n: usize| "a".repeat(n);
    assert!(verdict(&format!("GET /{} HTTP/1.1\r\n\r\n", long(9_000))).unwrap_err().contains("target"));
    assert!(verdict(&format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", long(1_000_000))).unwrap_err().contains("16 KiB"));
    assert!(verdict(&format!("GET / HTTP/1.1\r\nx: {}", long(1_000_000))).unwrap_err().contains("16 KiB"));
    let many: String = (0..101).map(|n| format!("x{n}: y\r\n")).collect();
    assert!(verdict(&format!("GET / HTTP/1.1\r\n{many}\r\n")).unwrap_err().contains("100 fields"));
    assert_eq!(verdict(&format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", long(16_000))), Ok(Place::Idle));
}

proptest! {
    /// However the bytes are cut, the verdict is the same.
    #[test]
    fn cuts_change_nothing(which in 0_usize..100, mut cuts in prop::collection::vec(0_usize..200, 0..8)) {
        cuts.sort_unstable();
        let texts: Vec<&str> = HONEST.iter().map(|(t, _)| *t).chain(HOSTILE.iter().map(|(t, _)| *t)).collect();
        let text = texts[which % texts.len()];
        prop_assert_eq!(verdict_in_pieces(text, &cuts), verdict(text));
    }

    #[test]
    fn any_bytes_are_refused_or_passed_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..400) {
        let mut framing = Framing::new();
        let cut = cut.min(bytes.len());
        let _ = framing.look_at(&bytes[..cut]).and_then(|()| framing.look_at(&bytes[cut..]));
    }
}
