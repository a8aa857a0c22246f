use bytes::Bytes;
use proptest::prelude::*;

use super::list::{Listed, read, without};
use super::*;

fn parsed(body: &str) -> String {
    match Message::parse(body.as_bytes()) {
        Ok(message) => format!("{message:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn messages_say_what_decides_about_them() {
    let call = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"arguments":{"name":"x"},"name":"e\u0063ho","uri":"u"}}"#;
    let Ok(Message::Request(request)) = Message::parse(call.as_bytes()) else { panic!("{}", parsed(call)) };
    let name = request.name.unwrap();
    assert_eq!((&*request.method, &*name.text, &call[name.place]), ("tools/call", "echo", r#""e\u0063ho""#));
    assert_eq!(request.id.to_string(), "7");

    let old = r#"{"jsonrpc":"2.0","id":"a\"b","method":"initialize","params":{"protocolVersion":"2025-11-25",
        "capabilities":{"elicitation":{"form":{},"url":{}},"experimental":{"payment":{}}},"clientInfo":{"name":"c"}}}"#;
    let Ok(Message::Request(request)) = Message::parse(old.as_bytes()) else { panic!("{}", parsed(old)) };
    assert_eq!(request.declared, Some(Declared { url_elicitation: true, payment: true }));
    assert_eq!((request.id.to_string().as_str(), request.version.as_deref()), (r#""a\"b""#, Some("2025-11-25")));

    let new = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{
        "io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}},"name":"n"}}}"#;
    let Ok(Message::Request(request)) = Message::parse(new.as_bytes()) else { panic!("{}", parsed(new)) };
    assert_eq!(request.declared, Some(Declared { url_elicitation: true, payment: false }));
    assert_eq!(request.name, None, "a name elsewhere is no subject");

    let answered = r#"{"jsonrpc":"2.0","id":"0:3","result":{}}"#;
    let Ok(Message::Response { id, id_place }) = Message::parse(answered.as_bytes()) else { panic!("no response") };
    assert_eq!((id.to_string().as_str(), &answered[id_place]), (r#""0:3""#, r#""0:3""#));
}

#[test]
fn what_is_no_message_is_refused_by_name() {
    let verdicts: Vec<String> = [
        "",
        "null",
        "[]",
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        r#"{"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#,
    ]
    .iter()
    .map(|body| parsed(body))
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"));
}

#[test]
fn only_the_answer_to_the_request_ends_it() {
    let id = Id::Text("a".into());
    let outcome = |message: &str| answer(message.as_bytes(), &id).unwrap();
    assert_eq!(outcome(r#"{"id":"a","result":{"content":[],"isError":false}}"#), Some(Outcome::Done));
    assert_eq!(outcome(r#"{"result":{"isError":true},"id":"\u0061"}"#), Some(Outcome::ToolFailed));
    assert_eq!(outcome(r#"{"id":"a","result":{"resultType":"input_required"}}"#), Some(Outcome::Unfinished));
    assert_eq!(outcome(r#"{"id":"a","result":{"structuredContent":{"isError":true}}}"#), Some(Outcome::Done));
    assert_eq!(outcome(r#"{"id":"a","error":{"code":1}}"#), Some(Outcome::Failed));
    assert_eq!(outcome(r#"{"id":"a","result":{},"error":{"code":1}}"#), Some(Outcome::Failed));
    assert_eq!(outcome(r#"{"id":null,"error":{"code":1}}"#), None);
    assert_eq!(outcome(r#"{"id":"b","result":{}}"#), None);
    assert_eq!(outcome(r#"{"id":"a","method":"sampling/createMessage"}"#), None, "a question of the server");
    assert!(answer(b"<html>", &id).is_err());
    assert!(answer(br#"{"id":"a","result":{}"#, &id).is_err());
}

#[test]
fn hidden_items_take_their_commas_along() {
    let message = r#"{"result":{"tools":[ {"name":"a"} , {"x":[1],"name":"b"},{"name":"c"} ],"nextCursor":"n"}}"#;
    let hide = |hidden: &[&str]| {
        let list = read(message.as_bytes(), Listed::Tools).unwrap();
        let places: Vec<_> =
            list.items.iter().filter(|item| hidden.contains(&&*item.name)).map(|item| item.place.clone()).collect();
        let kept = without(message.as_bytes(), &places);
        let value: serde_json::Value = serde_json::from_slice(&kept).unwrap();
        let tools = value["result"]["tools"].as_array().unwrap();
        assert_eq!(value["result"]["nextCursor"], "n");
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().concat()
    };
    assert_eq!([hide(&[]), hide(&["a"]), hide(&["b"]), hide(&["c"])], ["abc", "bc", "ac", "ab"]);
    assert_eq!([hide(&["a", "b"]), hide(&["b", "c"]), hide(&["a", "c"]), hide(&["a", "b", "c"])], ["c", "a", "b", ""]);
    assert_eq!(read(message.as_bytes(), Listed::Prompts), None);
    assert_eq!(read(message.as_bytes(), Listed::Tools).unwrap().next_cursor.as_deref(), Some("n"));
}

const STREAM: &str = "event: message\nid: 1\ndata: {\"method\":\"notifications/progress\"}\n\n: ping\n\n\
                      data: {\"id\":4,\"result\":{}}\r\n\r\nevent: message\ndata: {\"id\":3,\ndata: \"result\":{}}\n\ndata: late\n\n";

fn streamed(cuts: &[usize], edit: impl Fn(&[u8]) -> Option<Vec<u8>>) -> (String, String, Option<Outcome>) {
    let mut stream = AnswerStream::new(Some(Id::Number(3)), 1_000);
    let mut passed = String::new();
    let mut at = 0;
    for &cut in cuts.iter().chain([&STREAM.len()]) {
        let frame = Bytes::copy_from_slice(&STREAM.as_bytes()[at..cut]);
        passed += std::str::from_utf8(&stream.push(frame, &edit).unwrap()).unwrap();
        at = cut;
    }
    let held = String::from_utf8(stream.finish().to_vec()).unwrap();
    (passed, held, stream.outcome())
}

#[test]
fn the_answer_is_held_back_and_nothing_follows_it() {
    let (passed, held, outcome) = streamed(&[], |_| None);
    let until = STREAM.find("event: message\ndata").unwrap();
    assert_eq!(passed, STREAM[..until]);
    assert_eq!(held, STREAM[until..STREAM.find("data: late").unwrap()]);
    assert_eq!(outcome, Some(Outcome::Done));
}

#[test]
fn messages_are_replaced_where_they_stand() {
    let edit = |message: &[u8]| message.starts_with(b"{\"id\"").then(|| b"{\n}".to_vec());
    let (passed, held, outcome) = streamed(&[], edit);
    insta::assert_snapshot!(format!("{passed}--- held\n{held}"));
    assert_eq!(outcome, Some(Outcome::Done), "what the server said counts, not what was made of it");
}

#[test]
fn what_a_server_asks_is_answered_to_that_server() {
    let asked = "id: 7\ndata: {\"id\":\"a\",\"method\":\"sampling/createMessage\"}\n\nid: 8\n\ndata: {\"id\":4,\"result\":{}}\n\n";
    let mut stream = AnswerStream::new(None, 1_000).labelled(Some("1".into()));
    let passed = stream.push(Bytes::from_static(asked.as_bytes()), |_| None).unwrap();
    insta::assert_snapshot!(String::from_utf8(passed.to_vec()).unwrap());
    assert_eq!(label::taken_off(&Id::Text("1:\"a\"".into())), Some((1, "\"a\"")));
    assert_eq!(label::taken_off(&Id::Text("0:17".into())), Some((0, "17")));
    for other in ["", "a", "1:", "1:a", "1:{}", "1:2 3", "x:1", "-1:1"] {
        assert_eq!(label::taken_off(&Id::Text(other.into())), None, "{other}");
    }
    assert_eq!(label::taken_off(&Id::Number(1)), None);
}

#[test]
fn a_stream_without_a_request_passes_whole() {
    let mut stream = AnswerStream::new(None, 1_000);
    let passed = stream.push(Bytes::from_static(STREAM.as_bytes()), |_| None).unwrap();
    assert_eq!((passed, stream.outcome()), (Bytes::from_static(STREAM.as_bytes()), None));
    assert!(stream.has_event_ids());
    assert!(stream.push(Bytes::from(vec![b'x'; 1_001]), |_| None).is_err());
}

proptest! {
    #[test]
    fn cuts_change_nothing(mut cuts in proptest::collection::vec(0..STREAM.len(), 0..6)) {
        cuts.sort_unstable();
        prop_assert_eq!(streamed(&cuts, |_| None), streamed(&[], |_| None));
    }

    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::parse(&body);
        let _ = answer(&body, &Id::Number(1));
        let _ = read(&body, Listed::Tools);
    }

    #[test]
    fn no_text_like_a_message_makes_it_panic(body in r#"[\[\]{}",:a-z0-9 \\]{0,80}"#) {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{body}"#);
        let _ = Message::parse(body.as_bytes());
        let _ = read(body.as_bytes(), Listed::Tools);
    }
}
