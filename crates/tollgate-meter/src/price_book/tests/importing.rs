use super::*;

fn show(rates: &Rates) -> String {
    rates.iter().map(|(meter, rate)| format!("{meter} {rate}")).collect::<Vec<_>>().join(", ")
}

fn shown(import: &Import) -> String {
    let mut lines = Vec::new();
    for row in &import.rows {
        let Terms::Priced(list) = &row.terms else { unreachable!("no list says free") };
        lines.push(format!(
            "{}/{} {:?} {:?} {:?}",
            row.provider, row.model, row.context_window, row.output_max, row.status
        ));
        if !row.aliases.is_empty() {
            lines.push(format!("  also {}", row.aliases.join(", ")));
        }
        lines.push(format!("  {}", show(&list.base)));
        lines.extend(list.tiers.iter().map(|tier| format!("  above {}: {}", tier.above, show(&tier.rates))));
    }
    lines.extend(import.rejected.iter().map(|rejected| format!("rejected {}: {}", rejected.model, rejected.why)));
    lines.join("\n")
}

fn litellm(rows: &str) -> String {
    shown(&import_litellm(&format!("{{{rows}}}"), TODAY).unwrap())
}

fn genai(models: &str) -> String {
    shown(&import_genai_prices(&format!(r#"[{{"id":"p","name":"P","models":[{models}]}}]"#), TODAY).unwrap())
}

#[test]
fn litellm_rows_become_prices() {
    let rows = litellm(
        r#"
        "gpt-4o": {"mode":"chat","litellm_provider":"openai","input_cost_per_token":2.5e-06,"output_cost_per_token":1e-05,
            "cache_read_input_token_cost":1.25e-06,"input_cost_per_token_batches":1.25e-06,"output_cost_per_token_priority":1.7e-05,
            "max_input_tokens":128000,"max_output_tokens":16384,"source":"https://example.com"},
        "gemini/gemini-2.5-pro": {"mode":"chat","litellm_provider":"gemini","input_cost_per_token":1.25e-06,"output_cost_per_token":1e-05,
            "input_cost_per_token_above_200k_tokens":2.5e-06,"output_cost_per_token_above_200k_tokens":1.5e-05,
            "input_cost_per_token_above_200k_tokens_batches":1e-06,"input_cost_per_audio_token":1e-06},
        "bedrock/us-east-1/anthropic.claude-v2": {"mode":"chat","litellm_provider":"bedrock","input_cost_per_token":8e-06,"output_cost_per_token":2.4e-05},
        "claude": {"mode":"chat","litellm_provider":"anthropic","input_cost_per_token":3e-06,"output_cost_per_token":15e-06,
            "cache_creation_input_token_cost":3.75e-06,"cache_creation_input_token_cost_above_1hr":6e-06,
            "cache_creation_input_token_cost_above_1hr_above_200k_tokens":12e-06},
        "dashscope/qwen-flash": {"mode":"chat","litellm_provider":"dashscope","tiered_pricing":[
            {"range":[0,256000.0],"input_cost_per_token":5e-08,"output_cost_per_token":4e-07},
            {"range":[256000.0,1000000.0],"input_cost_per_token":2.5e-07,"output_cost_per_token":2e-06}]},
        "text-embedding-3-small": {"mode":"embedding","litellm_provider":"openai","input_cost_per_token":2e-08,"output_cost_per_token":0.0},
        "vertex_ai/meta/llama": {"mode":"chat","litellm_provider":"vertex_ai-llama_models","input_cost_per_token":1e-06,"output_cost_per_token":1e-06},
        "picture-writer": {"mode":"chat","litellm_provider":"openai","input_cost_per_token":1e-06,"output_cost_per_token":2e-06,"output_cost_per_image_token":3e-05},
        "perplexity/sonar": {"mode":"chat","litellm_provider":"perplexity","input_cost_per_token":1e-06,"output_cost_per_token":1e-06,
            "search_context_cost_per_query":{"search_context_size_high":0.012,"search_context_size_low":0.005}}"#,
    );
    insta::assert_snapshot!(rows, @"
    anthropic/claude None None Unverified
      input_tokens 0.000003, cache_write_5m_tokens 0.00000375, cache_write_1h_tokens 0.000006, output_tokens 0.000015
      above 200000: cache_write_1h_tokens 0.000012
    aws/us-east-1/anthropic.claude-v2 None None Unverified
      input_tokens 0.000008, output_tokens 0.000024
    dashscope/qwen-flash None None Unverified
      input_tokens 0.00000005, output_tokens 0.0000004
      above 256000: input_tokens 0.00000025, output_tokens 0.000002
    google/gemini-2.5-pro None None Unverified
      input_tokens 0.00000125, output_tokens 0.00001, audio_input_tokens 0.000001
      above 200000: input_tokens 0.0000025, output_tokens 0.000015
    openai/gpt-4o Some(128000) Some(16384) Unverified
      input_tokens 0.0000025, cached_input_tokens 0.00000125, output_tokens 0.00001
    openai/picture-writer None None Unverified
      input_tokens 0.000001, output_tokens 0.000002, image_output_tokens 0.00003
    openai/text-embedding-3-small None None Unverified
      input_tokens 0.00000002
    perplexity/sonar None None Unverified
      calls 0.012, input_tokens 0.000001, output_tokens 0.000001
    vertex_ai/meta/llama None None Unverified
      input_tokens 0.000001, output_tokens 0.000001
    ");
}

#[test]
fn litellm_rows_that_cannot_be_used_are_named() {
    let chat = r#""mode":"chat","litellm_provider":"x""#;
    let rows = litellm(&format!(
        r#"
        "zero": {{{chat},"input_cost_per_token":0,"output_cost_per_token":0.0}},
        "zero output": {{{chat},"input_cost_per_token":1e-06,"output_cost_per_token":0}},
        "absent": {{{chat},"max_input_tokens":5}},
        "null": {{{chat},"input_cost_per_token":null,"output_cost_per_token":1e-06}},
        "negative": {{{chat},"input_cost_per_token":-1,"output_cost_per_token":1e-06}},
        "per million": {{{chat},"input_cost_per_token":2.5,"output_cost_per_token":10}},
        "per thousand": {{{chat},"input_cost_per_token":0.0025,"output_cost_per_token":0.01}},
        "too cheap": {{{chat},"input_cost_per_token":2.5e-12,"output_cost_per_token":1e-11}},
        "residue": {{{chat},"input_cost_per_token":2.9999900000000002e-06,"output_cost_per_token":1e-06}},
        "text": {{{chat},"input_cost_per_token":"1e-06","output_cost_per_token":1e-06}},
        "huge": {{{chat},"input_cost_per_token":1e300,"output_cost_per_token":1e-06}},
        "bad tiers": {{{chat},"tiered_pricing":[{{"input_cost_per_token":1e-06}}]}},
        "image": {{"mode":"image_generation","litellm_provider":"x","input_cost_per_token":1e-06}},
        "no mode": {{"litellm_provider":"x","input_cost_per_token":1e-06,"output_cost_per_token":1e-06}},
        "no provider": {{"mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":1e-06}},
        "no object": 7,
        "same": {{{chat},"input_cost_per_token":1e-06,"output_cost_per_token":4e-06}},
        "x/same": {{{chat},"input_cost_per_token":2e-06,"output_cost_per_token":3e-06}}"#,
    ));
    insta::assert_snapshot!(rows, @r#"
    x/same None None Unverified
      input_tokens 0.000002, output_tokens 0.000004
    rejected absent: no price for input_tokens
    rejected bad tiers: tiered_pricing.range cannot be read
    rejected huge: input_cost_per_token 1e300 cannot be a price per unit
    rejected image: no price for images
    rejected negative: input_cost_per_token -1 is negative
    rejected no mode: mode cannot be read
    rejected no object: the row cannot be read
    rejected no provider: litellm_provider cannot be read
    rejected null: no price for input_tokens
    rejected per million: input_cost_per_token 2.5 cannot be a price per unit
    rejected per thousand: input_cost_per_token 0.0025 cannot be a price per unit
    rejected residue: input_cost_per_token 2.9999900000000002e-06 is finer than 12 decimal places per unit
    rejected text: input_cost_per_token "1e-06" is not a decimal number
    rejected too cheap: input_cost_per_token 2.5e-12 is finer than 12 decimal places per unit
    rejected x/same: the name is taken by another row
    rejected zero: a price of zero for input_tokens
    rejected zero output: a price of zero for output_tokens
    "#);
    assert!(import_litellm("[]", TODAY).is_err());
    assert!(import_litellm("{\"a\":{}", TODAY).is_err(), "half a list is no list");
}

#[test]
fn genai_prices_rows_become_prices() {
    let rows = genai(
        r#"
        {"id":"opus","match":{"or":[{"equals":"opus"},{"equals":"opus-1"},{"starts_with":"opus-"},{"and":[{"equals":"x"}]}]},"context_window":200000,
            "prices":{"input_mtok":5,"cache_write_mtok":6.25,"cache_read_mtok":0.5,"output_mtok":25,"cache_write_1h_mtok":10,"web_searches_kcount":10}},
        {"id":"tiers","match":{"equals":"tiers"},"prices":{"input_mtok":{"base":1.25,"tiers":[{"start":200000,"price":2.5}]},
            "output_mtok":{"base":10,"tiers":[{"start":200000,"price":15}]}}},
        {"id":"dated","match":{"equals":"dated"},"prices":[{"prices":{"input_mtok":9,"output_mtok":9}},
            {"constraint":{"start_date":"2026-11-21"},"prices":{"input_mtok":2,"output_mtok":3}},
            {"constraint":{"start_date":"2026-11-22"},"prices":{"input_mtok":8,"output_mtok":8}}]},
        {"id":"hours","match":{"equals":"hours"},"prices":[{"prices":{"input_mtok":0.135,"output_mtok":0.55}},
            {"constraint":{"start_time":"00:30:00Z","end_time":"16:30:00Z"},"prices":{"input_mtok":0.27,"output_mtok":0.5}}]},
        {"id":"embed","match":{"equals":"embed"},"prices":{"input_mtok":0.02}},
        {"id":"sonar-search","match":{"equals":"sonar-search"},"prices":{"input_mtok":1,"output_mtok":1,"requests_kcount":12,"web_searches_kcount":5}},
        {"id":"variant","match":{"equals":"variant"},"prices":{"input_mtok":1,"output_mtok":2},
            "price_variants":[{"when":{"service_tier":"priority"},"prices":{"input_mtok":9}}]}"#,
    );
    insta::assert_snapshot!(rows, @"
    p/opus Some(200000) None Verified
      also opus-1
      input_tokens 0.000005, cached_input_tokens 0.0000005, cache_write_5m_tokens 0.00000625, cache_write_1h_tokens 0.00001, output_tokens 0.000025
    p/tiers None None Verified
      input_tokens 0.00000125, output_tokens 0.00001
      above 200000: input_tokens 0.0000025, output_tokens 0.000015
    p/dated None None Verified
      input_tokens 0.000002, output_tokens 0.000003
    p/hours None None Verified
      input_tokens 0.00000027, output_tokens 0.00000055
    p/embed None None Verified
      input_tokens 0.00000002
    p/sonar-search None None Verified
      calls 0.012, input_tokens 0.000001, output_tokens 0.000001
    p/variant None None Verified
      input_tokens 0.000001, output_tokens 0.000002
    ");
}

#[test]
fn genai_prices_rows_that_cannot_be_used_are_named() {
    let row = |id: &str, prices: &str| format!(r#"{{"id":"{id}","match":{{"equals":"{id}"}},"prices":{prices}}}"#);
    let rows = [
        row("nothing", "{}"),
        row("free", r#"{"input_mtok":0,"output_mtok":0}"#),
        row("negative", r#"{"input_mtok":-1,"output_mtok":1}"#),
        row("per token", r#"{"input_mtok":0.0000025,"output_mtok":1}"#),
        row("absurd", r#"{"input_mtok":2500000,"output_mtok":1}"#),
        row("residue", r#"{"input_mtok":0.18000000000000002,"output_mtok":1}"#),
        row("hours only", r#"{"audio_hours":0.1}"#),
        row("bad date", r#"[{"constraint":{"start_date":"soon"},"prices":{"input_mtok":1}}]"#),
        row("not yet", r#"[{"constraint":{"start_date":"2027-01-01"},"prices":{"input_mtok":1}}]"#),
        row("twice", r#"{"input_mtok":1,"output_mtok":1}"#),
        row("twice", r#"{"input_mtok":2,"output_mtok":2}"#),
        r#"{"id":"other","match":{"equals":"twice"},"prices":{"input_mtok":3,"output_mtok":3}}"#.to_owned(),
        r#"{"id":"unreadable"}"#.to_owned(),
    ];
    insta::assert_snapshot!(genai(&rows.join(",")), @"
    p/twice None None Verified
      input_tokens 0.000001, output_tokens 0.000001
    p/other None None Verified
      input_tokens 0.000003, output_tokens 0.000003
    rejected p/nothing: no price for input_tokens
    rejected p/free: a price of zero for input_tokens
    rejected p/negative: input_mtok -1 is negative
    rejected p/per token: input_mtok 0.0000025 is finer than 12 decimal places per unit
    rejected p/absurd: input_mtok 2500000 cannot be a price per unit
    rejected p/residue: input_mtok 0.18000000000000002 is finer than 12 decimal places per unit
    rejected p/hours only: no price for input_tokens
    rejected p/bad date: prices cannot be read
    rejected p/not yet: no price for input_tokens
    rejected p/twice: the name is taken by another row
    rejected p/?: the row cannot be read
    ");
    assert!(import_genai_prices("{}", TODAY).is_err());
}

#[test]
fn pictures_and_sound_are_priced_by_what_they_are_sold_by() {
    let rows = litellm(
        r#"
        "hd/1024-x-1792/dall-e-3": {"mode":"image_generation","litellm_provider":"openai","input_cost_per_image":0.12},
        "gpt-image-1": {"mode":"image_generation","litellm_provider":"openai","input_cost_per_token":5e-06,"input_cost_per_image_token":1e-05,"output_cost_per_image_token":4e-05,"output_cost_per_image":0.042},
        "whisper-1": {"mode":"audio_transcription","litellm_provider":"openai","input_cost_per_second":0.0001,"output_cost_per_second":0.0001},
        "tts-1": {"mode":"audio_speech","litellm_provider":"openai","input_cost_per_character":1.5e-05},
        "chatty": {"mode":"chat","litellm_provider":"openai","input_cost_per_token":1e-06,"output_cost_per_token":2e-06,"input_cost_per_character":1e-06,"input_cost_per_second":0.1},
        "video": {"mode":"video_generation","litellm_provider":"openai","output_cost_per_second":0.1}
        "#,
    );
    insta::assert_snapshot!(rows, @"
    openai/chatty None None Unverified
      input_tokens 0.000001, output_tokens 0.000002
    openai/gpt-image-1 None None Unverified
      input_tokens 0.000005, images 0.042, image_input_tokens 0.00001, image_output_tokens 0.00004
    openai/hd/1024-x-1792/dall-e-3 None None Unverified
      images 0.12
    openai/tts-1 None None Unverified
      input_characters 0.000015
    openai/whisper-1 None None Unverified
      audio_input_seconds 0.0001
    rejected video: mode video_generation is not metered
    ");
}
