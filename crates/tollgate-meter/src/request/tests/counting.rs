use super::*;

fn counted(endpoint: Endpoint, body: &str, model: &str) -> u64 {
    parse(endpoint, body).unwrap().count_prompt_tokens(model)
}

/// The worked example of OpenAI's cookbook, with the counts that the API reports for it.
const JARGON: &str = r#"{"model":"m","messages":[
    {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
    {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
    {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
    {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
    {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
    {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;

#[test]
fn plain_messages_count_as_openai_reports_them() {
    assert_eq!(counted(Endpoint::ChatCompletions, JARGON, "gpt-4"), 129);
    assert_eq!(counted(Endpoint::ChatCompletions, JARGON, "gpt-4o"), 124);
}

#[test]
fn a_stand_in_tokenizer_counts_half_as_much_again() {
    assert_eq!(counted(Endpoint::ChatCompletions, JARGON, "claude-sonnet-4-5"), 124 + 62);
}

#[test]
fn embeddings_and_completions_count_their_inputs() {
    let input = |input: &str| {
        counted(Endpoint::Embeddings, &format!(r#"{{"model":"m","input":{input}}}"#), "text-embedding-3-small")
    };
    assert_eq!(input(r#""hello world""#), 2);
    assert_eq!(input(r#"["hello world","hello world"]"#), 4);
    assert_eq!(input("[1,2,3]"), 3);
    assert_eq!(input("[[1,2],[3]]"), 3);
    let prompt = r#"{"model":"m","prompt":"hello \u0077orld"}"#;
    assert_eq!(counted(Endpoint::Completions, prompt, "gpt-4o"), 2);
}

#[test]
fn tools_and_tool_calls_count() {
    let plain = counted(Endpoint::ChatCompletions, JARGON, "gpt-4o");
    let tools = JARGON.replacen('{', r#"{"tools":[{"type":"function","function":{"name":"get_weather","description":"The weather of a place","parameters":{"type":"object","properties":{"place":{"type":"string"}}}}}],"#, 1);
    assert!(counted(Endpoint::ChatCompletions, &tools, "gpt-4o") > plain + 30);
    let calls = JARGON.replace(
        "]}",
        r#",{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"place\":\"Paris\"}"}}]}]}"#,
    );
    assert!(counted(Endpoint::ChatCompletions, &calls, "gpt-4o") > plain + 10);
}

#[test]
fn a_count_never_exceeds_the_bound() {
    let bodies = [
        JARGON.to_owned(),
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "ẞ\u{300}".repeat(500)),
        format!(r#"{{"model":"m","messages":[{}{{}}]}}"#, "{},".repeat(1_000)),
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "\\u0000".repeat(500)),
    ];
    for body in bodies {
        for model in ["gpt-4", "gpt-4o", "unknown"] {
            let request = parse(Endpoint::ChatCompletions, &body).unwrap();
            assert!(request.count_prompt_tokens(model) <= request.prompt().tokens_max(image_tokens_max(model)));
        }
    }
}
