//! What users of other gateways complain about, by repository and number.

use serde_json::json;

use super::*;

fn chunk(delta: &str, reason: &str) -> String {
    format!("data: {{\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n")
}

/// sglang#39782, praxis-proxy/ai#266: arguments of parallel calls end up in one block, or in the wrong one.
#[test]
fn interleaved_arguments_reach_their_own_blocks_one_after_the_other() {
    let stream = file("streams", CHAT, "sse");
    let events = events(&streamed(CHAT, MESSAGES, facts(), &[&stream]));
    let mut open = None;
    let mut blocks: Vec<(String, String)> = Vec::new();
    for event in &events {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(open, None, "one block at a time");
                open = event["index"].as_u64();
                assert_eq!(open, Some(blocks.len() as u64));
                blocks.push((event["content_block"]["name"].as_str().unwrap_or("").into(), String::new()));
            }
            "content_block_delta" => {
                assert_eq!(event["index"].as_u64(), open);
                let delta = &event["delta"];
                let json = delta["partial_json"].as_str().unwrap_or("");
                blocks.last_mut().unwrap().1.push_str(json);
            }
            "content_block_stop" => assert_eq!(event["index"].as_u64(), open.take()),
            _ => (),
        }
    }
    let calls: Vec<_> = blocks.iter().filter(|(name, _)| !name.is_empty()).collect();
    assert_eq!(calls, [&("get_weather".into(), "{\"city\":\"Paris\"}".into()), &("now".into(), "{}".into())]);
}

/// litellm#5231, bifrost#1961, plexus#691: every call of a stream has index 0.
#[test]
fn calls_are_numbered_in_chat_chunks() {
    for from in [RESPONSES, MESSAGES, GEMINI] {
        let stream = file("streams", from, "sse");
        let events = events(&streamed(from, CHAT, facts(), &[&stream]));
        let calls = events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"][0].as_object());
        let named: Vec<_> = calls
            .filter(|call| call.contains_key("id"))
            .map(|call| (call["index"].clone(), call["function"]["name"].clone()))
            .collect();
        assert_eq!(named, [(json!(0), json!("get_weather")), (json!(1), json!("now"))], "{from:?}");
    }
}

/// dynamo#4723: an upstream numbers all calls 0 and tells them apart by id alone.
#[test]
fn calls_under_one_index_are_told_apart_by_id() {
    let call = |id: &str| {
        format!(
            "{{\"tool_calls\":[{{\"index\":0,\"id\":\"{id}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{}}\"}}}}]}}"
        )
    };
    let stream = [chunk(&call("a"), "null"), chunk(&call("b"), "null"), chunk("{}", "\"tool_calls\"")].concat();
    let events = events(&streamed(CHAT, MESSAGES, facts(), &[stream.as_bytes()]));
    let ids: Vec<_> = events.iter().filter_map(|event| event["content_block"]["id"].as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
}

/// litellm#33736, LLMKube#1852, apisix#13662, ai-gateway#2290: the usage of a stream is dropped or partial.
#[test]
fn every_stream_ends_with_the_whole_usage() {
    for (from, to) in pairs() {
        let events = events(&streamed(from, to, facts(), &[&file("streams", from, "sse")]));
        let reports = events.iter().flat_map(|event| {
            [
                &event["usage"]["total_tokens"],
                &event["response"]["usage"]["total_tokens"],
                &event["usageMetadata"]["totalTokenCount"],
            ]
        });
        let total = reports.filter_map(Value::as_u64).next_back();
        let anthropic = events.iter().rev().find(|event| event["type"] == "message_delta").map(|event| &event["usage"]);
        match to {
            MESSAGES => {
                let usage = anthropic.unwrap();
                assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(70), &json!(30)));
            }
            _ => assert_eq!(total, Some(130), "{from:?} to {to:?}"),
        }
    }
    let upstream = request(MESSAGES, CHAT, r#"{"max_tokens":1,"messages":[]}"#);
    assert_eq!(upstream["stream_options"], json!({"include_usage": true}), "the meter needs the chunk");
}

/// A caller of chat completions who did not ask for usage must not get a chunk without choices.
#[test]
fn the_usage_chunk_comes_only_to_who_asked() {
    let quiet = Facts { usage_chunk: UsageChunk::NotAsked, ..facts() };
    let events = events(&streamed(MESSAGES, CHAT, quiet, &[&file("streams", MESSAGES, "sse")]));
    assert!(events.iter().all(|event| event["choices"].as_array().is_some_and(|choices| choices.len() == 1)));
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

/// litellm#37992: an explicit zero is replaced by an estimate.
#[test]
fn a_usage_of_zero_is_written_as_zero() {
    let body = r#"{"content":[],"stop_reason":"end_turn"}"#;
    let whole = translate_answer(MESSAGES, CHAT, body.as_bytes(), &facts(), Some(&Usage::NONE)).unwrap();
    let usage = &serde_json::from_slice::<Value>(&whole).unwrap()["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["total_tokens"]), (&json!(0), &json!(0)));
    let whole = translate_answer(MESSAGES, CHAT, body.as_bytes(), &facts(), None).unwrap();
    assert!(serde_json::from_slice::<Value>(&whole).unwrap().get("usage").is_none(), "no figure is invented");
}

/// Anthropic: `tools.0.custom.input_schema.type: Field required` for functions without a full schema.
#[test]
fn functions_get_the_schema_that_anthropic_requires() {
    let tools = |function: &str| {
        let body = format!("{{\"messages\":[],\"tools\":[{{\"type\":\"function\",\"function\":{function}}}]}}");
        request(CHAT, MESSAGES, &body)["tools"][0]["input_schema"].clone()
    };
    assert_eq!(tools("{\"name\":\"f\"}"), json!({"type": "object", "properties": {}}));
    assert_eq!(tools("{\"name\":\"f\",\"parameters\":{}}"), json!({"type": "object"}));
    assert_eq!(
        tools("{\"name\":\"f\",\"parameters\":{ \"properties\":{}}}"),
        json!({"type": "object", "properties": {}})
    );
}

/// Clients choke on a call whose arguments are an empty text.
#[test]
fn a_call_without_arguments_has_an_empty_object() {
    for to in [CHAT, RESPONSES] {
        let stream = streamed(MESSAGES, to, facts(), &[&file("streams", MESSAGES, "sse")]);
        assert!(stream.contains("\"arguments\":\"{}\""), "{stream}");
    }
}

/// Empty texts beside tool calls, which clients echo, are refused by Anthropic and Gemini.
#[test]
fn empty_texts_are_not_sent_on() {
    let body = r#"{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"x"}]}"#;
    assert_eq!(request(CHAT, MESSAGES, body)["messages"][1]["content"].as_array().unwrap().len(), 1);
    assert_eq!(request(CHAT, GEMINI, body)["contents"][1]["parts"].as_array().unwrap().len(), 1);
}

/// Arguments of calls that wait for their turn are bounded, whatever an upstream sends.
#[test]
fn a_flood_of_interleaved_arguments_is_an_error_and_not_a_growth() {
    let call = |index: usize, arguments: &str| {
        chunk(
            &format!(
                "{{\"tool_calls\":[{{\"index\":{index},\"id\":\"c{index}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{arguments}\"}}}}]}}"
            ),
            "null",
        )
    };
    let mut translator = StreamTranslator::new(CHAT, MESSAGES, facts());
    let mut out = Vec::new();
    translator.push(&call(0, "{").into(), &mut out).unwrap();
    translator.push(&call(1, "").into(), &mut out).unwrap();
    let flood = call(1, &"x".repeat(100_000));
    let flaw = (0..20).find_map(|_| translator.push(&flood.clone().into(), &mut out).err()).unwrap();
    assert!(flaw.to_string().contains("too long to be kept apart"), "{flaw}");
    assert!(out.len() < 10_000);
}
