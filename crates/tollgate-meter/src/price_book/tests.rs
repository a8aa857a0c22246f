use jiff::civil::{Date, date};
use proptest::prelude::*;
use tollgate_core::meter::{Meter, MeterSet, Usage};
use tollgate_core::money::Rate;

use super::*;

mod importing;
mod merging;
mod snapshots;

const TODAY: Date = date(2026, 11, 21);

fn rate(per_million: &str) -> Rate {
    let picos: i64 = (per_million.to_owned() + "e6").parse::<f64>().unwrap().round().to_string().parse().unwrap();
    Rate::from_picos(picos)
}

/// Prices per million: `input 3, output 15`, and after `above N:` those of a tier.
fn price_list(text: &str) -> PriceList {
    let rates = |text: &str| -> Rates {
        let pair = |pair: &str| {
            let (meter, price) = pair.trim().split_once(' ').unwrap();
            let meter = format!("{meter}_tokens").parse().unwrap();
            (meter, rate(price))
        };
        text.split(',').filter(|pair| !pair.trim().is_empty()).map(pair).collect()
    };
    let mut parts = text.split("above ");
    let base = rates(parts.next().unwrap().trim_end_matches([' ', ',', ';']));
    let tiers = parts
        .map(|part| {
            let (above, prices) = part.split_once(':').unwrap();
            Tier { above: above.parse().unwrap(), rates: rates(prices.trim_end_matches([' ', ';'])) }
        })
        .collect();
    PriceList { base, tiers }
}

fn price(provider: &str, model: &str, prices: &str) -> ModelPrice {
    ModelPrice {
        provider: provider.into(),
        model: model.into(),
        aliases: Box::default(),
        terms: Terms::Priced(price_list(prices)),
        context_window: None,
        output_max: None,
        source: "test".into(),
        verified_on: TODAY,
        status: Status::Verified,
    }
}

fn with_aliases(price: ModelPrice, aliases: &[&str]) -> ModelPrice {
    ModelPrice { aliases: aliases.iter().map(|&alias| alias.into()).collect(), ..price }
}

#[test]
fn a_model_is_found_by_its_exact_name_only() {
    let row = with_aliases(price("openai", "gpt-4o", "input 2.5, output 10"), &["gpt-4o-2024-08-06"]);
    let book = PriceBook::new(vec![row]).unwrap();
    assert!(book.get("openai", "gpt-4o").is_some());
    assert!(book.get("openai", "gpt-4o-2024-08-06").is_some());
    for (provider, model) in [
        ("openai", "gpt-4o-mini"),
        ("openai", "gpt-4"),
        ("openai", "GPT-4o"),
        ("openai", "gpt-4o "),
        ("openai", "gpt-4\u{43e}"),
        ("openai", "openai/gpt-4o"),
        ("openai", ""),
        ("azure", "gpt-4o"),
        ("OpenAI", "gpt-4o"),
    ] {
        assert!(book.get(provider, model).is_none(), "{provider}/{model}");
    }
}

#[test]
fn a_name_leads_to_one_row() {
    let first = price("p", "a", "input 1, output 1");
    for second in [price("p", "a", "input 2, output 2"), with_aliases(price("p", "b", "input 2, output 2"), &["a"])] {
        let taken = PriceBook::new(vec![first.clone(), second]).unwrap_err();
        assert_eq!(taken.to_string(), "p/a is named by two rows");
    }
    assert!(PriceBook::new(vec![first, price("q", "a", "input 2, output 2")]).is_ok());
}

#[test]
fn a_request_costs_the_sum_of_its_meters() {
    let price = price("anthropic", "opus", "input 5, cached_input 0.5, cache_write_5m 6.25, output 25");
    let usage = Usage::ONE_CALL
        .with(Meter::InputTokens, 1_000)
        .with(Meter::CachedInputTokens, 10_000)
        .with(Meter::CacheWrite5mTokens, 2_000)
        .with(Meter::OutputTokens, 500)
        .with(Meter::ReasoningTokens, 100)
        .with(Meter::BytesOut, 4_000);
    let cost = price.cost(&usage).unwrap();
    // 0.005 + 0.005 + 0.0125 + 0.0125 + 0.0025, reasoning at the price of output.
    assert_eq!(cost.ceil_to_nanos().unwrap().to_string(), "0.0375");
}

#[test]
fn what_has_no_price_is_not_free() {
    let price = price("p", "m", "input 1, output 2");
    for meter in [
        Meter::CacheWrite5mTokens,
        Meter::CacheWrite1hTokens,
        Meter::AudioInputTokens,
        Meter::AudioOutputTokens,
        Meter::Images,
    ] {
        assert_eq!(price.cost(&Usage::NONE.with(meter, 1)), Err(NoCost::Unpriced(Unpriced { meter })));
    }
    let embedding = ModelPrice { terms: Terms::Priced(price_list("input 1")), ..price.clone() };
    assert!(embedding.cost(&Usage::NONE.with(Meter::OutputTokens, 1)).is_err());
    let free = ModelPrice { terms: Terms::Free, ..price };
    assert_eq!(free.cost(&Usage::NONE.with(Meter::Images, u64::MAX)).unwrap().get(), 0);
}

#[test]
fn a_call_costs_something_where_the_model_says_so() {
    let mut sonar = price("perplexity", "sonar", "input 1, output 1");
    assert_eq!(sonar.cost(&Usage::ONE_CALL).unwrap().get(), 0);
    let Terms::Priced(list) = &mut sonar.terms else { unreachable!() };
    list.base = list.base.with(Meter::Calls, "0.012".parse().unwrap());
    assert_eq!(sonar.cost(&Usage::ONE_CALL).unwrap().ceil_to_nanos().unwrap().to_string(), "0.012");
}

#[test]
fn a_tier_is_a_cliff() {
    let price = price("google", "pro", "input 1.25, cached_input 0.125, output 10; above 200000: input 2.5, output 15");
    let cost = |input: u64, cached: u64| {
        let usage = Usage::NONE.with(Meter::InputTokens, input).with(Meter::CachedInputTokens, cached);
        price.cost(&usage.with(Meter::OutputTokens, 1_000)).unwrap().ceil_to_nanos().unwrap().to_string()
    };
    assert_eq!(cost(200_000, 0), "0.26");
    assert_eq!(cost(200_001, 0), "0.5150025", "one token more, and every token costs the higher price");
    assert_eq!(cost(100_001, 100_000), "0.5150025", "the cached tokens count towards the threshold");
}

#[test]
fn a_level_fills_its_gaps_with_the_dearer_stand_in() {
    let list = price_list("input 1, cached_input 0.1, output 4, audio_input 30; above 100: input 2, output 8");
    let above = list.rates_at(101);
    assert_eq!(above.get(Meter::CachedInputTokens), Some(rate("2")), "the tier's input, not the base discount");
    assert_eq!(above.get(Meter::AudioInputTokens), Some(rate("30")), "the base rate where nothing stands in");
    assert_eq!(above.get(Meter::ReasoningTokens), Some(rate("8")));
    assert_eq!(above.get(Meter::CacheWrite5mTokens), None);
    assert_eq!(list.rates_at(100).get(Meter::CachedInputTokens), Some(rate("0.1")));
    assert_eq!(list.levels().map(|(above, _)| above).collect::<Vec<_>>(), [0, 100]);
}

#[test]
fn a_hold_takes_the_dearest_rate_within_reach() {
    let price =
        price("p", "m", "input 3, cached_input 0.3, cache_write_5m 3.75, output 15; above 1000: input 6, output 10");
    assert_eq!(price.dearest(MeterSet::PROMPT_TOKENS, 1_000), Some(rate("3.75")));
    assert_eq!(price.dearest(MeterSet::PROMPT_TOKENS, 1_001), Some(rate("6")));
    assert_eq!(
        price.dearest(MeterSet::GENERATED_TOKENS, 5_000),
        Some(rate("15")),
        "a short prompt may be the dearer one"
    );
    assert_eq!(price.dearest(MeterSet::of(Meter::Images), 1), None);
    assert_eq!(ModelPrice { terms: Terms::Free, ..price }.dearest(MeterSet::TOKENS, 1), Some(Rate::ZERO));
}

proptest! {
    // What is held for any usage within the bounds covers its cost.
    #[test]
    fn the_dearest_rate_covers_every_split(
        input in 0_u64..3_000, cached in 0_u64..3_000, written in 0_u64..3_000, output in 0_u64..1_000, reasoning in 0_u64..1_000,
        prices in prop::collection::vec(1_u32..1_000, 8), threshold in 1_u64..5_000,
    ) {
        let [a, b, c, d, e, f, g, h] = prices.try_into().unwrap();
        let price = price("p", "m", &format!(
            "input {a}, cached_input {b}, cache_write_5m {c}, output {d}; above {threshold}: input {e}, cached_input {f}, cache_write_5m {g}, output {h}"
        ));
        let usage = Usage::NONE.with(Meter::InputTokens, input).with(Meter::CachedInputTokens, cached)
            .with(Meter::CacheWrite5mTokens, written).with(Meter::OutputTokens, output).with(Meter::ReasoningTokens, reasoning);
        let prompt = usage.sum(MeterSet::PROMPT_TOKENS);
        let held = price.dearest(MeterSet::PROMPT_TOKENS, prompt).unwrap().times(prompt)
            .plus(price.dearest(MeterSet::GENERATED_TOKENS, prompt).unwrap().times(output + reasoning)).unwrap();
        prop_assert!(price.cost(&usage).unwrap() <= held);
    }
}
