use serde_json::{Value, json};

use super::*;

const ASK: Edits<'static> = Edits {
    model: None,
    output_bound: None,
    output_field: OutputField::MaxCompletionTokens,
    usage: AskForUsage::Always,
};

fn rewritten(body: &str, edits: &Edits<'_>) -> String {
    String::from_utf8(parse(Endpoint::ChatCompletions, body).unwrap().rewritten(edits).to_vec()).unwrap()
}

fn bounded(tokens: u64) -> Edits<'static> {
    Edits { output_bound: Some(tokens), ..Edits::default() }
}

#[test]
fn a_body_that_needs_no_edit_is_the_same_bytes() {
    let body =
        r#" {"model":"m", "messages":[{}], "stream":true, "stream_options":{"include_usage": true}, "max_tokens":9} "#;
    let request = parse(Endpoint::ChatCompletions, body).unwrap();
    for edits in [Edits::default(), ASK, Edits { model: Some("m"), ..ASK }, bounded(9)] {
        let same = request.rewritten(&edits);
        assert_eq!(same.as_ptr(), request.body().as_ptr(), "{edits:?}");
        assert_eq!(same.len(), request.body().len());
    }
}

#[test]
fn only_the_edited_values_change() {
    let body = "{\n  \"model\" : \"m\\u00e9\",\t\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9 1.0e+1\"}],\n \"max_tokens\" : 10 , \"top_p\":1.0e0 }\n";
    let edits = Edits { model: Some("up\"stream"), output_bound: Some(5), ..ASK };
    assert_eq!(
        rewritten(body, &edits),
        "{\n  \"model\" : \"up\\\"stream\",\t\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9 1.0e+1\"}],\n \"max_tokens\" : 5 , \"top_p\":1.0e0 }\n"
    );
}

#[test]
fn the_output_bound_is_set_in_every_member_that_has_one() {
    let with = |members: &str| format!(r#"{{"model":"m","messages":[{{}}]{members}}}"#);
    let edit = |members: &str, edits: &Edits<'_>| rewritten(&with(members), edits);
    assert_eq!(edit(r#","max_tokens":9"#, &bounded(5)), with(r#","max_tokens":5"#));
    assert_eq!(
        edit(r#","max_tokens":9,"max_completion_tokens":5"#, &bounded(5)),
        with(r#","max_tokens":5,"max_completion_tokens":5"#)
    );
    assert_eq!(
        edit(r#","max_tokens":9,"max_completion_tokens":null"#, &bounded(5)),
        with(r#","max_tokens":5,"max_completion_tokens":null"#)
    );
    assert_eq!(edit(r#","max_completion_tokens":null"#, &bounded(5)), with(r#","max_completion_tokens":5"#));
    assert_eq!(
        edit(r#","max_tokens":null"#, &bounded(5)),
        r#"{"max_completion_tokens":5,"model":"m","messages":[{}],"max_tokens":null}"#
    );
    let older = Edits { output_field: OutputField::MaxTokens, ..bounded(5) };
    assert_eq!(edit("", &older), r#"{"max_tokens":5,"model":"m","messages":[{}]}"#);
    let completion = parse(Endpoint::Completions, r#"{"model":"m","prompt":"a"}"#).unwrap();
    assert_eq!(completion.rewritten(&bounded(5)), r#"{"max_tokens":5,"model":"m","prompt":"a"}"#);
    let embedding = parse(Endpoint::Embeddings, r#"{"model":"m","input":"a"}"#).unwrap();
    assert_eq!(embedding.rewritten(&bounded(5)), *embedding.body());
}

#[test]
fn usage_is_asked_for_in_every_form_of_stream_options() {
    let with = |members: &str| format!(r#"{{"model":"m","messages":[{{}}],"stream":true{members}}}"#);
    let asked = |members: &str| rewritten(&with(members), &ASK);
    assert_eq!(asked(""), r#"{"stream_options":{"include_usage":true},"model":"m","messages":[{}],"stream":true}"#);
    assert_eq!(asked(r#","stream_options":null"#), with(r#","stream_options":{"include_usage":true}"#));
    assert_eq!(asked(r#","stream_options":{ }"#), with(r#","stream_options":{"include_usage":true }"#));
    assert_eq!(
        asked(r#","stream_options":{ "include_obfuscation":false}"#),
        with(r#","stream_options":{"include_usage":true, "include_obfuscation":false}"#)
    );
    assert_eq!(
        asked(r#","stream_options":{"include_usage":false,"x":1}"#),
        with(r#","stream_options":{"include_usage":true,"x":1}"#)
    );
    assert_eq!(
        asked(r#","stream_options":{"include_usage":null}"#),
        with(r#","stream_options":{"include_usage":true}"#)
    );
}

#[test]
fn a_whole_answer_is_not_asked_for_a_chunk() {
    for body in [r#"{"model":"m","messages":[{}]}"#, r#"{"model":"m","messages":[{}],"stream":false}"#] {
        assert_eq!(rewritten(body, &ASK), body);
    }
}

proptest! {
    /// An edited body says what the same edit of its tree would say.
    #[test]
    fn an_edit_of_the_bytes_is_an_edit_of_the_tree(
        options in prop_oneof![Just(None), Just(Some(json!(null))), Just(Some(json!({}))), Just(Some(json!({"a":1}))),
            Just(Some(json!({"include_usage":false,"b":2}))), Just(Some(json!({"include_usage":true})))],
        bound in prop::option::of(1_u64..1_000),
        pretty in any::<bool>(),
        first in any::<bool>(),
    ) {
        let mut tree = json!({});
        let add = |tree: &mut Value| {
            if let Some(bound) = bound { tree["max_completion_tokens"] = bound.into(); }
            if let Some(options) = &options { tree["stream_options"] = options.clone(); }
        };
        if first { add(&mut tree); }
        tree["model"] = "m".into();
        tree["messages"] = json!([{"role":"user","content":"é\"\\"}]);
        tree["stream"] = true.into();
        if !first { add(&mut tree); }
        let body = if pretty { serde_json::to_string_pretty(&tree) } else { serde_json::to_string(&tree) }.unwrap();

        let edited = rewritten(&body, &Edits { model: Some("other"), output_bound: Some(77), ..ASK });

        tree["model"] = "other".into();
        tree["max_completion_tokens"] = 77.into();
        if !tree["stream_options"].is_object() { tree["stream_options"] = json!({}); }
        tree["stream_options"]["include_usage"] = true.into();
        prop_assert_eq!(serde_json::from_str::<Value>(&edited).unwrap(), tree);
        // What was edited is again a body that passes, with the edits in it.
        let again = parse(Endpoint::ChatCompletions, &edited).unwrap();
        prop_assert_eq!((again.model(), again.output_bound(), again.usage_chunk()), ("other", Some(77), UsageChunk::Asked));
    }
}
