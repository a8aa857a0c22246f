//! The rules that the module's documentation states.

use serde_json::json;

use super::*;

#[test]
fn instructions_in_the_middle_keep_their_place_or_become_the_system_prompt() {
    let body = r#"{"messages":[{"role":"system","content":"one"},{"role":"user","content":"hi"},{"role":"system","content":"two"},{"role":"user","content":"ho"}]}"#;
    let anthropic = request(CHAT, MESSAGES, body);
    assert_eq!(anthropic["system"], json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]));
    assert_eq!(anthropic["messages"].as_array().unwrap().len(), 1, "turns of one side become one");
    let gemini = request(CHAT, GEMINI, body);
    assert_eq!(gemini["systemInstruction"], json!({"parts": [{"text": "one"}, {"text": "two"}]}));
    let responses = request(CHAT, RESPONSES, body);
    assert_eq!(responses["instructions"], "one");
    assert_eq!(responses["input"][1], json!({"type": "message", "role": "system", "content": "two"}));
}

#[test]
fn ids_that_a_target_refuses_are_replaced_in_call_and_result() {
    let body = r#"{"messages":[
        {"role":"assistant","tool_calls":[{"id":"functions.f:0","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call_0","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"call_0","content":"b"},{"role":"tool","tool_call_id":"functions.f:0","content":"a"}]}"#;
    let messages = &request(CHAT, MESSAGES, body)["messages"];
    assert_eq!(messages[0]["content"][0]["id"], "call_1", "call_0 is taken");
    assert_eq!(messages[0]["content"][1]["id"], "call_0");
    assert_eq!(messages[1]["content"][0]["tool_use_id"], "call_0");
    assert_eq!(messages[1]["content"][1]["tool_use_id"], "call_1");
}

#[test]
fn results_of_gemini_without_ids_find_their_calls_by_name_and_order() {
    let body = r#"{"contents":[
        {"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":1}}},{"functionCall":{"name":"g"}},{"functionCall":{"name":"f","args":{"n":2}}}]},
        {"role":"user","parts":[{"functionResponse":{"name":"g","response":{"output":"g"}}},{"functionResponse":{"name":"f","response":{"output":"f1"}}},{"functionResponse":{"name":"f","response":{"output":"f2"}}}]}]}"#;
    let messages = &request(GEMINI, CHAT, body)["messages"];
    let call = |index: usize| messages[0]["tool_calls"][index]["id"].clone();
    let results: Vec<_> =
        (1..4).map(|at| (messages[at]["tool_call_id"].clone(), messages[at]["content"].clone())).collect();
    assert_eq!(results, [(call(1), json!("g")), (call(0), json!("f1")), (call(2), json!("f2"))]);
}

#[test]
fn a_seal_travels_through_the_callers_format_to_its_maker_and_to_nobody_else() {
    let gemini = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}},"thoughtSignature":"Seal"}]},"finishReason":"STOP"}]}"#;
    for caller in [CHAT, RESPONSES, MESSAGES] {
        let answer = answer(GEMINI, caller, gemini);
        let history = echoed(caller, &answer);
        let back = request(caller, GEMINI, &history);
        assert_eq!(back["contents"][0]["parts"][0]["thoughtSignature"], "Seal", "{caller:?}");
        for other in Format::ALL.into_iter().filter(|other| *other != GEMINI && *other != caller) {
            let elsewhere = translate_request(caller, other, history.as_bytes(), &facts()).unwrap();
            assert!(!String::from_utf8_lossy(&elsewhere.body).contains("Seal"), "{caller:?} to {other:?}");
        }
    }
    let anthropic = r#"{"content":[{"type":"thinking","thinking":"hm","signature":"Seal"},{"type":"text","text":"ok"}],"stop_reason":"end_turn"}"#;
    for caller in [RESPONSES, GEMINI] {
        let history = echoed(caller, &answer(MESSAGES, caller, anthropic));
        let back = request(caller, MESSAGES, &history);
        let sealed = json!({"type": "thinking", "thinking": "hm", "signature": "Seal"});
        assert_eq!(back["messages"][0]["content"][0], sealed, "{caller:?}");
    }
}

/// A request whose history is this answer, as the format's clients send it back.
fn echoed(format: Format, answer: &Value) -> String {
    let history = match format {
        Format::OpenAiChat => json!({"messages": [answer["choices"][0]["message"]]}),
        Format::OpenAiResponses => json!({"input": answer["output"]}),
        Format::AnthropicMessages => {
            json!({"max_tokens": 9, "messages": [{"role": "assistant", "content": answer["content"]}]})
        }
        Format::Gemini => json!({"contents": [answer["candidates"][0]["content"]]}),
    };
    history.to_string()
}

#[test]
fn calls_of_other_models_are_marked_so_that_gemini_takes_the_history() {
    let body = r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":""}}]}]}"#;
    let parts = &request(CHAT, GEMINI, body)["contents"][0]["parts"];
    assert_eq!(parts[0]["thoughtSignature"], "skip_thought_signature_validator");
    assert_eq!(parts[1], json!({"functionCall": {"id": "b", "name": "f", "args": {}}}), "only the first is sealed");
}

#[test]
fn schemas_and_numbers_keep_every_digit_and_place() {
    let body = r#"{"messages":[{"role":"user","content":"x"}],"temperature":0.70,"tools":[{"type":"function","function":{"name":"f","parameters":{"z":1.50,"a":{"const":98765432109876543210987}}}}]}"#;
    let temperature = "\"temperature\":0.70";
    for to in [RESPONSES, MESSAGES, GEMINI] {
        let body = translate_request(CHAT, to, body.as_bytes(), &facts()).unwrap().body;
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("\"z\":1.50,\"a\":{\"const\":98765432109876543210987}}"), "{text}");
        assert!(text.contains(temperature), "{text}");
    }
    let answer = r#"{"content":[{"type":"tool_use","id":"a","name":"f","input":{"n": 98765432109876543210987, "x": 1.50}}],"stop_reason":"tool_use"}"#;
    let gemini = translate_answer(MESSAGES, GEMINI, answer.as_bytes(), &facts(), None).unwrap();
    assert!(String::from_utf8_lossy(&gemini).contains("\"args\":{\"n\": 98765432109876543210987, \"x\": 1.50}"));
}

#[test]
fn reasoning_is_asked_for_in_each_formats_words() {
    let chat = |effort: &str| format!("{{\"messages\":[],\"reasoning_effort\":\"{effort}\"}}");
    let anthropic = request(CHAT, MESSAGES, &chat("xhigh"));
    assert_eq!(
        (&anthropic["thinking"], &anthropic["output_config"]),
        (&json!({"type": "adaptive"}), &json!({"effort": "xhigh"}))
    );
    assert_eq!(request(CHAT, MESSAGES, &chat("minimal"))["output_config"], json!({"effort": "low"}));
    assert_eq!(request(CHAT, MESSAGES, &chat("none"))["thinking"], json!({"type": "disabled"}));
    let gemini = |effort: &str| request(CHAT, GEMINI, &chat(effort))["generationConfig"]["thinkingConfig"].clone();
    assert_eq!(gemini("max"), json!({"thinkingLevel": "XHIGH"}));
    assert_eq!(gemini("none"), json!({"thinkingBudget": 0}));
    let budget = r#"{"max_tokens":1,"messages":[],"thinking":{"type":"enabled","budget_tokens":9000}}"#;
    assert_eq!(request(MESSAGES, CHAT, budget)["reasoning_effort"], "high");
    assert_eq!(
        request(MESSAGES, GEMINI, budget)["generationConfig"]["thinkingConfig"],
        json!({"thinkingBudget": 9000, "includeThoughts": true})
    );
}

#[test]
fn nothing_but_finish_says_that_an_answer_is_complete() {
    let ends = ["[DONE]", "finish_reason\":\"", "message_stop", "message_delta", "response.completed", "finishReason"];
    for (from, to) in pairs() {
        let mut translator = StreamTranslator::new(from, to, facts());
        let mut out = Vec::new();
        translator.push(&file("streams", from, "sse").into(), &mut out).unwrap();
        let pushed = String::from_utf8(out).unwrap();
        for end in ends {
            assert!(!pushed.contains(end), "{from:?} to {to:?}: {end} in {pushed}");
        }
        assert!(translator.is_complete());
        assert!(!translator.finish(Some(&used())).is_empty());
        assert!(translator.finish(None).is_empty(), "an answer ends once");
        assert!(translator.fail("late").is_empty(), "an answer ends once");
    }
}

#[test]
fn a_stream_that_is_cut_off_never_ends_well() {
    for (from, to) in pairs() {
        let stream = file("streams", from, "sse");
        let cut = streamed(from, to, facts(), &[&stream[..stream.len() / 2]]);
        assert!(cut.contains("cut off"), "{from:?} to {to:?}: {cut}");
        assert!(!cut.contains("[DONE]") && !cut.contains("message_stop") && !cut.contains("response.completed"));
    }
}

#[test]
fn an_error_inside_a_stream_arrives_in_the_callers_format() {
    for (from, failure) in [
        (CHAT, "data: {\"error\":{\"message\":\"boom\",\"code\":500}}\n\n"),
        (
            RESPONSES,
            "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\",\"message\":\"boom\"}}}\n\n",
        ),
        (RESPONSES, "event: error\ndata: {\"type\":\"error\",\"message\":\"boom\",\"param\":null}\n\n"),
        (RESPONSES, "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"boom\"}}\n\n"),
        (
            MESSAGES,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"boom\"}}\n\n",
        ),
        (GEMINI, "data: {\"error\":{\"code\":503,\"message\":\"boom\",\"status\":\"UNAVAILABLE\"}}\n\n"),
    ] {
        for to in Format::ALL.into_iter().filter(|to| *to != from) {
            let events = events(&streamed(from, to, facts(), &[failure.as_bytes()]));
            let last = events.last().unwrap();
            assert_eq!(last["error"]["message"], "the upstream failed: boom", "{from:?} to {to:?}: {last}");
        }
    }
}

#[test]
fn a_response_that_fails_is_raised_by_sdks_and_ends_for_agents() {
    let stream = file("streams", CHAT, "sse");
    let events = events(&streamed(CHAT, RESPONSES, facts(), &[&stream[..stream.len() / 2]]));
    let [.., raised, failed] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((&raised["type"], &failed["type"]), (&json!("error"), &json!("response.failed")));
    assert_eq!(raised["error"]["message"], failed["response"]["error"]["message"]);
    let number = |event: &Value| event["sequence_number"].as_u64().unwrap();
    assert_eq!(number(failed), number(raised) + 1);
}

#[test]
fn gemini_streams_come_as_one_array_where_the_caller_wants_one() {
    let array = Facts { framing: Framing::JsonArray, ..facts() };
    for from in [CHAT, RESPONSES, MESSAGES] {
        let stream = file("streams", from, "sse");
        let whole: Value = serde_json::from_str(&streamed(from, GEMINI, array.clone(), &[&stream])).unwrap();
        assert_eq!(whole.as_array().unwrap().last().unwrap()["candidates"][0]["finishReason"], "STOP");
        let failed: Value = serde_json::from_str(&streamed(from, GEMINI, array.clone(), &[])).unwrap();
        assert_eq!(failed[0]["error"]["status"], "UNAVAILABLE");
    }
}

#[test]
fn the_reasons_of_an_end_are_said_in_each_formats_words() {
    for (stop, chat, responses, gemini) in [
        ("end_turn", "stop", json!(null), "STOP"),
        ("stop_sequence", "stop", json!(null), "STOP"),
        ("max_tokens", "length", json!({"reason": "max_output_tokens"}), "MAX_TOKENS"),
        ("model_context_window_exceeded", "length", json!({"reason": "max_output_tokens"}), "MAX_TOKENS"),
        ("refusal", "content_filter", json!({"reason": "content_filter"}), "SAFETY"),
    ] {
        let body = format!("{{\"content\":[{{\"type\":\"text\",\"text\":\"x\"}}],\"stop_reason\":\"{stop}\"}}");
        assert_eq!(answer(MESSAGES, CHAT, &body)["choices"][0]["finish_reason"], chat);
        assert_eq!(answer(MESSAGES, RESPONSES, &body)["incomplete_details"], responses);
        assert_eq!(answer(MESSAGES, GEMINI, &body)["candidates"][0]["finishReason"], gemini);
    }
}

#[test]
fn usage_overlaps_as_each_format_says() {
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]}"#;
    let usage = |to: Format, name: &str| -> Value {
        let whole = translate_answer(GEMINI, to, body.as_bytes(), &facts(), Some(&used())).unwrap();
        serde_json::from_slice::<Value>(&whole).unwrap()[name].clone()
    };
    let chat = usage(CHAT, "usage");
    assert_eq!(
        (&chat["prompt_tokens"], &chat["completion_tokens"], &chat["total_tokens"]),
        (&json!(100), &json!(30), &json!(130))
    );
    assert_eq!(chat["prompt_tokens_details"]["cached_tokens"], 20);
    let anthropic = usage(MESSAGES, "usage");
    assert_eq!((&anthropic["input_tokens"], &anthropic["output_tokens"]), (&json!(70), &json!(30)));
    assert_eq!(
        (&anthropic["cache_read_input_tokens"], &anthropic["cache_creation_input_tokens"]),
        (&json!(20), &json!(10))
    );
    assert_eq!(usage(RESPONSES, "usage")["total_tokens"], 130);
    let messages = r#"{"content":[],"stop_reason":"end_turn"}"#;
    let gemini = translate_answer(MESSAGES, GEMINI, messages.as_bytes(), &facts(), Some(&used())).unwrap();
    let gemini = &serde_json::from_slice::<Value>(&gemini).unwrap()["usageMetadata"];
    let expected = json!({"promptTokenCount": 100, "candidatesTokenCount": 22, "cachedContentTokenCount": 20, "thoughtsTokenCount": 8, "totalTokenCount": 130});
    assert_eq!(gemini, &expected);
}
