//! Nothing is dropped silently: what cannot be said is refused by the name it has in the caller's request.

use super::*;

/// A small request of chat completions with these members besides.
fn chat(members: &str) -> String {
    format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]{members}}}")
}

#[test]
fn members_that_nobody_knows_are_refused_by_their_path() {
    let unknown = |body: &str| refused(CHAT, MESSAGES, body);
    assert_eq!(unknown(&chat(",\"magic\":1")), "magic: is not understood in translation");
    assert_eq!(unknown(&chat(",\"n\":2")), "n: is not understood in translation");
    assert_eq!(unknown(&chat(",\"logprobs\":true")), "logprobs: is not understood in translation");
    assert_eq!(unknown(&chat(",\"logit_bias\":{\"1\":-100}")), "logit_bias: is not understood in translation");
    assert_eq!(
        unknown(&chat(",\"tools\":[{\"type\":\"web_search\"}]")),
        "tools[0].type: only function tools are understood in translation"
    );
    let part = r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"user","content":[{"type":"video_url","video_url":{}}]}]}"#;
    assert_eq!(unknown(part), "messages[2].content[0].type: `video_url` is not understood in translation");
    assert_eq!(
        refused(GEMINI, CHAT, r#"{"contents":[],"tools":[{"google_search":{}}]}"#),
        "tools[0].googleSearch: is not understood in translation"
    );
    assert_eq!(
        refused(MESSAGES, CHAT, r#"{"max_tokens":1,"messages":[],"mcp_servers":[]}"#),
        "mcp_servers: is not understood in translation"
    );
    assert_eq!(
        refused(RESPONSES, CHAT, r#"{"input":"hi","previous_response_id":"resp_1"}"#),
        "previous_response_id: is not understood in translation"
    );
}

#[test]
fn settings_without_a_counterpart_are_refused_where_they_say_something() {
    for (members, to, expected) in [
        (",\"seed\":1", MESSAGES, "seed: has no counterpart in the Anthropic messages format"),
        (
            ",\"frequency_penalty\":0.5",
            RESPONSES,
            "frequency_penalty: has no counterpart in the OpenAI responses format",
        ),
        (",\"stop\":\"x\"", RESPONSES, "stop: has no counterpart in the OpenAI responses format"),
        (",\"temperature\":1.5", MESSAGES, "temperature: the Anthropic messages format takes at most 1"),
        (",\"verbosity\":\"low\"", GEMINI, "verbosity: has no counterpart in the Gemini format"),
        (
            ",\"response_format\":{\"type\":\"json_object\"}",
            MESSAGES,
            "response_format.type: the Anthropic messages format has JSON answers only with a schema",
        ),
    ] {
        assert_eq!(refused(CHAT, to, &chat(members)), expected);
    }
    assert_eq!(
        refused(MESSAGES, CHAT, r#"{"max_tokens":1,"messages":[],"top_k":5}"#),
        "top_k: has no counterpart in the chat completions format"
    );
    assert_eq!(
        refused(
            GEMINI,
            CHAT,
            r#"{"contents":[],"safetySettings":[{"category":"c","threshold":"BLOCK_LOW_AND_ABOVE"}]}"#
        ),
        "safetySettings[0].threshold: filters of this provider have no counterpart in other formats"
    );
}

#[test]
fn nulls_and_defaults_are_fine() {
    let defaults = chat(
        ",\"n\":1,\"seed\":null,\"stop\":[],\"frequency_penalty\":0.0,\"presence_penalty\":0,\"logprobs\":false,\
         \"verbosity\":\"medium\",\"parallel_tool_calls\":true,\"response_format\":{\"type\":\"text\"},\"magic\":null",
    );
    for to in [RESPONSES, MESSAGES, GEMINI] {
        let translated = translate_request(CHAT, to, defaults.as_bytes(), &facts()).unwrap();
        assert!(translated.left_out.is_empty());
    }
}

#[test]
fn defaults_are_known_however_they_are_spaced() {
    request(CHAT, GEMINI, &chat(",\"modalities\": [\n \"text\"\n],\"logit_bias\":{ }"));
}

#[test]
fn members_without_effect_are_left_out_and_named() {
    let body = r#"{"max_tokens":1,"metadata":{"user_id":"u"},"messages":[
        {"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},
        {"role":"user","content":[{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}]}"#;
    let translated = translate_request(MESSAGES, CHAT, body.as_bytes(), &facts()).unwrap();
    assert_eq!(translated.left_out, ["metadata", "messages[].content[].cache_control"]);
}

#[test]
fn results_of_unknown_calls_are_refused() {
    let chat = r#"{"messages":[{"role":"tool","tool_call_id":"call_1","content":"x"}]}"#;
    assert_eq!(
        refused(CHAT, GEMINI, chat),
        "messages[0].tool_call_id: answers a tool call that is not in the conversation"
    );
    let gemini = r#"{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{}}}]}]}"#;
    assert_eq!(
        refused(GEMINI, CHAT, gemini),
        "contents[0].parts[0].functionResponse: answers a function call that is not in the conversation"
    );
}

#[test]
fn arguments_must_be_objects_where_the_target_keeps_them_as_values() {
    let body = r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{oops"}}]}]}"#;
    for to in [MESSAGES, GEMINI] {
        assert_eq!(refused(CHAT, to, body), "messages[0].tool_calls[0].function.arguments: expected a JSON object");
    }
    request(CHAT, RESPONSES, body);
}

#[test]
fn bodies_that_two_parsers_read_differently_are_refused_at_any_depth() {
    let twice = r#"{"messages":[{"role":"user","content":"a","content":"b"}]}"#;
    assert_eq!(refused(CHAT, GEMINI, twice), "messages[0].content: expected the member only once");
    let both = r#"{"contents":[{"parts":[{"inline_data":{},"inlineData":{}}]}]}"#;
    assert_eq!(refused(GEMINI, CHAT, both), "contents[0].parts[0].inlineData: expected the member only once");
    assert_eq!(refused(CHAT, GEMINI, "[]"), "body: expected an object");
    assert_eq!(refused(CHAT, GEMINI, "{\"messages\":"), "body: expected valid JSON (column 12)");
}

#[test]
fn the_anthropic_format_needs_a_bound() {
    let unbounded = Facts { output_bound: None, ..facts() };
    let body = chat("");
    let refused = translate_request(CHAT, MESSAGES, body.as_bytes(), &unbounded).unwrap_err();
    assert_eq!(&*refused.field, "max_tokens");
    assert_eq!(request(CHAT, MESSAGES, &chat(""))["max_tokens"], 1_024);
    assert_eq!(request(CHAT, MESSAGES, &chat(",\"max_tokens\":5"))["max_tokens"], 5);
    assert_eq!(request(CHAT, MESSAGES, &chat(",\"max_tokens\":5000"))["max_tokens"], 1_024, "clamped by the plan");
    let gemini = translate_request(CHAT, GEMINI, body.as_bytes(), &unbounded).unwrap();
    assert!(
        !String::from_utf8_lossy(&gemini.body).contains("maxOutputTokens"),
        "tensorzero#3648: no new mandatory field"
    );
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let tool = format!(
        "{{\"messages\":[],\"tools\":[{{\"type\":\"function\",\"function\":{{\"name\":\"f\",\"parameters\":{deep}}}}}]}}"
    );
    let call = format!(
        "{{\"max_tokens\":1,\"messages\":[{{\"role\":\"assistant\",\"content\":[{{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{deep}}}]}}]}}"
    );
    let older = format!(
        "{{\"contents\":[],\"tools\":[{{\"functionDeclarations\":[{{\"name\":\"f\",\"parameters\":{deep}}}]}}]}}"
    );
    for (from, to, body) in
        [(CHAT, GEMINI, &tool), (CHAT, MESSAGES, &tool), (MESSAGES, GEMINI, &call), (MESSAGES, CHAT, &call)]
    {
        assert!(translate_request(from, to, body.as_bytes(), &facts()).is_ok(), "{from:?} to {to:?}");
    }
    assert_eq!(refused(GEMINI, CHAT, &older), "tools[0].functionDeclarations[0].parameters: expected a schema");
    let answer = format!(
        "{{\"content\":[{{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{deep}}}],\"stop_reason\":\"tool_use\"}}"
    );
    assert!(translate_answer(MESSAGES, GEMINI, answer.as_bytes(), &facts(), None).is_ok());
}
