use super::*;

fn shown(merged: &Merged) -> String {
    let mut lines: Vec<String> = merged
        .prices
        .iter()
        .map(|price| {
            let Terms::Priced(list) = &price.terms else { return format!("{} free", price.model) };
            format!("{} {:?} {} {:?} {:?}", price.model, price.aliases, price.source, price.status, list)
        })
        .collect();
    lines.extend(merged.conflicts.iter().map(|conflict| {
        let (meter, above) = (conflict.meter, conflict.above);
        format!("{} {meter} above {above}: {} or {}", conflict.model, conflict.primary, conflict.secondary)
    }));
    lines.join("\n")
}

fn other(model: &str, prices: &str) -> ModelPrice {
    ModelPrice { source: "other".into(), status: Status::Unverified, ..price("p", model, prices) }
}

#[test]
fn lists_that_agree_verify_each_other() {
    let primary = ModelPrice { context_window: Some(9), ..price("p", "m", "input 1, output 2") };
    let secondary = ModelPrice {
        context_window: Some(5),
        output_max: Some(7),
        ..other("m", "input 1, output 2, cached_input 0.1")
    };
    let merged = merge(vec![primary], vec![secondary]);
    insta::assert_snapshot!(shown(&merged), @"m [] test+other Verified PriceList { base: {InputTokens: 0.000001, CachedInputTokens: 0.0000001, OutputTokens: 0.000002}, tiers: [] }");
    assert_eq!((merged.prices[0].context_window, merged.prices[0].output_max), (Some(9), Some(7)));
}

#[test]
fn where_lists_differ_the_dearer_rate_holds_and_the_row_is_unverified() {
    let merged = merge(vec![price("p", "m", "input 1, output 5")], vec![other("m", "input 2, output 4")]);
    insta::assert_snapshot!(shown(&merged), @"
    m [] test+other Unverified PriceList { base: {InputTokens: 0.000002, OutputTokens: 0.000005}, tiers: [] }
    m input_tokens above 0: 0.000001 or 0.000002
    m output_tokens above 0: 0.000005 or 0.000004
    ");
}

#[test]
fn tiers_that_only_one_list_knows_are_a_disagreement() {
    let merged = merge(
        vec![price("p", "m", "input 1, cached_input 0.1, output 5; above 100: input 2, output 6")],
        vec![other("m", "input 1, cached_input 0.1, output 5; above 200: input 4, output 5")],
    );
    insta::assert_snapshot!(shown(&merged), @"
    m [] test+other Unverified PriceList { base: {InputTokens: 0.000001, CachedInputTokens: 0.0000001, OutputTokens: 0.000005}, tiers: [Tier { above: 100, rates: {InputTokens: 0.000002, CachedInputTokens: 0.000002, OutputTokens: 0.000006} }, Tier { above: 200, rates: {InputTokens: 0.000004, OutputTokens: 0.000006} }] }
    m input_tokens above 100: 0.000002 or 0.000001
    m cached_input_tokens above 100: 0.000002 or 0.0000001
    m output_tokens above 100: 0.000006 or 0.000005
    m input_tokens above 200: 0.000002 or 0.000004
    m output_tokens above 200: 0.000006 or 0.000005
    ");
}

#[test]
fn the_base_of_a_list_without_tiers_is_no_discount_on_a_long_prompt() {
    let tiers = price("p", "m", "input 1, cached_input 0.1, output 5; above 100: input 2, output 6");
    let merged = merge(vec![tiers], vec![other("m", "input 1, cached_input 0.1, output 5")]).prices.remove(0);
    assert_eq!(merged.dearest(MeterSet::of(Meter::CachedInputTokens), 101), Some(rate("2")));
    assert_eq!(merged.dearest(MeterSet::of(Meter::CachedInputTokens), 100), Some(rate("0.1")));
}

#[test]
fn a_tier_that_both_know_is_filled_by_the_one_that_names_more() {
    let less = price("p", "m", "input 1, cached_input 0.1, output 5; above 100: input 2, output 6");
    let more = other("m", "input 1, cached_input 0.1, output 5; above 100: input 2, cached_input 0.2, output 6");
    let merged = merge(vec![less], vec![more]);
    assert!(merged.conflicts.is_empty());
    assert_eq!(merged.prices[0].dearest(MeterSet::of(Meter::CachedInputTokens), 101), Some(rate("0.2")));
}

#[test]
fn an_alias_that_is_contradicted_becomes_a_row_of_its_own() {
    let primary = with_aliases(price("p", "m", "input 1, output 5"), &["m-1", "m-2"]);
    let merged = merge(vec![primary], vec![other("m-1", "input 1, output 5"), other("m-2", "input 3, output 5")]);
    insta::assert_snapshot!(shown(&merged), @r#"
    m ["m-1"] test Verified PriceList { base: {InputTokens: 0.000001, OutputTokens: 0.000005}, tiers: [] }
    m-2 [] test+other Unverified PriceList { base: {InputTokens: 0.000003, OutputTokens: 0.000005}, tiers: [] }
    m-2 input_tokens above 0: 0.000001 or 0.000003
    "#);
    assert!(PriceBook::new(merged.prices).is_ok());
}

#[test]
fn rows_of_one_list_keep_what_they_are() {
    let free = ModelPrice { terms: Terms::Free, ..price("p", "mine", "") };
    let merged = merge(
        vec![price("p", "a", "input 1, output 1"), free],
        vec![other("b", "input 1, output 1"), other("mine", "input 1, output 1")],
    );
    let status: Vec<_> = merged.prices.iter().map(|price| (&*price.model, price.status)).collect();
    assert_eq!(status, [("a", Status::Verified), ("mine", Status::Verified), ("b", Status::Unverified)]);
    assert_eq!(merged.prices[1].terms, Terms::Free, "a list does not contradict an operator");
    assert!(merged.conflicts.is_empty());
}

proptest! {
    #[test]
    fn a_merged_price_is_never_below_either(
        first in prop::collection::vec(1_u32..9, 6), second in prop::collection::vec(1_u32..9, 6),
        tiers in (1_u64..4, 1_u64..4), prompt in 0_u64..6,
    ) {
        let list = |p: &[u32], above: u64| format!("input {}, output {}, cached_input {}; above {above}: input {}, output {}, cached_input {}", p[0], p[1], p[2], p[3], p[4], p[5]);
        let (a, b) = (price("p", "m", &list(&first, tiers.0)), other("m", &list(&second, tiers.1)));
        let merged = merge(vec![a.clone()], vec![b.clone()]).prices.remove(0);
        let rates = |price: &ModelPrice| match &price.terms {
            Terms::Priced(list) => list.rates_at(prompt),
            Terms::Free => unreachable!(),
        };
        for meter in [Meter::InputTokens, Meter::OutputTokens, Meter::CachedInputTokens, Meter::ReasoningTokens] {
            prop_assert_eq!(rates(&merged).get(meter), rates(&a).get(meter).max(rates(&b).get(meter)));
        }
    }
}
