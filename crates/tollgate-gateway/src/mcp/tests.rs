//! What an MCP answer is worth, and who sees what of a list.

use bytes::Bytes;
use tollgate_core::meter::Usage;
use tollgate_meter::mcp::{AnswerStream, Id};

use super::McpMeter;
use super::meter::{BodyKind, Failures};

const CALL: Option<Usage> = Some(Usage::NONE);

fn events() -> BodyKind {
    BodyKind::Events(Box::new(AnswerStream::new(Some(Id::Number(1)), 1_000)))
}

fn meter(usage: Option<Usage>, failures: Failures, body: BodyKind) -> McpMeter {
    McpMeter::new(Id::Number(1), None, usage, failures, body)
}

/// Whether a tool call that was answered with `message` is free.
fn is_free(failures: Failures, message: &'static str) -> bool {
    let mut meter = meter(CALL, failures, BodyKind::Message);
    meter.whole(Bytes::from_static(message.as_bytes())).unwrap();
    meter.is_free()
}

#[test]
fn only_what_was_done_is_charged() {
    let [done, failed, refused, unfinished] = [
        r#"{"id":1,"result":{}}"#,
        r#"{"id":1,"result":{"isError":true}}"#,
        r#"{"id":1,"error":{"code":-32602}}"#,
        r#"{"id":1,"result":{"resultType":"input_required"}}"#,
    ];
    assert_eq!([done, failed, refused, unfinished].map(|m| is_free(Failures::Free, m)), [false, true, true, true]);
    assert_eq!([done, failed, refused, unfinished].map(|m| is_free(Failures::Charged, m)), [false, false, false, true]);
    let mut protocol = meter(None, Failures::Charged, BodyKind::Message);
    protocol.whole(Bytes::from_static(done.as_bytes())).unwrap();
    assert!(protocol.is_free(), "a list is a list");
}

#[test]
fn a_body_that_answers_something_else_is_no_answer() {
    for body in ["", "{}", "[]", "<html>", r#"{"id":2,"result":{}}"#, r#"{"id":"1","result":{}}"#] {
        let mut meter = meter(CALL, Failures::Free, BodyKind::Message);
        assert!(meter.whole(Bytes::from_static(body.as_bytes())).is_err(), "{body}");
    }
    let mut failed = meter(CALL, Failures::Charged, BodyKind::Failed);
    assert!(failed.whole(Bytes::from_static(b"<html>")).is_ok(), "a failed status may have any body");
    assert!(!failed.is_free());
}

#[test]
fn what_can_be_fetched_on_another_connection_is_owed_when_this_one_ends() {
    let stream = |frames: &'static str| {
        let mut meter = meter(CALL, Failures::Free, events());
        meter.push(Bytes::from_static(frames.as_bytes())).unwrap();
        (meter.is_complete(), meter.is_free())
    };
    assert_eq!(stream("data: {\"method\":\"notifications/progress\"}\n\n"), (false, true));
    assert_eq!(stream("id: 7\ndata: \n\n"), (true, false), "the client can ask for what follows event 7");
    assert_eq!(stream("data: {\"id\":1,\"result\":{}}\n\n"), (true, false));
    assert_eq!(stream("id: 7\ndata: {\"id\":1,\"error\":{}}\n\n"), (true, true));
}
