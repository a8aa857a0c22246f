use bytes::Bytes;
use proptest::prelude::*;

use super::*;

/// The events of `frames`, and what is left at the end.
fn split(frames: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut stream = EventStream::default();
    let mut found = Vec::new();
    for frame in frames {
        let events = stream.push(Bytes::copy_from_slice(frame)).unwrap();
        found.extend(events.ranges().map(|event| events.bytes[event].to_vec()));
    }
    (found, stream.finish().to_vec())
}

fn events(text: &str) -> Vec<String> {
    let (events, rest) = split(&[text.as_bytes()]);
    let mut events: Vec<_> = events.into_iter().map(|event| String::from_utf8(event).unwrap()).collect();
    if !rest.is_empty() {
        events.push(format!("rest {}", String::from_utf8(rest).unwrap()));
    }
    events
}

#[test]
fn events_end_with_their_blank_line_in_every_style() {
    assert_eq!(events("data: a\n\ndata: b\n\n"), ["data: a\n\n", "data: b\n\n"]);
    assert_eq!(events("data: a\r\n\r\ndata: b\r\n\r\n"), ["data: a\r\n\r\n", "data: b\r\n\r\n"]);
    assert_eq!(events("data: a\r\rdata: b\r\r"), ["data: a\r\r", "rest data: b\r\r"]);
    assert_eq!(events("data: a\r\n\ndata: b\n\r\n"), ["data: a\r\n\n", "data: b\n\r\n"]);
    assert_eq!(events("\n\ndata: a\n"), ["\n", "\n", "rest data: a\n"]);
    assert_eq!(events(": comment\ndata: 1\ndata: 2\n\n"), [": comment\ndata: 1\ndata: 2\n\n"]);
}

#[test]
fn a_frame_of_whole_events_is_not_copied() {
    let frame = Bytes::from_static(b"data: a\n\ndata: b\n\n");
    let events = EventStream::default().push(frame.clone()).unwrap();
    assert_eq!(events.bytes.as_ptr(), frame.as_ptr());
    assert_eq!(events.bytes.len(), frame.len());
}

#[test]
fn an_endless_event_is_an_error_and_not_a_growth() {
    let mut stream = EventStream::default();
    let kilobyte = Bytes::from(vec![b'a'; 1024]);
    let refused_at = (1..).find(|_| stream.push(kilobyte.clone()).is_err());
    assert_eq!(refused_at, Some(1025));
    let mut event = vec![b'a'; EVENT_LEN_MAX];
    event.extend_from_slice(b"\n\n");
    assert_eq!(EventStream::default().push(event.into()).unwrap_err(), EventTooLarge);
}

#[test]
fn many_small_frames_are_searched_once() {
    let mut stream = EventStream::default();
    let byte = Bytes::from_static(b"a");
    let started = std::time::Instant::now();
    for _ in 0..EVENT_LEN_MAX {
        stream.push(byte.clone()).unwrap();
    }
    assert!(started.elapsed().as_secs() < 20, "quadratic work would take hours");
}

#[test]
fn fields_are_read_as_the_standard_says() {
    let read = |text: &'static str| {
        let event = Event::read(text.as_bytes());
        let data = event.data.map(|data| String::from_utf8(data.into_owned()).unwrap());
        (String::from_utf8_lossy(event.name).into_owned(), data, event.data_place)
    };
    assert_eq!(read("data: a\n\n"), (String::new(), Some("a".into()), Some(6..7)));
    assert_eq!(read("data:a\r\n\r\n"), (String::new(), Some("a".into()), Some(5..6)));
    assert_eq!(read("data:  a\n\n").1, Some(" a".into()), "one space belongs to the field, not two");
    assert_eq!(read("event: error\ndata: 1\ndata: 2\n\n"), ("error".into(), Some("1\n2".into()), None));
    assert_eq!(read("data\n\n").1, Some(String::new()));
    assert_eq!(read(": comment\nid: 3\nretry: 5\n\n"), (String::new(), None, None));
    assert_eq!(read("\u{feff}data: a\n\n").2, Some(9..10));
    assert_eq!(read("data: cut").1, Some("cut".into()));
}

proptest! {
    #[test]
    fn cutting_a_stream_anywhere_changes_nothing(text in "(data: [a-c]{0,5}|:|event: x|\r\n|\n|\r){0,30}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let bytes = text.as_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let frames: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (events, rest) = split(&frames);
        let (expected, expected_rest) = split(&[bytes]);
        prop_assert_eq!([events.concat(), rest.clone()].concat(), bytes);
        prop_assert_eq!((events, rest), (expected, expected_rest));
    }
}
