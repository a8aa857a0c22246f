use std::fmt::Write;

use proptest::prelude::*;
use tollgate_core::meter::Meter;

use super::*;
use crate::sse::EVENT_LEN_MAX;

macro_rules! recordings {
    ($($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../../testdata/openai/", $name, ".sse")).as_slice())),*]
    };
}

const RECORDINGS: &[(&str, &[u8])] = recordings![
    "usage_at_end" "no_usage" "explicit_zeros" "reasoning_then_usage_with_choice" "comments_and_cost" "tool_calls"
    "error_after_200" "finish_without_done" "cut" "ends_without_blank_line" "two_choices" "crlf_bom_multiline" "cr_only"
    "running_usage" "usage_in_choice" "filter_results_first" "text_completion" "unbelievable_usage" "not_this_format"
];

fn recording(name: &str) -> &'static [u8] {
    RECORDINGS.iter().find(|(known, _)| *known == name).unwrap().1
}

/// What came through a meter: the bytes released, the bytes held to the end, and the meter.
struct Passage {
    released: Vec<u8>,
    held: Vec<u8>,
    meter: StreamMeter,
}

fn pass<'a>(hide: HideUsage, frames: impl IntoIterator<Item = &'a [u8]>) -> Passage {
    let mut meter = StreamMeter::new(Endpoint::ChatCompletions, hide);
    let mut released = Vec::new();
    for frame in frames {
        released.extend_from_slice(&meter.push(Bytes::copy_from_slice(frame)).unwrap());
    }
    let held = meter.finish().to_vec();
    Passage { released, held, meter }
}

impl Passage {
    fn bytes(&self) -> Vec<u8> {
        [&*self.released, &*self.held].concat()
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    fn figures(&self) -> String {
        let reported = match self.meter.reported_usage() {
            Ok(None) => "none".to_owned(),
            Ok(Some(usage)) => format!("{usage:?}"),
            Err(error) => format!("refused, {error}"),
        };
        let mut figures = format!("{:?}, reported {reported}\n", self.meter.ending());
        let counted = self.meter.counted_usage(0, Encoding::O200k);
        write!(figures, "  {} bytes of text counted {counted:?}", self.meter.text_bytes()).unwrap();
        let reasons: Vec<_> = self.meter.finish_reasons().collect();
        write!(figures, ", finish {reasons:?}, unreadable {}", self.meter.unreadable_events()).unwrap();
        figures
    }
}

#[test]
fn recordings_are_metered() {
    let summary: Vec<String> =
        RECORDINGS.iter().map(|(name, bytes)| format!("{name}: {}", pass(HideUsage::No, [*bytes]).figures())).collect();
    insta::assert_snapshot!(summary.join("\n"), @r#"
    usage_at_end: Complete, reported {InputTokens: 14, OutputTokens: 7}
      31 bytes of text counted {OutputTokens: 7}, finish [(0, Some("stop"))], unreadable 0
    no_usage: Complete, reported none
      31 bytes of text counted {OutputTokens: 7}, finish [(0, Some("stop"))], unreadable 0
    explicit_zeros: Complete, reported {}
      0 bytes of text counted {}, finish [(0, Some("content_filter"))], unreadable 0
    reasoning_then_usage_with_choice: Complete, reported {InputTokens: 2, CachedInputTokens: 16, OutputTokens: 12, ReasoningTokens: 9}
      63 bytes of text counted {OutputTokens: 9, ReasoningTokens: 7}, finish [(0, Some("stop"))], unreadable 0
    comments_and_cost: Complete, reported {InputTokens: 30, OutputTokens: 4, ReasoningTokens: 8}
      11 bytes of text counted {OutputTokens: 1, ReasoningTokens: 6}, finish [(0, Some("stop"))], unreadable 0
    tool_calls: Complete, reported {InputTokens: 24, CachedInputTokens: 64, OutputTokens: 41}
      58 bytes of text counted {OutputTokens: 16}, finish [(0, Some("tool_calls"))], unreadable 0
    error_after_200: Failed, reported none
      11 bytes of text counted {OutputTokens: 2}, finish [(0, None)], unreadable 0
    finish_without_done: Complete, reported none
      6 bytes of text counted {OutputTokens: 2}, finish [(0, Some("length"))], unreadable 0
    cut: Cut, reported none
      21 bytes of text counted {OutputTokens: 4}, finish [(0, None)], unreadable 0
    ends_without_blank_line: Complete, reported {InputTokens: 9, OutputTokens: 2}
      4 bytes of text counted {OutputTokens: 2}, finish [(0, Some("stop"))], unreadable 0
    two_choices: Complete, reported none
      12 bytes of text counted {OutputTokens: 2}, finish [(0, Some("stop")), (1, Some("stop"))], unreadable 0
    crlf_bom_multiline: Complete, reported {InputTokens: 3, OutputTokens: 4}
      10 bytes of text counted {OutputTokens: 3}, finish [(0, None)], unreadable 0
    cr_only: Complete, reported {InputTokens: 1, OutputTokens: 1}
      1 bytes of text counted {OutputTokens: 1}, finish [(0, Some("stop"))], unreadable 0
    running_usage: Complete, reported {InputTokens: 40, OutputTokens: 3}
      7 bytes of text counted {OutputTokens: 2}, finish [(0, Some("stop"))], unreadable 0
    usage_in_choice: Complete, reported {CachedInputTokens: 19, OutputTokens: 2}
      2 bytes of text counted {OutputTokens: 1}, finish [(0, Some("stop"))], unreadable 0
    filter_results_first: Complete, reported {InputTokens: 7, OutputTokens: 1}
      2 bytes of text counted {OutputTokens: 1}, finish [(0, Some("stop"))], unreadable 0
    text_completion: Complete, reported {InputTokens: 4, OutputTokens: 2}
      10 bytes of text counted {OutputTokens: 2}, finish [(0, Some("length"))], unreadable 0
    unbelievable_usage: Complete, reported refused, usage.completion_tokens: expected a whole number that is not negative
      2 bytes of text counted {OutputTokens: 1}, finish [(0, Some("stop"))], unreadable 0
    not_this_format: Cut, reported none
      0 bytes of text counted {}, finish [], unreadable 2
    "#);
}

#[test]
fn shown_streams_pass_byte_for_byte_with_the_end_held() {
    for (name, bytes) in RECORDINGS {
        let passage = pass(HideUsage::No, [*bytes]);
        assert_eq!(passage.bytes(), *bytes, "{name}");
        let done = b"[DONE]".as_slice();
        assert!(!passage.released.windows(done.len()).any(|part| part == done), "{name}: the end was released early");
    }
}

#[test]
fn hidden_usage_leaves_a_stream_as_if_it_had_not_been_asked_for() {
    // The recording without usage is the same answer, asked without it.
    let hidden = pass(HideUsage::Yes, [recording("usage_at_end")]).text();
    assert!(!hidden.contains("usage") && hidden.ends_with("data: [DONE]\n\n"), "{hidden}");
    assert_eq!(hidden.matches("data: ").count(), 10);
    for event in hidden.split_terminator("\n\n").filter_map(|event| event.strip_prefix("data: {")) {
        serde_json::from_str::<serde_json::Value>(&format!("{{{event}")).unwrap();
    }

    let first_member = pass(HideUsage::Yes, [recording("text_completion")]).text();
    assert!(first_member.starts_with(r#"data: {"id": "cmpl-9", "object""#), "{first_member}");
    assert!(!first_member.contains("usage"));
}

#[test]
fn hiding_takes_out_only_what_was_asked_for() {
    for name in
        ["no_usage", "tool_calls", "usage_in_choice", "reasoning_then_usage_with_choice", "filter_results_first"]
    {
        let bytes = recording(name);
        let hidden = pass(HideUsage::Yes, [bytes]).text();
        let expected: String = String::from_utf8_lossy(bytes)
            .split_inclusive("\n\n")
            .filter(|event| !(event.contains("\"choices\":[]") && event.contains("\"usage\":{")))
            .collect();
        assert_eq!(hidden, expected, "{name}");
    }
}

#[test]
fn the_same_figures_come_out_hidden_or_shown() {
    for (name, bytes) in RECORDINGS {
        assert_eq!(pass(HideUsage::Yes, [*bytes]).figures(), pass(HideUsage::No, [*bytes]).figures(), "{name}");
    }
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    for (name, bytes) in RECORDINGS {
        for hide in [HideUsage::No, HideUsage::Yes] {
            let whole = pass(hide, [*bytes]);
            for at in 0..=bytes.len() {
                let cut = pass(hide, [&bytes[..at], &bytes[at..]]);
                assert_eq!(cut.bytes(), whole.bytes(), "{name} cut at {at}");
                assert_eq!(cut.figures(), whole.figures(), "{name} cut at {at}");
            }
            let single = pass(hide, bytes.chunks(1));
            assert_eq!(single.bytes(), whole.bytes(), "{name} byte by byte");
            assert_eq!(single.figures(), whole.figures(), "{name} byte by byte");
        }
    }
}

#[test]
fn a_stream_that_breaks_off_anywhere_is_counted_and_never_reported_short() {
    let bytes = recording("usage_at_end");
    let whole = pass(HideUsage::No, [bytes]).meter.reported_usage().unwrap();
    for at in 0..bytes.len() {
        let passage = pass(HideUsage::Yes, [&bytes[..at]]);
        let reported = passage.meter.reported_usage().unwrap();
        assert!(reported.is_none() || reported == whole, "cut at {at}: {reported:?}");
        let counted = passage.meter.counted_usage(14, Encoding::O200k);
        assert_eq!(counted.get(Meter::InputTokens), 14);
        assert!(counted.get(Meter::OutputTokens) <= 7);
    }
}

#[test]
fn frames_of_whole_events_are_passed_without_a_copy() {
    let frame = Bytes::from_static(recording("finish_without_done"));
    let passed = StreamMeter::new(Endpoint::ChatCompletions, HideUsage::Yes).push(frame.clone()).unwrap();
    assert_eq!((passed.as_ptr(), passed.len()), (frame.as_ptr(), frame.len()));
    assert!(StreamMeter::new(Endpoint::ChatCompletions, HideUsage::No).push(Bytes::new()).unwrap().is_empty());
}

#[test]
fn what_follows_the_end_is_held_with_it() {
    let mut meter = StreamMeter::new(Endpoint::ChatCompletions, HideUsage::No);
    let first = meter.push(Bytes::from_static(b": a\n\ndata: [DONE]\n\n: b\n\n")).unwrap();
    assert_eq!((&*first, meter.is_done()), (&b": a\n\n"[..], true));
    assert!(meter.push(Bytes::from_static(b": c\n\nda")).unwrap().is_empty());
    assert_eq!(meter.finish(), "data: [DONE]\n\n: b\n\n: c\n\nda");
    assert!(meter.finish().is_empty(), "held bytes are given once");
}

#[test]
fn a_usage_chunk_after_the_end_still_counts_and_is_still_hidden() {
    let mut meter = StreamMeter::new(Endpoint::ChatCompletions, HideUsage::Yes);
    let late = b"data: [DONE]\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
    assert!(meter.push(Bytes::from_static(late)).unwrap().is_empty());
    assert_eq!(meter.finish(), "data: [DONE]\n\n");
    assert_eq!(meter.reported_usage().unwrap().unwrap().get(Meter::OutputTokens), 2);
}

#[test]
fn the_last_report_wins() {
    let report = |completion: i32| {
        format!("data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":5,\"completion_tokens\":{completion}}}}}\n\n")
    };
    let output = |reports: &[i32]| {
        let stream: String = reports.iter().map(|&completion| report(completion)).collect();
        pass(HideUsage::No, [stream.as_bytes()])
            .meter
            .reported_usage()
            .map(|usage| usage.unwrap().get(Meter::OutputTokens))
    };
    assert_eq!(output(&[3, 9, 4]), Ok(4));
    assert_eq!(output(&[3, 0]), Ok(0), "an explicit zero is a report");
    assert!(output(&[3, -1]).is_err(), "a later report that cannot be believed is not replaced by an older one");
    assert_eq!(output(&[-1, 3]), Ok(3));
}

#[test]
fn text_beyond_what_is_kept_counts_by_its_bytes() {
    let mut meter = StreamMeter::new(Endpoint::ChatCompletions, HideUsage::No);
    let words = "word ".repeat(2_000);
    let chunk = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{words}\"}}}}]}}\n\n");
    for _ in 0..100 {
        meter.push(chunk.clone().into()).unwrap();
    }
    assert_eq!(meter.text_bytes(), 1_000_000);
    let counted = meter.counted_usage(0, Encoding::O200k).get(Meter::OutputTokens);
    assert!((200_000..201_000).contains(&counted), "{counted}");
}

#[test]
fn an_upstream_that_invents_choices_cannot_grow_the_meter() {
    let mut meter = StreamMeter::new(Endpoint::ChatCompletions, HideUsage::No);
    for index in 0..10_000 {
        let chunk = format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}},\"index\":{index},\"finish_reason\":\"{}\"}}]}}\n\n",
            "r".repeat(500)
        );
        meter.push(chunk.into()).unwrap();
    }
    assert_eq!(meter.finish_reasons().count(), 128);
    assert_eq!(meter.text_bytes(), 10_000);
    assert!(meter.finish_reasons().all(|(_, reason)| reason.unwrap().len() == 32));
}

#[test]
fn an_event_without_an_end_is_an_error() {
    let mut meter = StreamMeter::new(Endpoint::ChatCompletions, HideUsage::No);
    let half = Bytes::from(vec![b'x'; EVENT_LEN_MAX / 2 + 1]);
    assert!(meter.push(half.clone()).unwrap().is_empty());
    assert_eq!(meter.push(half), Err(EventTooLarge));
    // The same for an upstream that goes on for ever after its end.
    let mut meter = StreamMeter::new(Endpoint::ChatCompletions, HideUsage::No);
    meter.push(Bytes::from_static(b"data: [DONE]\n\n")).unwrap();
    let comments = Bytes::from(": keep-alive\n\n".repeat(1_000));
    assert!((0..100).any(|_| meter.push(comments.clone()).is_err()));
}

#[test]
fn a_whole_answer_without_a_report_is_counted() {
    let body = br#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"The capital of France is Paris.",
        "reasoning_content":"Paris.","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]}"#;
    let counted = counted_usage_of_body(Endpoint::ChatCompletions, body, 9, Encoding::O200k);
    let expected = Usage::NONE.with(Meter::InputTokens, 9).with(Meter::OutputTokens, 8).with(Meter::ReasoningTokens, 2);
    assert_eq!(counted, expected);
    let cut = counted_usage_of_body(Endpoint::ChatCompletions, &body[..150], 9, Encoding::O200k);
    assert_eq!(cut.get(Meter::OutputTokens), 7);
    assert_eq!(
        counted_usage_of_body(Endpoint::ChatCompletions, b"<html>", 9, Encoding::O200k),
        Usage::NONE.with(Meter::InputTokens, 9)
    );
}

#[test]
fn an_error_event_is_a_failure_by_name_or_by_member() {
    for stream in [
        "event: error\ndata: {\"message\":\"gone\"}\n\n",
        "data: {\"error\":{\"message\":\"gone\"}}\n\n",
        "data: {\"error\":\"gone\"}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}],\"error\":{\"code\":502}}\n\ndata: [DONE]\n\n",
    ] {
        assert_eq!(pass(HideUsage::Yes, [stream.as_bytes()]).meter.ending(), Ending::Failed, "{stream}");
    }
    let fine = "data: {\"error\":null,\"choices\":[]}\n\ndata: [DONE]\n\n";
    assert_eq!(pass(HideUsage::No, [fine.as_bytes()]).meter.ending(), Ending::Complete);
}

#[test]
fn a_responses_stream_is_known_by_its_whole_events() {
    let mut meter = StreamMeter::new(Endpoint::Responses, HideUsage::No);
    let event = |number: u64, kind: &str, response: &str| {
        let data = format!(r#"{{"type":"{kind}","sequence_number":{number},"response":{response}}}"#);
        Bytes::from(format!("event: {kind}\ndata: {data}"))
    };
    let created = event(0, "response.created", r#"{"id":"resp_1","model":"m","created_at":7,"usage":null}"#);
    let failed = event(1, "response.failed", r#"{"id":"resp_2","error":{"code":"server_error"}}"#);
    assert_eq!(meter.response(), Some(&ResponseHead::default()));
    meter.push(created).unwrap();
    meter.push(Bytes::from_static(b"\n\n")).unwrap();
    let known = ResponseHead {
        id: "resp_1".into(),
        model: "m".into(),
        created_at_s: 7,
        next_sequence: 1,
        ..ResponseHead::default()
    };
    assert_eq!(meter.response(), Some(&known));
    meter.push(failed).unwrap();
    meter.finish();
    assert_eq!(meter.response(), Some(&known), "nobody has seen half an event");
    meter.push(event(1, "response.failed", "{}")).unwrap();
    meter.push(Bytes::from_static(b"\n\n")).unwrap();
    assert_eq!(meter.response().map(|head| (head.has_failed, head.next_sequence)), Some((true, 2)));
    assert_eq!(StreamMeter::new(Endpoint::Messages, HideUsage::No).response(), None);
}

proptest! {
    #[test]
    fn recordings_in_any_frames_give_the_same(which in 0..RECORDINGS.len(), hide in any::<bool>(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let bytes = RECORDINGS[which].1;
        let hide = if hide { HideUsage::Yes } else { HideUsage::No };
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let framed = pass(hide, places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]));
        let whole = pass(hide, [bytes]);
        prop_assert_eq!(framed.figures(), whole.figures());
        prop_assert_eq!(framed.bytes(), whole.bytes());
    }

    // Damage one byte of a recording: nothing panics, and shown bytes still pass as they are.
    #[test]
    fn damaged_recordings_pass(which in 0..RECORDINGS.len(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = RECORDINGS[which].1.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert_eq!(pass(HideUsage::No, [&*bytes]).bytes(), bytes.clone());
        pass(HideUsage::Yes, [&*bytes]);
    }
}
