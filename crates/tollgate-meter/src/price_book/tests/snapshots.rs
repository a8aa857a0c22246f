use super::*;

fn book() -> PriceBook {
    let mut dear = with_aliases(
        price(
            "p",
            "dear",
            "input 5, cached_input 0.5, output 25.125; above 200000: input 10; above 400000: input 20, output 30",
        ),
        &["dear-1", "dear \"2\""],
    );
    dear.context_window = Some(1_000_000);
    dear.status = Status::Unverified;
    let mut searching =
        ModelPrice { output_max: Some(4_096), ..price("q", "searching", "input 1, audio_output 80.000001") };
    searching.verified_on = date(2026, 10, 1);
    if let Terms::Priced(list) = &mut searching.terms {
        list.base = list.base.with(Meter::Calls, "0.012".parse().unwrap()).with(Meter::Images, "0.04".parse().unwrap());
    }
    let free = ModelPrice { terms: Terms::Free, ..price("q", "free", "") };
    PriceBook::new(vec![dear, searching, free]).unwrap()
}

#[test]
fn a_book_survives_its_snapshot() {
    let json = book().to_snapshot(TODAY);
    insta::assert_snapshot!(json, @r#"
    {"format":"tollgate-prices/1","verified_on":"2026-11-21","columns":["provider","model","status","source","context_window_tokens","output_max_tokens","usd_per_million_input_tokens","usd_per_million_output_tokens","usd_per_million_cached_input_tokens","usd_per_million_cache_write_5m_tokens","usd_per_million_cache_write_1h_tokens","usd_per_million_reasoning_tokens","usd_per_million_audio_input_tokens","usd_per_million_audio_output_tokens","usd_per_image","usd_per_call","aliases","tiers","verified_on","free","usd_per_million_cached_audio_input_tokens","usd_per_million_image_input_tokens","usd_per_million_image_output_tokens","usd_per_audio_input_second","usd_per_million_input_characters"],"rows":[
    ["p","dear","unverified","test",1000000,null,"5","25.125","0.5",null,null,null,null,null,null,null,["dear-1","dear \"2\""],[[200000,"10"],[400000,"20","30"]]],
    ["q","free","verified","test",null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,true],
    ["q","searching","verified","test",null,4096,"1",null,null,null,null,null,null,"80.000001","0.04","0.012",null,null,"2026-10-01"]
    ]}
    "#);
    let read = PriceBook::from_snapshot(&json).unwrap();
    assert_eq!(read.prices(), book().prices());
    assert_eq!(read.to_snapshot(TODAY), json);
}

#[test]
fn a_snapshot_that_cannot_be_trusted_is_refused() {
    let json = book().to_snapshot(TODAY);
    let verdicts: Vec<String> = [
        ("\"5\"", "5"),
        ("\"5\"", "\"-5\""),
        ("\"5\"", "\"0\""),
        ("\"5\"", "\"5000000\""),
        ("\"5\"", "\"0.0000001\""),
        ("\"5\"", "\"five\""),
        ("1000000", "-1"),
        ("\"unverified\"", "\"maybe\""),
        ("[200000,", "[\"200000\","),
        ("[400000,", "[200000,"),
        ("\"2026-10-01\"", "\"yesterday\""),
        ("true", "false"),
        ("true", "null"),
        ("\"dear-1\"", "7"),
        ("\"dear-1\"", "\"dear\""),
        ("tollgate-prices/1", "tollgate-prices/2"),
        ("usd_per_million_input_tokens", "usd_per_input_token"),
        ("\"p\",", "\"\","),
        ("]}", "]"),
    ]
    .iter()
    .map(|(from, to)| match PriceBook::from_snapshot(&json.replacen(from, to, 1)) {
        Ok(_) => format!("{from} as {to} passed"),
        Err(error) => error.to_string().chars().take(120).collect(),
    })
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @r#"
    row 1 of the price snapshot, usd_per_million_input_tokens: expected a decimal text of a price that can be, for example "
    row 1 of the price snapshot, usd_per_million_input_tokens: expected a decimal text of a price that can be, for example "
    row 1 of the price snapshot, usd_per_million_input_tokens: expected a decimal text of a price that can be, for example "
    row 1 of the price snapshot, usd_per_million_input_tokens: expected a decimal text of a price that can be, for example "
    row 1 of the price snapshot, usd_per_million_input_tokens: expected a decimal text of a price that can be, for example "
    row 1 of the price snapshot, usd_per_million_input_tokens: expected a decimal text of a price that can be, for example "
    row 1 of the price snapshot, context_window_tokens: expected a number of tokens
    row 1 of the price snapshot, status: expected `verified` or `unverified`
    row 1 of the price snapshot, tiers: expected arrays of a rising threshold and prices
    row 1 of the price snapshot, tiers: expected arrays of a rising threshold and prices
    row 3 of the price snapshot, verified_on: expected a day
    row 2 of the price snapshot, free: expected true, and no prices beside it
    row 2 of the price snapshot, free: expected true in a row without prices
    row 1 of the price snapshot, aliases: expected an array of texts
    p/dear is named by two rows
    the price snapshot has another format: expected `tollgate-prices/1` with the columns provider, model, status, source, co
    the price snapshot has another format: expected `tollgate-prices/1` with the columns provider, model, status, source, co
    row 1 of the price snapshot, provider: expected a text
    the price snapshot cannot be read: EOF while parsing an object at line 6 column 0
    "#);
}

#[test]
fn the_shipped_snapshot_can_be_used() {
    let started = std::time::Instant::now();
    let book = PriceBook::shipped().unwrap();
    assert!(started.elapsed().as_secs() < 5);
    assert!(SHIPPED.len() < 600_000, "{}", SHIPPED.len());
    assert!(book.prices().len() > 4_000);
    assert_eq!(book.to_snapshot(date(2026, 11, 21)), SHIPPED, "written by these functions and not by hand");
    for price in book.prices() {
        let Terms::Priced(list) = &price.terms else { panic!("{} is free", price.model) };
        assert!(list.base.get(Meter::InputTokens).is_some_and(|rate| rate > Rate::ZERO), "{}", price.model);
        assert!(list.tiers.is_sorted_by(|a, b| a.above < b.above));
    }
}

#[test]
fn well_known_models_cost_what_their_providers_say() {
    let book = PriceBook::shipped().unwrap();
    let prices = |provider: &str, model: &str| {
        let price = book.get(provider, model).unwrap_or_else(|| panic!("{provider}/{model}"));
        let Terms::Priced(list) = &price.terms else { panic!("free") };
        (price.status, list.base.get(Meter::InputTokens), list.base.get(Meter::OutputTokens))
    };
    for (provider, model, input, output) in [
        ("openai", "gpt-4o", "2.5", "10"),
        ("openai", "gpt-4o-mini", "0.15", "0.6"),
        ("openai", "gpt-5", "1.25", "10"),
        ("anthropic", "claude-opus-4-6", "5", "25"),
        ("google", "gemini-2.5-pro", "1.25", "10"),
        ("groq", "llama-3.3-70b-versatile", "0.59", "0.79"),
    ] {
        let expected = (Status::Verified, Some(rate(input)), Some(rate(output)));
        assert_eq!(prices(provider, model), expected, "{provider}/{model}");
    }
    let pro = book.get("google", "gemini-2.5-pro").unwrap();
    let prompt = |tokens: u64| pro.cost(&Usage::NONE.with(Meter::InputTokens, tokens)).unwrap().get();
    assert_eq!(prompt(200_001), prompt(100_000) * 4 + 2_500_000, "twice the price for twice the prompt, and one token");
    assert!(book.get("openai", "text-embedding-3-small").is_some());
    assert!(book.get("openai", "gpt-4o-evil").is_none());
}
