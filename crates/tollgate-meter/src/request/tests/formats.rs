//! The formats besides OpenAI's chat.

use super::*;

fn responses(members: &str) -> Result<LlmRequest, BadBody> {
    parse(Endpoint::Responses, &format!(r#"{{"model":"gpt-5","input":"hi"{members}}}"#))
}

fn message(members: &str) -> Result<LlmRequest, BadBody> {
    let body = format!(
        r#"{{"model":"claude-sonnet-4-5","max_tokens":64,"messages":[{{"role":"user","content":"hi"}}]{members}}}"#
    );
    parse(Endpoint::Messages, &body)
}

fn gemini(members: &str) -> Result<LlmRequest, BadBody> {
    let body = format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"hi"}}]}}]{members}}}"#);
    let target = Target { endpoint: Endpoint::GenerateContent, model: Some("gemini-2.5-flash".into()) };
    LlmRequest::parse(target, "application/json", body.into())
}

#[test]
fn what_decides_and_prices_a_response() {
    let request = responses(r#","stream":true,"max_output_tokens":500,"store":false,"previous_response_id":null,"background":false,"instructions":"be brief""#).unwrap();
    assert_eq!((request.delivery(), request.output_bound()), (Delivery::Streamed, Some(500)));
    assert_eq!((request.generations(), request.model()), (1, "gpt-5"));
}

#[test]
fn a_response_that_cannot_be_bounded_is_refused_with_the_field() {
    let verdicts: Vec<String> = [
        r#","previous_response_id":"resp_1""#,
        r#","conversation":{"id":"conv_1"}"#,
        r#","prompt":{"id":"pmpt_1"}"#,
        r#","background":true"#,
        r#","service_tier":"priority""#,
        r#","tools":[{"type":"code_interpreter","container":{"type":"auto"}}]"#,
        r#","tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]"#,
        r#","tools":[{"type":"image_generation"}]"#,
        r#","context_management":[{"type":"compaction"}]"#,
        r#","Max_Output_Tokens":9"#,
        r#","max_output_tokens":0"#,
    ]
    .iter()
    .map(|members| responses(members).unwrap_err().to_string())
    .chain(
        [r#"[{"type":"item_reference","id":"msg_1"}]"#, r#"[{"role":"user","content":"a"},{"id":"msg_1"}]"#, "7"].map(
            |input| parse(Endpoint::Responses, &format!(r#"{{"model":"m","input":{input}}}"#)).unwrap_err().to_string(),
        ),
    )
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @"
    previous_response_id: expected nothing: what the provider keeps cannot be bounded before it is read; send it as `input`
    conversation: expected nothing: what the provider keeps cannot be bounded before it is read; send it as `input`
    prompt: expected nothing: what the provider keeps cannot be bounded before it is read; send it as `input`
    background: expected false: what is answered later cannot be settled with its request
    service_tier: expected one of `auto`, `default`, `flex`, `on_demand`; other tiers are not priced
    tools[0].type: expected a tool that the caller runs: one that the provider runs cannot be metered here
    tools[0].type: expected a tool that the caller runs: one that the provider runs cannot be metered here
    tools[0].type: expected a tool that the caller runs: one that the provider runs cannot be metered here
    context_management: expected nothing: a compaction reads the prompt a second time
    Max_Output_Tokens: expected the name in its proper case, `max_output_tokens`
    max_output_tokens: expected a whole number from 1 to 2147483648
    input[0]: expected nothing: what the provider keeps cannot be bounded before it is read; send it as `input`
    input[1]: expected nothing: what the provider keeps cannot be bounded before it is read; send it as `input`
    input: expected a string, or an array of items
    ");
}

#[test]
fn a_message_that_has_no_price_is_refused_with_the_field() {
    let verdicts: Vec<String> = [
        r#","tools":[{"type":"web_search_20250305","name":"web_search"}]"#,
        r#","tools":[{"name":"mine","input_schema":{}},{"type":"code_execution_20250522","name":"code_execution"}]"#,
        r#","service_tier":"priority""#,
        r#","speed":"fast""#,
        r#","inference_geo":"us""#,
        r#","container":"container_1""#,
        r#","mcp_servers":[{"type":"url","url":"https://example.com"}]"#,
        r#","context_management":{"edits":[{"type":"clear_tool_uses_20250919"},{"type":"compact_20260112"}]}"#,
        r#","Max_Tokens":1"#,
        r#","max_tokens":2"#,
    ]
    .iter()
    .map(|members| message(members).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @"
    tools[0].type: expected a tool that the caller runs: one that the provider runs cannot be metered here
    tools[1].type: expected a tool that the caller runs: one that the provider runs cannot be metered here
    service_tier: expected one of `auto`, `standard_only`; other tiers are not priced
    speed: expected `standard`; nothing else is priced
    inference_geo: expected `global`; nothing else is priced
    container: expected a tool that the caller runs: one that the provider runs cannot be metered here
    mcp_servers: expected a tool that the caller runs: one that the provider runs cannot be metered here
    context_management.edits: expected edits that clear: a compaction cannot be bounded
    Max_Tokens: expected the name in its proper case, `max_tokens`
    max_tokens: expected the member only once
    ");
}

#[test]
fn tools_that_the_caller_runs_pass_with_what_they_add_to_the_prompt() {
    let plain = message("").unwrap().prompt().tokens_max(0);
    for tool in [
        r#"{"type":"bash_20250124","name":"bash"}"#,
        r#"{"type":"text_editor_20250728","name":"e"}"#,
        r#"{"type":"memory_20250818","name":"memory"}"#,
    ] {
        let with = message(&format!(r#","tools":[{tool}]"#)).unwrap().prompt().tokens_max(0);
        assert!(with > plain + 1_500, "{tool}");
    }
    assert!(message(r#","tools":[{"name":"f","input_schema":{}},{"type":"custom","name":"g"}]"#).is_ok());
    assert!(message(r#","context_management":{"edits":[{"type":"clear_thinking_20251015"}]},"service_tier":"auto","mcp_servers":[]"#).is_ok());
}

#[test]
fn blocks_of_a_message_are_bounded_by_what_they_are() {
    let data = "A".repeat(50_000);
    let size = |block: &str| {
        let body = format!(r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{block}]}}]}}"#);
        *parse(Endpoint::Messages, &body).unwrap().prompt()
    };
    let image = format!(r#"{{"source":{{"data":"{data}","type":"base64","media_type":"image/png"}},"type":"image"}}"#);
    let one = size(&image);
    assert!(one.images == 1 && one.text_bytes < 500, "{one:?}");
    let nested = size(&format!(r#"{{"type":"tool_result","tool_use_id":"t","content":[{image},{image}]}}"#));
    assert!(nested.images == 2 && nested.text_bytes < 700, "{nested:?}");
    let document = size(&format!(
        r#"{{"type":"document","source":{{"type":"base64","media_type":"application/pdf","data":"{data}"}}}}"#
    ));
    assert!(document.attachments == 1 && document.text_bytes < 500, "{document:?}");
    let text =
        size(&format!(r#"{{"type":"document","source":{{"type":"text","media_type":"text/plain","data":"{data}"}}}}"#));
    assert!(text.attachments == 0 && text.text_bytes > 50_000, "{text:?}");
    let posing = size(&format!(r#"{{"type":"text","text":"{data}","source":{{"type":"base64","data":"AA"}}}}"#));
    assert!(posing.text_bytes > 50_000, "{posing:?}");
    assert_eq!(size(r#"{"type":"image","source":{"type":"file","file_id":"file_1"}}"#).images, 1);
    assert_eq!(size(r#"{"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}}"#).attachments, 1);
}

#[test]
fn the_model_of_gemini_stands_in_the_path() {
    let request = gemini(r#","generationConfig":{"temperature":1,"maxOutputTokens":99,"candidateCount":2}"#).unwrap();
    assert_eq!((request.model(), request.output_bound(), request.generations()), ("gemini-2.5-flash", Some(99), 2));
    assert_eq!(
        parse(Endpoint::GenerateContent, r#"{"contents":[]}"#).unwrap_err().to_string(),
        "model: expected the name of a model"
    );
    let streamed = Target { endpoint: Endpoint::StreamGenerateContent, model: Some("m".into()) };
    let request =
        LlmRequest::parse(streamed, "application/json", Bytes::from_static(br#"{"contents":{"parts":{"text":"x"}}}"#));
    assert_eq!(request.unwrap().delivery(), Delivery::Streamed);
}

#[test]
fn what_gemini_keeps_or_runs_itself_is_refused_with_the_field() {
    let verdicts: Vec<String> = [
        r#","cachedContent":"cachedContents/1""#,
        r#","cached_content":"cachedContents/1""#,
        r#","tools":[{"functionDeclarations":[]},{"googleSearch":{}}]"#,
        r#","tools":[{"code_execution":{}}]"#,
        r#","tools":{"urlContext":{}}"#,
        r#","generationConfig":{"maxOutputTokens":5},"generation_config":{"maxOutputTokens":50}"#,
        r#","generationConfig":{"maxOutputTokens":5,"max_output_tokens":50}"#,
        r#","generationConfig":{"MaxOutputTokens":5}"#,
        r#","generationConfig":{"candidateCount":1000}"#,
        r#","serviceTier":"PRIORITY""#,
        r#","model":"models/dearer""#,
    ]
    .iter()
    .map(|members| gemini(members).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @"
    cachedContent: expected nothing: what the provider keeps cannot be bounded before it is read; send it in `contents`
    cached_content: expected nothing: what the provider keeps cannot be bounded before it is read; send it in `contents`
    tools.googleSearch: expected functions that the caller runs: tools that the provider runs cannot be metered here
    tools.code_execution: expected functions that the caller runs: tools that the provider runs cannot be metered here
    tools.urlContext: expected functions that the caller runs: tools that the provider runs cannot be metered here
    generationConfig: expected the member only once
    generationConfig.maxOutputTokens: expected the member only once
    generationConfig.MaxOutputTokens: expected the name in its proper case
    generationConfig.candidateCount: expected a whole number from 1 to 128
    serviceTier: expected `standard` or `flex`; other tiers are not priced
    model: expected nothing: the path names the model
    ");
    assert!(gemini(r#","serviceTier":"SERVICE_TIER""#).is_err());
    assert!(
        gemini(r#","serviceTier":"standard","tools":[{"functionDeclarations":[{"name":"f"}]}],"cachedContent":null"#)
            .is_ok()
    );
}

#[test]
fn parts_of_gemini_are_bounded_by_what_they_are() {
    let data = "A".repeat(50_000);
    let size = |part: &str| {
        let target = Target { endpoint: Endpoint::GenerateContent, model: Some("m".into()) };
        let body = format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#);
        *LlmRequest::parse(target, "application/json", body.into()).unwrap().prompt()
    };
    let image = size(&format!(r#"{{"inline_data":{{"data":"{data}","mime_type":"image/jpeg"}}}}"#));
    assert!(image.images == 1 && image.text_bytes < 300, "{image:?}");
    let heard = size(&format!(r#"{{"inlineData":{{"mimeType":"audio/wav","data":"{data}"}}}}"#));
    assert!(heard.audio == 1 && heard.text_bytes > 50_000, "{heard:?}");
    assert_eq!(size(r#"{"fileData":{"fileUri":"https://example.com/video"}}"#).attachments, 1);
    let nested = size(&format!(
        r#"{{"functionResponse":{{"name":"f","response":{{}},"parts":[{{"inlineData":{{"mimeType":"image/png","data":"{data}"}}}}]}}}}"#
    ));
    assert!(nested.images == 1 && nested.text_bytes < 400, "{nested:?}");
}

#[test]
fn output_bounds_are_written_where_each_format_has_them() {
    let bounded = |request: LlmRequest| {
        let edits =
            Edits { model: Some("other"), output_bound: Some(5), usage: AskForUsage::Always, ..Edits::default() };
        String::from_utf8(request.rewritten(&edits).to_vec()).unwrap()
    };
    assert_eq!(
        bounded(responses(r#","stream":true"#).unwrap()),
        r#"{"max_output_tokens":5,"model":"other","input":"hi","stream":true}"#
    );
    assert!(bounded(message("").unwrap()).contains(r#""model":"other","max_tokens":5,"#));
    let contents = r#""contents":[{"role":"user","parts":[{"text":"hi"}]}]"#;
    let edited = |members: &str| bounded(gemini(members).unwrap());
    assert_eq!(edited(""), format!(r#"{{"generationConfig":{{"maxOutputTokens":5}},{contents}}}"#));
    assert_eq!(
        edited(r#","generationConfig":{"topK":1}"#),
        format!(r#"{{{contents},"generationConfig":{{"maxOutputTokens":5,"topK":1}}}}"#)
    );
    assert_eq!(
        edited(r#","generation_config":{"max_output_tokens": 9}"#),
        format!(r#"{{{contents},"generation_config":{{"max_output_tokens": 5}}}}"#)
    );
    assert_eq!(
        edited(r#","generationConfig":null"#),
        format!(r#"{{{contents},"generationConfig":{{"maxOutputTokens":5}}}}"#)
    );
    let embedded = parse(Endpoint::Embeddings, r#"{"model":"m","input":"x"}"#).unwrap();
    assert_eq!(embedded.rewritten(&Edits { output_bound: Some(5), ..Edits::default() }), embedded.body());
}

#[test]
fn counting_stays_below_the_bound_and_above_the_text() {
    let words = "word ".repeat(1_000);
    let message = parse(
        Endpoint::Messages,
        &format!(
            r#"{{"model":"m","max_tokens":1,"system":"{words}","messages":[{{"role":"user","content":[{{"type":"text","text":"{words}"}},{{"type":"tool_use","id":"t","name":"f","input":{{"data":"{words}"}}}}]}}]}}"#
        ),
    );
    let response = responses(&format!(r#","instructions":"{words}""#));
    let target = Target { endpoint: Endpoint::GenerateContent, model: Some("m".into()) };
    let gemini = LlmRequest::parse(target, "application/json", format!(r#"{{"systemInstruction":{{"parts":[{{"text":"{words}"}}]}},"contents":[{{"parts":[{{"text":"{words}"}}]}}]}}"#).into());
    for (request, least) in [(message, 3_000), (response, 1_000), (gemini, 2_000)] {
        let request = request.unwrap();
        let counted = request.count_prompt_tokens("gpt-4o");
        assert!((least..least + 200).contains(&counted), "{counted}");
        assert!(counted < request.prompt().tokens_max(0));
    }
}

proptest! {
    #[test]
    fn damaged_bodies_of_every_format_are_answered(which in 0..4_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (endpoint, body) = [
            (Endpoint::Messages, r#"{"model":"m","max_tokens":5,"tools":[{"type":"bash_20250124"}],"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AA"}}]}]}"#),
            (Endpoint::Responses, r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AA"}]}],"max_output_tokens":5}"#),
            (Endpoint::GenerateContent, r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA"}}]}],"generationConfig":{"maxOutputTokens":5}}"#),
            (Endpoint::ImageGenerations, r#"{"model":"m","prompt":"x","n":2,"size":"1024x1024"}"#),
        ][which];
        let mut body = body.as_bytes().to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        let target = Target { endpoint, model: (endpoint == Endpoint::GenerateContent).then(|| "m".into()) };
        if let Ok(request) = LlmRequest::parse(target, "application/json", body.into()) {
            let edits = Edits { model: Some("other"), output_bound: Some(5), ..Edits::default() };
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&request.rewritten(&edits)).is_ok());
            let _ = request.count_prompt_tokens("m");
        }
    }
}
