use proptest::prelude::*;

use super::*;
use tollgate_core::meter::Meter;

mod bounds;
mod counting;
mod formats;
mod rewriting;

fn chat(members: &str) -> Result<LlmRequest, BadBody> {
    let body = format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"hi"}}]{members}}}"#);
    LlmRequest::parse(Endpoint::ChatCompletions, "application/json", body.into())
}

fn parse(endpoint: Endpoint, body: &str) -> Result<LlmRequest, BadBody> {
    LlmRequest::parse(endpoint, "application/json", Bytes::copy_from_slice(body.as_bytes()))
}

#[test]
fn what_decides_and_prices_a_chat() {
    let request = chat(
        r#","stream":true,"stream_options":{"include_usage":true},"max_tokens":100,"max_completion_tokens":200,"n":3,"temperature":0.5"#,
    )
    .unwrap();
    assert_eq!(request.model(), "gpt-4o");
    assert_eq!(request.delivery(), Delivery::Streamed);
    assert_eq!(request.usage_chunk(), UsageChunk::Asked);
    assert_eq!(request.output_bound(), Some(200), "the larger of both");
    assert_eq!((request.choices(), request.generations()), (3, 3));
}

#[test]
fn absent_and_null_mean_the_defaults() {
    let nulls = r#","stream":null,"stream_options":null,"max_tokens":null,"max_completion_tokens":null,"n":null,"service_tier":null,"web_search_options":null"#;
    for members in ["", nulls] {
        let request = chat(members).unwrap();
        assert_eq!(request.delivery(), Delivery::Whole);
        assert_eq!(request.usage_chunk(), UsageChunk::NotAsked);
        assert_eq!(request.output_bound(), None);
        assert_eq!((request.choices(), request.generations()), (1, 1));
    }
}

#[test]
fn escaped_names_are_read_as_upstreams_read_them() {
    let body = r#"{"\u006dodel":"gpt-4\u006f","messages":[{"role":"user","content":"hi"}],"max\u005ftokens":7}"#;
    let request = parse(Endpoint::ChatCompletions, body).unwrap();
    assert_eq!((request.model(), request.output_bound()), ("gpt-4o", Some(7)));
}

#[test]
fn bad_members_of_a_chat_are_named() {
    let verdicts: Vec<String> = [
        r#","max_tokens":0"#,
        r#","max_tokens":-1"#,
        r#","max_tokens":1.5"#,
        r#","max_tokens":1e3"#,
        r#","max_tokens":"100""#,
        r#","max_tokens":2147483649"#,
        r#","max_tokens":99999999999999999999999999"#,
        r#","max_completion_tokens":[]"#,
        r#","n":1000"#,
        r#","n":0"#,
        r#","n":true"#,
        r#","best_of":129"#,
        r#","stream":"true""#,
        r#","stream":1"#,
        r#","stream_options":true"#,
        r#","stream_options":{"include_usage":"yes"}"#,
        r#","stream_options":{"Include_Usage":true}"#,
        r#","service_tier":"priority""#,
        r#","service_tier":2"#,
        r#","mock_response":"free""#,
        r#","Mock_Tool_Calls":[]"#,
        r#","api_base":"https://example.com""#,
        r#","API_KEY":"x""#,
        r#","litellm_params":{}"#,
        r#","models":["dear"]"#,
        r#","input_cost_per_token":0"#,
        r#","Stream":true"#,
        r#","model":"other""#,
    ]
    .iter()
    .map(|members| match chat(members) {
        Ok(_) => format!("{members} passed"),
        Err(error) => error.to_string(),
    })
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @"
    max_tokens: expected a whole number from 1 to 2147483648
    max_tokens: expected a whole number from 1 to 2147483648
    max_tokens: expected a whole number from 1 to 2147483648
    max_tokens: expected a whole number from 1 to 2147483648
    max_tokens: expected a whole number from 1 to 2147483648
    max_tokens: expected a whole number from 1 to 2147483648
    max_tokens: expected a whole number from 1 to 2147483648
    max_completion_tokens: expected a whole number from 1 to 2147483648
    n: expected a whole number from 1 to 128
    n: expected a whole number from 1 to 128
    n: expected a whole number from 1 to 128
    best_of: expected a whole number from 1 to 128
    stream: expected true or false
    stream: expected true or false
    stream_options: expected an object
    stream_options.include_usage: expected true or false
    stream_options.include_usage: expected the name in its proper case
    service_tier: expected one of `auto`, `default`, `flex`, `on_demand`; other tiers are not priced
    service_tier: expected one of `auto`, `default`, `flex`, `on_demand`; other tiers are not priced
    mock_response: expected no such member: only a server may set it
    Mock_Tool_Calls: expected no such member: only a server may set it
    api_base: expected no such member: only a server may set it
    API_KEY: expected no such member: only a server may set it
    litellm_params: expected no such member: only a server may set it
    models: expected no such member: only a server may set it
    input_cost_per_token: expected no such member: only a server may set it
    Stream: expected the name in its proper case, `stream`
    model: expected the member only once
    ");
}

#[test]
fn bad_bodies_are_named() {
    let long = format!(r#"{{"model":"{}","messages":[{{}}]}}"#, "m".repeat(257));
    let prompts = format!(r#"{{"model":"m","input":[{}"x"]}}"#, "\"x\",".repeat(2_048));
    let verdicts: Vec<String> = [
        (Endpoint::ChatCompletions, r#"{"messages":[{"role":"user","content":"hi"}]}"#),
        (Endpoint::ChatCompletions, r#"{"model":"","messages":[{}]}"#),
        (Endpoint::ChatCompletions, r#"{"model":7,"messages":[{}]}"#),
        (Endpoint::ChatCompletions, r#"{"model":null,"messages":[{}]}"#),
        (Endpoint::ChatCompletions, r#"{"model":"a\u0000b","messages":[{}]}"#),
        (Endpoint::ChatCompletions, &long),
        (Endpoint::ChatCompletions, r#"{"model":"m"}"#),
        (Endpoint::ChatCompletions, r#"{"model":"m","messages":[]}"#),
        (Endpoint::ChatCompletions, r#"{"model":"m","messages":"hi"}"#),
        (Endpoint::ChatCompletions, r#"{"model":"m","messages":[{},"hi"]}"#),
        (Endpoint::ChatCompletions, r#"{"model":"m","messages":[{},{"role":"a","role":"b"}]}"#),
        (Endpoint::Completions, r#"{"model":"m"}"#),
        (Endpoint::Completions, r#"{"model":"m","prompt":{}}"#),
        (Endpoint::Completions, r#"{"model":"m","prompt":["a",1]}"#),
        (Endpoint::Completions, r#"{"model":"m","prompt":[]}"#),
        (Endpoint::Embeddings, r#"{"model":"m","input":[[1],["a"]]}"#),
        (Endpoint::Embeddings, r#"{"model":"m","input":null}"#),
        (Endpoint::Embeddings, &prompts),
        (Endpoint::Embeddings, "not json"),
    ]
    .iter()
    .map(|(endpoint, body)| parse(*endpoint, body).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @"
    model: expected the name of a model
    model: expected a name of 1 to 256 bytes without control characters
    model: expected a name of 1 to 256 bytes without control characters
    model: expected a name of 1 to 256 bytes without control characters
    model: expected a name of 1 to 256 bytes without control characters
    model: expected a name of 1 to 256 bytes without control characters
    messages: expected an array of messages
    messages: expected at least one message
    messages: expected an array of messages, each an object
    messages[1]: expected an array of messages, each an object
    messages[1].role: expected the member only once
    prompt: expected a string, or an array of strings or tokens
    prompt: expected a string, or an array of strings, of tokens or of arrays of tokens
    prompt: expected a string, or an array of strings, of tokens or of arrays of tokens
    prompt: expected a string, or an array of strings, of tokens or of arrays of tokens
    input: expected a string, or an array of strings, of tokens or of arrays of tokens
    input: expected a string, or an array of strings, of tokens or of arrays of tokens
    input: expected at most 2048 prompts
    body: expected a JSON object
    ");
}

#[test]
fn every_prompt_and_every_choice_generates() {
    let generations = |body: &str| parse(Endpoint::Completions, body).unwrap().generations();
    assert_eq!(generations(r#"{"model":"m","prompt":"a"}"#), 1);
    assert_eq!(generations(r#"{"model":"m","prompt":["a","b"],"n":2}"#), 4);
    assert_eq!(generations(r#"{"model":"m","prompt":["a","b","c"],"n":2,"best_of":5}"#), 15);
    assert_eq!(generations(r#"{"model":"m","prompt":[1,2,3]}"#), 1);
    assert_eq!(generations(r#"{"model":"m","prompt":[[1,2],[3]]}"#), 2);
    assert_eq!(parse(Endpoint::Embeddings, r#"{"model":"m","input":["a","b"]}"#).unwrap().generations(), 0);
}

#[test]
fn pictures_are_bounded_by_number_and_not_by_base64() {
    let picture = format!("data:image\\/png;base64,{}", "A".repeat(100_000));
    let body = format!(
        r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":[{{"type":"text","text":"what is this?"}},
        {{"type":"image_url","image_url":{{"url":"{picture}","detail":"low"}}}},{{"type":"image_url","image_url":"https://example.com/a.png"}}]}}]}}"#
    );
    let size = *parse(Endpoint::ChatCompletions, &body).unwrap().prompt();
    assert_eq!((size.images, size.attachments), (2, 0));
    assert!(size.text_bytes < 500, "{size:?}");
    assert!(size.tokens_max(image_tokens_max("gpt-4o")) > 2 * 16_384);
    assert!(image_tokens_max("openai/gpt-4o-mini") > image_tokens_max("gpt-4o"));
}

#[test]
fn text_cannot_pose_as_a_picture() {
    let text = "data:image ".to_owned() + &"word ".repeat(1_000);
    for body in [
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#),
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"text","text":"{text}"}}]}}]}}"#),
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"","x":{{"image_url":"{text}"}}}}]}}"#),
    ] {
        let request = parse(Endpoint::ChatCompletions, &body).unwrap();
        assert!(request.prompt().text_bytes > 5_000);
        assert!(request.count_prompt_tokens("gpt-4o") > 1_000);
    }
}

#[test]
fn parts_of_unknown_size_have_the_largest_bound() {
    for part in [
        r#"{"type":"file","file":{"file_id":"file-1"}}"#,
        r#"{"type":"video_url","video_url":{"url":"https://example.com/v.mp4"}}"#,
        r#"{"type":"input_audio","input_audio":{"data":"https://example.com/a.wav","format":"wav"}}"#,
    ] {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#);
        let size = *parse(Endpoint::ChatCompletions, &body).unwrap().prompt();
        assert_eq!(size.attachments, 1, "{part}");
        assert!(size.tokens_max(1) > ATTACHMENT_TOKENS_MAX);
    }
    let audio = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"input_audio","input_audio":{{"data":"{}","format":"wav"}}}}]}}]}}"#,
        "A".repeat(5_000)
    );
    let size = *parse(Endpoint::ChatCompletions, &audio).unwrap().prompt();
    assert!(size.attachments == 0 && size.text_bytes > 5_000, "audio by its bytes: {size:?}");
}

#[test]
fn everything_that_may_reach_the_model_is_in_the_bound() {
    let plain = chat("").unwrap().prompt().text_bytes;
    let bytes = |members: &str| chat(members).unwrap().prompt().text_bytes - plain;
    assert_eq!(bytes(r#","metadata":{"note":"not for the model"},"user":"u","temperature":1"#), 0);
    assert!(bytes(r#","tools":[{"type":"function","function":{"name":"f","parameters":{}}}]"#) > 50);
    assert!(bytes(r#","response_format":{"type":"json_schema","json_schema":{"name":"x"}}"#) > 40);
    assert!(bytes(r#","unknown_member":"could be a template argument""#) > 25);
    let tools = chat(r#","tools":[{}]"#).unwrap();
    assert!(tools.prompt().tokens_max(0) > chat("").unwrap().prompt().tokens_max(0) + 500);
}

#[test]
fn the_meters_in_question_follow_the_request() {
    let plain = chat("").unwrap();
    assert!(!plain.prompt_meters().contains(Meter::AudioInputTokens));
    assert!(!plain.prompt_meters().contains(Meter::CacheWrite1hTokens));
    assert!(!plain.answer_meters().contains(Meter::AudioOutputTokens));
    let spoken = chat(r#","modalities":["text","audio"],"audio":{"voice":"alloy"}"#).unwrap();
    assert!(spoken.answer_meters().contains(Meter::AudioOutputTokens));
    let heard = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA"}},
        {"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}"#;
    let meters = parse(Endpoint::ChatCompletions, heard).unwrap().prompt_meters();
    assert!(meters.contains(Meter::AudioInputTokens) && meters.contains(Meter::CacheWrite1hTokens));
    assert!(chat(r#","modalities":"audio""#).is_err());
}

#[test]
fn hosted_tools_are_refused_by_name() {
    let verdicts: Vec<String> = [
        r#","web_search_options":{}"#,
        r#","plugins":[{"id":"web"}]"#,
        r#","tools":[{"type":"function","function":{"name":"f"}},{"type":"web_search"}]"#,
        r#","tools":[{"type":"mcp","server_url":"https://example.com"}]"#,
        r#","tools":{}"#,
    ]
    .iter()
    .map(|members| chat(members).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @"
    web_search_options: expected a tool that the caller runs: one that the provider runs cannot be metered here
    plugins: expected a tool that the caller runs: one that the provider runs cannot be metered here
    tools[1].type: expected a tool that the caller runs: one that the provider runs cannot be metered here
    tools[0].type: expected a tool that the caller runs: one that the provider runs cannot be metered here
    tools: expected an array of tools
    ");
    for members in [r#","plugins":[]"#, r#","tools":null"#, r#","tools":[{"type":"custom","custom":{"name":"c"}}]"#] {
        assert!(chat(members).is_ok(), "{members}");
    }
}

proptest! {
    // Whatever comes in, the parser answers; and what it accepts has one model and sane figures.
    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = LlmRequest::parse(Endpoint::ChatCompletions, "application/json", body.into());
    }

    #[test]
    fn damaged_bodies_are_answered(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}],"n":2,"max_tokens":5,"stream_options":{"include_usage":true}}"#.to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(request) = LlmRequest::parse(Endpoint::ChatCompletions, "application/json", body.clone().into()) {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
            prop_assert!((1..=CHOICES_MAX).contains(&request.choices()));
        }
    }
}
