//! Every reason that a decision can give, and what its victim reads.

use std::sync::Arc;
use std::time::Duration;

use insta::assert_snapshot;

use super::fixtures::*;
use crate::catalogue::*;
use crate::decision::*;
use crate::gcra::Pace;
use crate::id::InvoiceId;
use crate::meter::{Meter, MeterSet, Usage};
use crate::money::{Nanos, Rate};
use crate::standing::*;
use crate::time::Timestamp;

fn in_state(state: SubscriptionState) -> Standing {
    let mut standing = customer(plan(), "10");
    standing.subscription.as_mut().unwrap().state = state;
    standing
}

fn search(standing: &Standing) -> String {
    decided(standing, &ask(&route("1.30")))
}

fn declined(grace_until: Timestamp) -> SubscriptionState {
    SubscriptionState::PastDue(Box::new(Decline {
        since: NOW - days(14),
        grace_until,
        amount_due: amount("49"),
        attempts: 4,
        code: "insufficient_funds".into(),
    }))
}

#[test]
fn a_customer_in_order_is_admitted() {
    assert_snapshot!(search(&customer(plan(), "10")), @"admit, hold 1.30");
}

#[test]
fn subscription_reasons() {
    let mut without = customer(plan(), "10");
    without.subscription = None;
    assert_snapshot!(search(&without), @"402 subscription_required: This API needs a subscription, and there is none. [after_action]");
    assert_snapshot!(search(&in_state(SubscriptionState::Canceled { ended_at: NOW - days(1) })), @"402 subscription_required: The subscription to Starter was canceled on 2026-11-20. [after_action]");
    assert_snapshot!(search(&in_state(SubscriptionState::Expired { ended_at: NOW - days(3) })), @"402 subscription_expired: The subscription to Starter ended on 2026-11-18 and was not renewed. [after_action]");
    assert_snapshot!(search(&in_state(SubscriptionState::Trialing { ends_at: NOW })), @"402 trial_ended: The trial of Starter ended on 2026-11-21. Choose a plan to go on. [after_action]");
    assert_snapshot!(search(&in_state(SubscriptionState::Trialing { ends_at: NOW + days(1) })), @"admit, hold 1.30");
}

#[test]
fn suspension_says_who_can_lift_it() {
    let by =
        |by| search(&in_state(SubscriptionState::Suspended { since: NOW - days(6), by, amount_due: amount("98") }));
    assert_snapshot!(by(SuspendedBy::Dunning), @"402 subscription_suspended: Access is suspended since 2026-11-15 because USD 98.00 is unpaid. It returns as soon as the amount is paid. [after_action]");
    assert_snapshot!(by(SuspendedBy::Operator), @"402 subscription_suspended: Access is suspended since 2026-11-15 by the provider. Please contact support. [after_action]");
    assert_snapshot!(by(SuspendedBy::Customer), @"402 subscription_suspended: The subscription is paused since 2026-11-15. Resume it to continue. [after_action]");
}

#[test]
fn a_failed_payment_is_served_during_grace_and_not_after() {
    assert_snapshot!(search(&in_state(declined(NOW + days(3)))), @"admit, hold 1.30, grace until 2026-11-24T09:30:00Z");
    assert_snapshot!(search(&in_state(declined(NOW))), @"402 payment_failed: The payment of USD 49.00 was declined 4 times; the grace period ended on 2026-11-21. [after_action]");
}

#[test]
fn payment_method_reasons() {
    let needs_method = || Plan { payment_method: Requirement::Required, ..plan() };
    assert_snapshot!(search(&customer(needs_method(), "10")), @"402 payment_method_required: The plan needs a payment method on file, and there is none. [after_action]");
    let mut standing = customer(needs_method(), "10");
    standing.rare_mut().payment_method = Some(PaymentMethod {
        brand: "visa".into(),
        last4: "4242".into(),
        expires: Some((2026, 10)),
        expires_at: Some("2026-11-01T00:00:00Z".parse().unwrap()),
    });
    assert_snapshot!(search(&standing), @"402 payment_method_expired: The visa ending 4242 expired 10/2026; charges to it are not attempted. [after_action]");
}

#[test]
fn invoices_block_only_after_their_grace() {
    let invoice = |blocks_at| OpenInvoice {
        id: InvoiceId::from_bits(5),
        number: "INV-2026-0412".into(),
        amount: amount("98"),
        due_at: NOW - days(9),
        blocks_at,
    };
    let mut standing = customer(plan(), "10");
    standing.rare_mut().invoices = vec![invoice(NOW + days(1))];
    assert_snapshot!(search(&standing), @"admit, hold 1.30, grace until 2026-11-22T09:30:00Z");
    standing.rare_mut().invoices = vec![invoice(NOW)];
    assert_snapshot!(search(&standing), @"402 invoice_overdue: USD 98.00 has been due since 2026-11-12 and is unpaid (INV-2026-0412). [after_action]");
}

#[test]
fn a_commitment_blocks_when_its_rest_is_due() {
    let mut standing = customer(plan(), "10");
    standing.rare_mut().commitment =
        Some(Commitment { minimum: amount("500"), paid: amount("320"), due_at: NOW - days(1) });
    assert_snapshot!(search(&standing), @"402 minimum_payment_due: The minimum of USD 500.00 for this period was due on 2026-11-20; USD 180.00 is still open. [after_action]");
}

#[test]
fn balance_says_what_is_missing_and_whether_waiting_helps() {
    assert_snapshot!(search(&customer(plan(), "0.42")), @"402 insufficient_balance: Balance USD 0.42 does not cover the estimated USD 1.30 of this request; USD 0.88 is missing. [after_action]");
    let route = route("1.30");
    let mut standing = customer(plan(), "2");
    admitted(&mut standing, &ask(&route));
    assert_snapshot!(search(&standing), @"402 insufficient_balance: USD 1.30 of the balance is held by running requests, USD 0.70 is free; this one needs up to USD 1.30. Retry in a few seconds. [after_time at 2026-11-21T09:30:05Z]");
}

#[test]
fn quota_reasons_by_policy() {
    let used_up = |past| {
        let mut standing = customer(Plan { quotas: Box::new([quota(1_000, past)]), ..plan() }, "10");
        standing.quotas[0].used = 1_000;
        search(&standing)
    };
    assert_snapshot!(used_up(PastLimit::Block), @"402 quota_exceeded: 1000 of 1000 calls used in the period ending 2026-12-01 on plan Starter. [after_action at 2026-12-01T00:00:00Z]");
    assert_snapshot!(used_up(PastLimit::BlockUntilReset), @"429 quota_exceeded: 1000 of 1000 calls used in the period ending 2026-12-01 on plan Starter. [after_time at 2026-12-01T00:00:00Z]");
    assert_snapshot!(used_up(PastLimit::Overage(Some("0.002".parse().unwrap()))), @"admit, hold 0.002");
    assert_snapshot!(used_up(PastLimit::Overage(None)), @"admit, hold 1.30");
    assert_snapshot!(used_up(PastLimit::Degrade(Degradation::default())), @"admit, hold 0.00, degraded by quota 0");
    assert_snapshot!(used_up(PastLimit::Allowance(5)), @"admit, hold 0.00");
}

/// Golden vector V50: 1,000 included and 5,000 more, blocked after 6,000.
#[test]
fn golden_vector_v50_an_allowance_ends() {
    let mut standing = customer(Plan { quotas: Box::new([quota(1_000, PastLimit::Allowance(5_000))]), ..plan() }, "0");
    let route = route("1");
    standing.quotas[0].used = 5_999;
    assert_eq!(reason(&standing, &ask(&route)), "admit");
    standing.quotas[0].used = 6_000;
    assert_eq!(reason(&standing, &ask(&route)), "quota_exceeded");
}

#[test]
fn pace_reasons() {
    let pace = || Pace::new(60, Duration::from_secs(60), 1);
    let route = route("0.01");
    let second = |limit: RateLimit| {
        let mut standing = customer(Plan { rate_limits: Box::new([limit]), ..plan() }, "10");
        admitted(&mut standing, &ask(&route));
        decided(&standing, &ask(&route))
    };
    assert_snapshot!(second(limit(RateUnit::Requests(pace()))), @"429 rate_limited: Plan Starter allows 60 requests in a minute. [after_time at 2026-11-21T09:30:01Z]");
    let sold = RateLimit { when_too_fast: WhenTooFast::Upgrade, ..limit(RateUnit::Requests(pace())) };
    assert_snapshot!(second(sold), @"402 rate_limit_upgrade: Plan Starter allows 60 requests in a minute. [after_time at 2026-11-21T09:30:01Z]");
    assert_snapshot!(second(limit(RateUnit::Concurrency(1))), @"429 concurrency_limited: Plan Starter allows one request at a time, and one is running. [after_time at 2026-11-21T09:30:01Z]");

    let tokens = limit(RateUnit::Tokens(Pace::new(1_000, Duration::from_secs(60), 1_000)));
    let mut standing = customer(Plan { rate_limits: Box::new([tokens]), ..plan() }, "10");
    let of_tokens = |n| Ask { bound: Usage::ONE_CALL.with(Meter::InputTokens, n), ..ask(&route) };
    admitted(&mut standing, &of_tokens(800));
    assert_snapshot!(decided(&standing, &of_tokens(300)), @"429 token_rate_limited: Plan Starter allows 1000 tokens in a minute. [after_time at 2026-11-21T09:30:06Z]");
    assert_eq!(reason(&standing, &of_tokens(200)), "admit");
}

#[test]
fn entitlement_reasons() {
    let gated = RouteTerms { feature: Some("batch_export".into()), ..route("1") };
    let standing = customer(plan(), "10");
    assert_snapshot!(decided(&standing, &ask(&gated)), @"402 feature_not_in_plan: batch_export is not part of plan Starter. [after_action]");
    let open = customer(Plan { features: Box::new(["batch_export".into()]), ..plan() }, "10");
    assert_eq!(reason(&open, &ask(&gated)), "admit");

    let small_only = ModelAccess::Only(Box::new(["small".into()]));
    let llm = RouteTerms { charge: Charge::Model, ..route("1") };
    let price = Arc::new(Price::per_unit("large", [(Meter::InputTokens, "0.001".parse::<Rate>().unwrap())]));
    let large = |prompt_tokens, price| Ask {
        model: Some(ModelAsk {
            id: "large",
            price,
            prompt_tokens,
            prompt_meters: MeterSet::EMPTY,
            answer_meters: MeterSet::EMPTY,
            output: OutputBound::Adjustable,
        }),
        bound: Usage::ONE_CALL.with(Meter::InputTokens, prompt_tokens),
        ..ask(&llm)
    };
    let restricted = customer(Plan { models: small_only, ..plan() }, "100");
    assert_snapshot!(decided(&restricted, &large(10, Some(&price))), @"402 model_not_in_plan: Model large is not part of plan Starter. [after_action]");
    let narrow = customer(Plan { context_tokens_max: Some(32_000), ..plan() }, "100");
    assert_snapshot!(decided(&narrow, &large(41_200, Some(&price))), @"402 context_window_exceeds_plan: The prompt has 41200 tokens; plan Starter allows 32000 on model large. [smaller_request]");
    assert_eq!(reason(&narrow, &large(32_000, Some(&price))), "admit");
    assert_snapshot!(decided(&narrow, &large(10, None)), @"503 model_not_priced: No price is set for this model or route, so it is not served. The operator was told. [after_action]");
}

#[test]
fn an_add_on_opens_just_what_it_names() {
    let gated = RouteTerms { feature: Some("batch_export".into()), ..route("1") };
    let add_on = AddOn {
        key: "export".into(),
        version: 1,
        name: "Export".into(),
        currency: crate::money::Currency::USD,
        price: amount("9"),
        features: Box::new(["batch_export".into()]),
        models: Box::default(),
        quotas: Box::new([("calls-month".into(), 500)]),
        context_tokens_max: None,
    };
    let catalogue = Catalogue { plans: Vec::new(), add_ons: vec![Arc::new(add_on.clone())] };
    let mut standing = customer(Plan { quotas: Box::new([quota(1_000, PastLimit::Block)]), ..plan() }, "10");
    let Decision::Deny(denial) = decide(&standing, &ask(&gated), NOW) else { panic!() };
    let offers = offers(&denial, &standing, &catalogue);
    assert_eq!(offers.cheapest(), Some(amount("9")));
    assert_snapshot!(explain(&denial, Some(&standing), &offers), @"batch_export is not part of plan Starter. It comes with add-on Export.");

    standing.subscription.as_mut().unwrap().add_ons = Box::new([Arc::new(add_on)]);
    assert_eq!(reason(&standing, &ask(&gated)), "admit");
    standing.quotas[0].used = 1_499;
    assert_eq!(reason(&standing, &ask(&gated)), "admit");
    standing.quotas[0].used = 1_500;
    assert_eq!(reason(&standing, &ask(&gated)), "quota_exceeded");
}

#[test]
fn a_larger_prompt_is_offered_where_the_model_is_open_and_not_for_less() {
    let named = |key: &str, price: &str, tokens: Option<u64>, models: ModelAccess| {
        let base_price = amount(price);
        Arc::new(Plan { key: key.into(), base_price, context_tokens_max: tokens, models, ..plan() })
    };
    let only = |model: &str| ModelAccess::Only(Box::new([model.into()]));
    let catalogue = Catalogue {
        plans: vec![
            named("cheaper", "1", Some(64_000), ModelAccess::All),
            named("too small", "20", Some(41_199), ModelAccess::All),
            named("other model", "20", Some(64_000), only("small")),
            named("fits", "20", Some(41_200), only("large")),
            named("endless", "30", None, ModelAccess::All),
        ],
        add_ons: Vec::new(),
    };
    let standing = customer(Plan { base_price: amount("10"), ..plan() }, "100");
    let denial = Denial {
        reason: Reason::ContextWindowExceedsPlan,
        facts: Facts::Context { model: "large".into(), prompt_tokens: 41_200, plan_limit: 32_000 },
    };
    let offers = offers(&denial, &standing, &catalogue);
    let offered: Vec<_> = offers.plans.iter().map(|offer| (&*offer.item.key, offer.limit)).collect();
    assert_eq!(offered, [("fits", Some(41_200)), ("endless", None)]);
}

#[test]
fn caps_are_the_customers_own() {
    let mut standing = customer(plan(), "100");
    let cap = SpendCap { scope: CapScope::Key(KEY), period: CapPeriod::Day, amount: amount("20") };
    standing.rare_mut().caps = vec![CapState { cap, window: Window::default() }];
    standing.advance(NOW);
    assert_eq!(reason(&standing, &ask(&route("20"))), "admit");
    standing.rare_mut().caps[0].window.used = 19_970_000_000;
    assert_snapshot!(decided(&standing, &ask(&route("0.11"))), @"402 spend_cap_reached: The cap of USD 20.00 a day on this key leaves USD 0.03; this request may cost USD 0.11. [after_action at 2026-11-22T00:00:00Z]");
    let other_key = Ask { key: crate::id::KeyId::from_bits(99), ..ask(&route("0.11")) }.key;
    assert_ne!(other_key, KEY);
    let route = route("0.11");
    assert_eq!(reason(&standing, &Ask { key: other_key, ..ask(&route) }), "admit");
}

#[test]
fn a_review_stops_everything_and_names_no_rule() {
    let mut standing = customer(plan(), "100");
    standing.rare_mut().frozen = Some(Freeze {
        case: "case_88".into(),
        since: NOW - days(1),
        expected_by: Some(NOW + days(1)),
        known_by: KnownBy::Everybody,
    });
    assert_snapshot!(search(&standing), @"402 account_under_review: Unusual activity was noticed and the account is being checked. No money was charged for this request. [never]");
    let free = RouteTerms { charge: Charge::Free, ..route("1") };
    assert_eq!(reason(&standing, &ask(&free)), "account_under_review");
}

#[test]
fn pay_per_request_needs_no_plan_but_money() {
    let report = RouteTerms { charge: Charge::PerRequest(Arc::new(Price::flat("report", amount("5")))), ..route("5") };
    let mut standing = customer(plan(), "0");
    standing.subscription = None;
    assert_snapshot!(decided(&standing, &ask(&report)), @"402 payment_required: This request costs USD 5.00, to be paid before it runs. [after_action]");
    let scope = GrantScope { routes: Box::new(["rest.search".into()]) };
    standing.wallet.insert(Grant { scope: Some(Arc::new(scope)), ..grant(8, "5") });
    assert_snapshot!(decided(&standing, &ask(&report)), @"admit, hold 5.00");
}

#[test]
fn free_must_be_said_and_is_then_free_of_money_checks() {
    let standing = in_state(SubscriptionState::Expired { ended_at: NOW });
    let free = RouteTerms { charge: Charge::Free, ..route("1") };
    assert_snapshot!(decided(&standing, &ask(&free)), @"admit, hold 0.00");
    let unpriced = RouteTerms { charge: Charge::Unpriced, ..route("1") };
    assert_eq!(reason(&customer(plan(), "10"), &ask(&unpriced)), "model_not_priced");
}

#[test]
fn what_is_free_with_some_plans_needs_one_of_them() {
    let free = RouteTerms { charge: Charge::Free, feature: Some("batch_export".into()), ..route("1") };
    let mut standing = customer(plan(), "0");
    assert_eq!(reason(&standing, &ask(&free)), "feature_not_in_plan");
    standing.subscription = None;
    assert_eq!(reason(&standing, &ask(&free)), "subscription_required");
}

#[test]
fn the_name_of_a_route_means_its_tools_too() {
    let tool = RouteTerms { key: "tools.mcp:search".into(), ..route("1") };
    assert!(tool.is_named("tools.mcp") && tool.is_named("tools.mcp:search"));
    assert!(!tool.is_named("tools.mc") && !tool.is_named("tools.mcp:sea") && !tool.is_named("tools"));
}

#[test]
fn high_value_requests_are_verified() {
    let valuable = RouteTerms { verify_from: Some(amount("5")), ..route("5") };
    let cheap = RouteTerms { verify_from: Some(amount("5")), ..route("4.99") };
    let standing = customer(plan(), "100");
    assert_snapshot!(decided(&standing, &ask(&valuable)), @"admit, hold 5.00, verify");
    assert_snapshot!(decided(&standing, &ask(&cheap)), @"admit, hold 4.99");
}

#[test]
fn postpaid_goes_on_account_up_to_its_limit() {
    let postpaid = |credit_limit| Plan { payment: PaymentTerms::Postpaid { credit_limit }, ..plan() };
    assert_eq!(reason(&customer(postpaid(None), "0"), &ask(&route("1000"))), "admit");
    let mut standing = customer(postpaid(Some(amount("10"))), "1");
    standing.owed = amount("9.50");
    assert_eq!(reason(&standing, &ask(&route("1.50"))), "admit", "1.00 from the wallet, 0.50 on account");
    assert_eq!(reason(&standing, &ask(&route("1.51"))), "insufficient_balance");
}

#[test]
fn the_output_bound_is_lowered_only_if_the_plan_says_so_and_openly() {
    let llm = RouteTerms { charge: Charge::Model, ..route("1") };
    let rate = |text: &str| text.parse::<Rate>().unwrap();
    let price =
        Arc::new(Price::per_unit("m", [(Meter::InputTokens, rate("0.001")), (Meter::OutputTokens, rate("0.002"))]));
    let bound = Usage::ONE_CALL.with(Meter::InputTokens, 100).with(Meter::OutputTokens, 4_096);
    let asked = Ask {
        model: Some(ModelAsk {
            id: "m",
            price: Some(&price),
            prompt_tokens: 100,
            prompt_meters: MeterSet::EMPTY,
            answer_meters: MeterSet::EMPTY,
            output: OutputBound::Adjustable,
        }),
        bound,
        ..ask(&llm)
    };
    assert_snapshot!(decided(&customer(plan(), "1.101"), &asked), @"402 insufficient_balance: Balance USD 1.101 does not cover the estimated USD 8.292 of this request; USD 7.20 is missing. An output of at most 500 tokens would fit. [after_action]");
    let clamping = |from| Plan { clamp_output_from: Some(from), ..plan() };
    assert_snapshot!(decided(&customer(clamping(500), "1.101"), &asked), @"admit, hold 1.10, output at most 500");
    assert_eq!(reason(&customer(clamping(501), "1.101"), &asked), "insufficient_balance");
    let picture = ModelAsk { output: OutputBound::Given, ..asked.model.unwrap() };
    let given = Ask { model: Some(picture), ..asked };
    assert_eq!(reason(&customer(clamping(500), "1.101"), &given), "insufficient_balance", "it cannot be made shorter");
    assert_eq!(MeterSet::GENERATED_TOKENS.iter().count(), 4);
    assert_eq!(Nanos::ZERO, Nanos::default());
}
