//! What becomes of a hold.

use std::sync::Arc;
use std::time::Duration;

use super::fixtures::*;
use crate::catalogue::*;
use crate::decision::*;
use crate::gcra::Pace;
use crate::meter::{Meter, MeterSet, Usage};
use crate::money::{Nanos, Rate};
use crate::standing::*;

fn llm_route() -> RouteTerms {
    RouteTerms { charge: Charge::Model, ..route("1") }
}

fn per_token() -> Arc<Price> {
    let rate = |text: &str| text.parse::<Rate>().unwrap();
    Arc::new(Price::per_unit("m", [(Meter::InputTokens, rate("0.001")), (Meter::OutputTokens, rate("0.002"))]))
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage::ONE_CALL.with(Meter::InputTokens, input).with(Meter::OutputTokens, output)
}

#[test]
fn actual_use_replaces_the_estimate() {
    let (route, price) = (llm_route(), per_token());
    let model = Some(ModelAsk {
        id: "m",
        price: Some(&price),
        prompt_tokens: 100,
        prompt_meters: MeterSet::EMPTY,
        answer_meters: MeterSet::EMPTY,
        output: OutputBound::Adjustable,
    });
    let asked = Ask { model, bound: tokens(100, 1_000), ..ask(&route) };
    let mut standing = customer(plan(), "5");
    let hold = admitted(&mut standing, &asked);
    assert_eq!(standing.wallet.balance(NOW), (amount("5"), amount("2.10")));
    let settled = settle(&mut standing, &asked, &hold, tokens(100, 50), NOW);
    assert_eq!((settled.cost, settled.loss), (amount("0.20"), Nanos::ZERO));
    assert_eq!(standing.wallet.balance(NOW), (amount("4.80"), Nanos::ZERO));
}

#[test]
fn a_prepaid_customer_never_pays_more_than_was_held() {
    let (route, price) = (llm_route(), per_token());
    let model = Some(ModelAsk {
        id: "m",
        price: Some(&price),
        prompt_tokens: 100,
        prompt_meters: MeterSet::EMPTY,
        answer_meters: MeterSet::EMPTY,
        output: OutputBound::Adjustable,
    });
    let asked = Ask { model, bound: tokens(100, 100), ..ask(&route) };
    let mut standing = customer(plan(), "5");
    let hold = admitted(&mut standing, &asked);
    let settled = settle(&mut standing, &asked, &hold, tokens(100, 5_000), NOW);
    assert_eq!((settled.cost, settled.loss), (amount("0.30"), amount("9.80")));
    assert_eq!(standing.wallet.balance(NOW).0, amount("4.70"));
}

#[test]
fn a_postpaid_customer_owes_what_was_used() {
    let (route, price) = (llm_route(), per_token());
    let model = Some(ModelAsk {
        id: "m",
        price: Some(&price),
        prompt_tokens: 100,
        prompt_meters: MeterSet::EMPTY,
        answer_meters: MeterSet::EMPTY,
        output: OutputBound::Adjustable,
    });
    let asked = Ask { model, bound: tokens(100, 100), ..ask(&route) };
    let postpaid = Plan { payment: PaymentTerms::Postpaid { credit_limit: None }, ..plan() };
    let mut standing = customer(postpaid, "0.10");
    let hold = admitted(&mut standing, &asked);
    assert_eq!(standing.owed_held, amount("0.20"));
    let settled = settle(&mut standing, &asked, &hold, tokens(100, 200), NOW);
    assert_eq!((settled.cost, settled.on_account, settled.loss), (amount("0.50"), amount("0.40"), Nanos::ZERO));
    assert_eq!((standing.owed, standing.owed_held), (amount("0.40"), Nanos::ZERO));
}

#[test]
fn a_released_hold_leaves_no_trace() {
    let plan = Plan {
        quotas: Box::new([Quota { coverage: Coverage::CeilingOnly, ..quota(10, PastLimit::Block) }]),
        rate_limits: Box::new([limit(RateUnit::Concurrency(3))]),
        ..plan()
    };
    let route = route("1");
    let mut standing = customer(plan, "5");
    let cap = SpendCap { scope: CapScope::Customer, period: CapPeriod::Day, amount: amount("2") };
    standing.rare_mut().caps = vec![CapState { cap, window: Window::default() }];
    standing.advance(NOW);
    let fresh = (standing.wallet.balance(NOW), standing.quotas.clone(), standing.caps()[0]);
    let hold = admitted(&mut standing, &ask(&route));
    assert_ne!(standing.caps()[0], fresh.2);
    release(&mut standing, &ask(&route), &hold, NOW);
    assert_eq!((standing.wallet.balance(NOW), standing.quotas.clone(), standing.caps()[0]), fresh);
    assert_eq!(standing.rates.get(0, 0).running, 0);
}

#[test]
fn thresholds_are_crossed_by_the_request_that_crosses_them() {
    let mut standing = customer(Plan { quotas: Box::new([quota(10, PastLimit::Block)]), ..plan() }, "0");
    let route = route("1");
    let mut crossed = Vec::new();
    for _ in 0..10 {
        let hold = admitted(&mut standing, &ask(&route));
        let settled = settle(&mut standing, &ask(&route), &hold, Usage::ONE_CALL, NOW);
        assert_eq!(settled.cost, Nanos::ZERO, "included in the plan");
        crossed.push(settled.quotas[0].crossed);
    }
    let none = [None; 7];
    assert_eq!(crossed[..7], none);
    assert_eq!(crossed[7..], [Some(80), None, Some(100)]);
}

#[test]
fn use_counts_in_the_period_in_which_it_began() {
    let mut standing = customer(Plan { quotas: Box::new([quota(10, PastLimit::Block)]), ..plan() }, "0");
    let route = route("1");
    let hold = admitted(&mut standing, &ask(&route));
    let november = standing.quotas[0].period;
    let december = NOW + days(15);
    standing.advance(december);
    let settled = settle(&mut standing, &ask(&route), &hold, Usage::ONE_CALL, december);
    assert_eq!(settled.quotas[0].period, november);
    assert_eq!((standing.quotas[0].used, standing.quotas[0].held), (0, 0), "December starts with nothing");
}

#[test]
fn use_past_a_quota_is_not_free_because_the_period_turned_while_it_ran() {
    let overage = quota(1, PastLimit::Overage(None));
    let mut standing = customer(Plan { quotas: Box::new([overage]), ..plan() }, "5");
    let route = route("1");
    standing.quotas[0].used = 1;
    let hold = admitted(&mut standing, &ask(&route));
    let december = NOW + days(15);
    standing.advance(december);
    let settled = settle(&mut standing, &ask(&route), &hold, Usage::ONE_CALL, december);
    assert_eq!(settled.cost, amount("1"), "November's quota was used up, and December's is for December");
}

#[test]
fn a_request_is_settled_on_the_plan_it_was_admitted_on() {
    let free = || Plan { quotas: Box::new([quota(10, PastLimit::Block)]), ..plan() };
    let mut standing = customer(free(), "5");
    let route = route("1");
    let hold = admitted(&mut standing, &ask(&route));
    let postpaid = PaymentTerms::Postpaid { credit_limit: Some(amount("100")) };
    let other = Plan { key: "other".into(), payment: postpaid, ..plan() };
    let changed = Subscription { plan: Arc::new(other), ..standing.subscription.clone().unwrap() };
    standing.subscribe(Some(changed));
    let settled = settle(&mut standing, &ask(&route), &hold, Usage::ONE_CALL, NOW);
    assert_eq!((settled.cost, settled.on_account), (Nanos::ZERO, Nanos::ZERO), "it was included");
}

#[test]
fn a_change_of_plan_keeps_what_was_used_and_settles_what_runs() {
    let starter = Plan { quotas: Box::new([quota(10, PastLimit::Block)]), ..plan() };
    let pro = Plan { key: "pro".into(), quotas: Box::new([quota(1_000, PastLimit::Block)]), ..plan() };
    let mut standing = customer(starter, "0");
    let route = route("1");
    standing.quotas[0].used = 8;
    let hold = admitted(&mut standing, &ask(&route));
    let upgraded = Subscription { plan: Arc::new(pro), ..standing.subscription.clone().unwrap() };
    standing.subscribe(Some(upgraded));
    let settled = settle(&mut standing, &ask(&route), &hold, Usage::ONE_CALL, NOW);
    assert_eq!(settled.quotas[0].quantity, 1);
    assert_eq!((standing.quotas[0].used, standing.quotas[0].held), (9, 0));
}

#[test]
fn tokens_that_were_not_used_return_to_the_bucket() {
    let pace = Pace::new(1_000, Duration::from_secs(60), 1_000);
    let (route, price) = (llm_route(), per_token());
    let model = Some(ModelAsk {
        id: "m",
        price: Some(&price),
        prompt_tokens: 100,
        prompt_meters: MeterSet::EMPTY,
        answer_meters: MeterSet::EMPTY,
        output: OutputBound::Adjustable,
    });
    let asked = Ask { model, bound: tokens(100, 900), ..ask(&route) };
    let mut standing = customer(Plan { rate_limits: Box::new([limit(RateUnit::Tokens(pace))]), ..plan() }, "50");
    let hold = admitted(&mut standing, &asked);
    assert_eq!(reason(&standing, &asked), "token_rate_limited");
    settle(&mut standing, &asked, &hold, tokens(0, 0), NOW);
    assert_eq!(reason(&standing, &asked), "admit");
}

/// A graduated price over many requests costs what one request for the same use costs.
#[test]
fn tiers_are_climbed_across_requests() {
    let tier = |up_to, unit: &str| Tier { up_to, unit: unit.parse().unwrap(), flat: Nanos::ZERO };
    let steps = PriceModel::Graduated(Box::new([tier(Some(3), "1"), tier(None, "0.5")]));
    let price = Price::of("steps", Box::new([Component { meters: MeterSet::of(Meter::Calls), model: steps }]));
    let route = RouteTerms { charge: Charge::Price(Arc::new(price)), ..route("1") };
    let mut standing = customer(plan(), "100");
    let costs: Vec<String> = (0..5)
        .map(|_| {
            let hold = admitted(&mut standing, &ask(&route));
            settle(&mut standing, &ask(&route), &hold, Usage::ONE_CALL, NOW).cost.to_string()
        })
        .collect();
    assert_eq!(costs, ["1.00", "1.00", "1.00", "0.50", "0.50"]);
    assert!(standing.rare.as_ref().unwrap().tiers.iter().all(|tier| tier.held == 0));
}

#[test]
fn included_use_is_free_and_the_rest_costs_its_price_also_within_one_request() {
    let token_quota = Quota { id: "tokens".into(), meters: MeterSet::TOKENS, ..quota(150, PastLimit::Overage(None)) };
    let (route, price) = (llm_route(), per_token());
    let model = Some(ModelAsk {
        id: "m",
        price: Some(&price),
        prompt_tokens: 100,
        prompt_meters: MeterSet::EMPTY,
        answer_meters: MeterSet::EMPTY,
        output: OutputBound::Adjustable,
    });
    let asked = Ask { model, bound: tokens(100, 100), ..ask(&route) };
    let mut standing = customer(Plan { quotas: Box::new([token_quota]), ..plan() }, "5");
    let hold = admitted(&mut standing, &asked);
    let settled = settle(&mut standing, &asked, &hold, tokens(100, 80), NOW);
    assert_eq!(settled.cost, amount("0.06"), "150 included, 30 output tokens paid");
    assert_eq!(standing.quotas[0].used, 180);
}

/// What kind of token a token is shows only afterwards: the hold takes the dearest it can be.
#[test]
fn the_hold_takes_the_dearest_kind_of_token_and_the_longest_prompts_level() {
    let rate = |text: &str| text.parse::<Rate>().unwrap();
    let per_unit = |input: &str, written: &str| -> Box<[Component]> {
        Box::new([
            Component::per_unit(Meter::InputTokens, rate(input)),
            Component::per_unit(Meter::CacheWrite5mTokens, rate(written)),
            Component::per_unit(Meter::OutputTokens, rate("0.01")),
        ])
    };
    let level = Level { above: 100, components: per_unit("0.002", "0.003") };
    let base = Price::of("m", per_unit("0.001", "0.00125"));
    let price = Arc::new(Price { levels: Box::new([level]), must_cover: MeterSet::TOKENS, ..base });
    let route = llm_route();
    let asked = |tokens: u64| Ask {
        model: Some(ModelAsk {
            id: "m",
            price: Some(&price),
            prompt_tokens: tokens,
            prompt_meters: MeterSet::of(Meter::InputTokens).with(Meter::CacheWrite5mTokens),
            answer_meters: MeterSet::of(Meter::OutputTokens),
            output: OutputBound::Adjustable,
        }),
        bound: Usage::ONE_CALL.with(Meter::InputTokens, tokens).with(Meter::OutputTokens, 10),
        ..ask(&route)
    };
    let mut standing = customer(plan(), "5");
    let hold = admitted(&mut standing, &asked(100));
    assert_eq!(hold.terms.amount, amount("0.225"), "100 written to the cache, 10 generated");
    let plain = settle(&mut standing, &asked(100), &hold, tokens(100, 10), NOW);
    assert_eq!(plain.cost, amount("0.20"));
    let hold = admitted(&mut standing, &asked(101));
    assert_eq!(hold.terms.amount, amount("0.403"), "one token more, and all of the prompt costs the level's price");

    let unpriced = Usage::ONE_CALL.with(Meter::ReasoningTokens, 5);
    let settled = settle(&mut standing, &asked(101), &hold, unpriced, NOW);
    assert_eq!(settled.cost, hold.terms.amount, "what has no price is not free: the hold is what is believed");
}

#[test]
fn a_price_in_another_currency_is_no_price() {
    let (route, price) = (llm_route(), per_token());
    let euros = Arc::new(Price { currency: Some(crate::money::Currency::EUR), ..(*price).clone() });
    let model = ModelAsk {
        id: "m",
        price: Some(&euros),
        prompt_tokens: 1,
        prompt_meters: MeterSet::EMPTY,
        answer_meters: MeterSet::EMPTY,
        output: OutputBound::Adjustable,
    };
    let asked = Ask { model: Some(model), bound: tokens(1, 1), ..ask(&route) };
    assert_eq!(reason(&customer(plan(), "5"), &asked), "model_not_priced");
}
