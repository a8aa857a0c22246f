//! Every reason in every dialect, as the caller gets it.

use std::fmt::Write as _;
use std::time::Duration;

use http_body_util::BodyExt as _;
use tollgate_core::catalogue::{CapPeriod, Disclosure};
use tollgate_core::decision::{
    Denial, Facts, Offers, OpenBill, PayingHelps, QuotaFacts, RateFacts, Reason, Shortage, explain, retry,
};
use tollgate_core::meter::{Meter, MeterSet};
use tollgate_core::money::{Currency, Nanos};
use tollgate_core::time::Timestamp;
use tollgate_meter::endpoint::Endpoint;
use tollgate_meter::stream::ResponseHead;

use super::refusal::{Denied, PlanName};
use super::{Context, Dialect, McpForm, Problem, Refusal, TextOverride, Texts, respond};
use crate::snapshot::Setup;

/// Saturday, 21 November 2026, 09:30 UTC.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_253_400);

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

fn amount(text: &str) -> Nanos {
    text.parse().unwrap()
}

/// Typical figures for `reason`.
fn facts(reason: Reason) -> Facts {
    let open = |amount: &str, why: &str, grace: Option<Timestamp>| {
        Facts::Open(OpenBill {
            amount: self::amount(amount),
            since: NOW - days(9),
            grace_until: grace,
            attempts: 3,
            why: why.into(),
            invoices: vec!["INV-2026-0007".into()],
        })
    };
    let rate = |unit: &'static str, limit: u64| {
        Facts::Rate(RateFacts {
            policy: format!("{unit}-minute").into(),
            unit,
            limit,
            window: Duration::from_secs(60),
            retry_after: Duration::from_millis(700),
        })
    };
    match reason {
        Reason::InsufficientBalance => Facts::Balance(Shortage {
            available: amount("0.12"),
            reserved: amount("0.03"),
            required: amount("0.42"),
            affordable_output_tokens: Some(120),
        }),
        Reason::QuotaExceeded => Facts::Quota(QuotaFacts {
            policy: "calls-month".into(),
            meters: MeterSet::of(Meter::Calls),
            limit: 1_000,
            used: 1_000,
            required: 1,
            period: "month",
            resets_at: Some(NOW + days(9)),
            window: Some(days(30)),
            paying_helps: PayingHelps::Yes,
        }),
        Reason::RateLimited | Reason::RateLimitUpgrade => rate("requests", 60),
        Reason::TokenRateLimited => rate("tokens", 1_000),
        Reason::ConcurrencyLimited => Facts::Concurrency { policy: "at-once".into(), limit: 4 },
        Reason::SpendCapReached => Facts::Cap {
            scope: "key",
            scope_id: "key_01".into(),
            limit: amount("5"),
            spent: amount("4.99"),
            required: amount("0.42"),
            period: CapPeriod::Month,
            resets_at: NOW + days(9),
        },
        Reason::FeatureNotInPlan => Facts::Feature("export".into()),
        Reason::ModelNotInPlan => Facts::Model("large".into()),
        Reason::ContextWindowExceedsPlan => {
            Facts::Context { model: "small".into(), prompt_tokens: 9_000, plan_limit: 8_192 }
        }
        Reason::SubscriptionRequired => Facts::Ended { at: None },
        Reason::SubscriptionExpired | Reason::TrialEnded => Facts::Ended { at: Some(NOW - days(2)) },
        Reason::PaymentFailed => open("19", "card_declined", Some(NOW - days(2))),
        Reason::InvoiceOverdue => open("19", "", None),
        Reason::SubscriptionSuspended => open("19", "dunning", None),
        Reason::PaymentMethodExpired => {
            Facts::Method { brand: "visa".into(), last4: "4242".into(), expired: (2024, 3) }
        }
        Reason::MinimumPaymentDue => {
            Facts::Commitment { minimum: amount("1000"), paid: amount("250.50"), due_at: NOW - days(1) }
        }
        Reason::AccountUnderReview => {
            Facts::Review { case: "case_88".into(), since: NOW - days(1), expected_by: Some(NOW + days(1)) }
        }
        Reason::PaymentVerificationFailed | Reason::PaymentRequired => Facts::Price { amount: amount("5") },
        _ => Facts::None,
    }
}

fn refusal(denial: Denial, disclosure: Disclosure) -> Refusal {
    let offers = Offers::default();
    Refusal::Denied(Box::new(Denied {
        detail: explain(&denial, None, &offers),
        retry: retry(&denial, NOW),
        offers,
        currency: Currency::USD,
        plan: Some(PlanName { key: "pro".into(), version: 3, name: "Pro".into() }),
        subscription: Some("sub_01".to_owned()),
        disclosure,
        denial,
    }))
}

fn setup() -> Setup {
    Setup {
        portal_url: "https://portal.test".to_owned(),
        docs_url: "https://portal.test/docs/errors".to_owned(),
        support: "help@acme.test".to_owned(),
        cors_origins: Vec::new(),
        scheme: "https",
        texts: Vec::new(),
        secrets: std::collections::HashMap::new(),
    }
}

fn context() -> Context {
    Context {
        request_id: "req_01".to_owned(),
        endpoint: "POST /v1/chat/completions".to_owned(),
        occurred_at: NOW.to_string(),
        customer: Some("cus_01".to_owned()),
        application: Some("app_01".to_owned()),
        key: Some("key_01".to_owned()),
        language: Some("de".to_owned()),
        rpc_id: Some("\"q-1\"".into()),
    }
}

/// The answer as text: status, headers in their order, body.
fn rendered(refusal: &Refusal, dialect: Dialect, texts: &Texts) -> String {
    let problem = Problem::new(refusal, &context(), &setup(), texts);
    let response = respond(refusal, &problem, dialect);
    let (head, body) = response.into_parts();
    let mut text = format!("{}\n", head.status.as_u16());
    for (name, value) in &head.headers {
        if name != "access-control-expose-headers" {
            let _ = writeln!(text, "{name}: {}", value.to_str().unwrap());
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let body = runtime.block_on(body.collect()).unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    match serde_json::from_str::<serde_json::Value>(&body) {
        Ok(json) => text.push_str(&serde_json::to_string_pretty(&json).unwrap()),
        Err(_) => text.push_str(&body),
    }
    text
}

fn everything(dialect: Dialect) -> String {
    let texts = Texts::compile(&[]).unwrap();
    let mut all = String::new();
    for &reason in Reason::ALL {
        let refusal = refusal(Denial { reason, facts: facts(reason) }, Disclosure::Full);
        let _ = writeln!(all, "### {reason}\n{}\n", rendered(&refusal, dialect, &texts));
    }
    all
}

#[test]
fn every_reason_as_problem_json() {
    insta::assert_snapshot!("json", everything(Dialect::Json));
}

#[test]
fn every_reason_as_problem_xml() {
    insta::assert_snapshot!("xml", everything(Dialect::Xml));
}

#[test]
fn every_reason_in_the_envelope_of_openai() {
    insta::assert_snapshot!("openai", everything(Dialect::OpenAi));
}

#[test]
fn every_reason_in_the_envelope_of_anthropic() {
    insta::assert_snapshot!("anthropic", everything(Dialect::Anthropic));
}

#[test]
fn every_reason_in_the_envelope_of_gemini() {
    insta::assert_snapshot!("gemini", everything(Dialect::Gemini));
}

#[test]
fn every_reason_as_the_status_of_an_mcp_endpoint() {
    insta::assert_snapshot!("mcp_http", everything(Dialect::Mcp(McpForm::Http)));
}

#[test]
fn every_reason_as_a_json_rpc_error() {
    insta::assert_snapshot!("mcp_error", everything(Dialect::Mcp(McpForm::Error)));
}

#[test]
fn every_reason_as_the_result_of_a_tool() {
    insta::assert_snapshot!("mcp_tool_result", everything(Dialect::Mcp(McpForm::ToolResult)));
}

#[test]
fn every_reason_as_a_url_to_send_the_person_to() {
    insta::assert_snapshot!("mcp_url_elicitation", everything(Dialect::Mcp(McpForm::UrlElicitation)));
}

#[test]
fn every_reason_for_a_client_that_pays() {
    insta::assert_snapshot!("mcp_payment", everything(Dialect::Mcp(McpForm::Payment)));
}

/// Of a Responses stream: nothing was said, it has begun, it has failed by itself.
#[test]
fn every_stream_ends_in_the_form_that_its_sdk_raises() {
    let texts = Texts::compile(&[]).unwrap();
    let problem = Problem::new(&Refusal::upstream_broke_off(), &context(), &setup(), &texts);
    let begun = ResponseHead {
        id: "resp_01".into(),
        model: "gpt-4o".into(),
        created_at_s: 1_795_253_400,
        next_sequence: 7,
        has_failed: false,
    };
    let failed = ResponseHead { has_failed: true, ..begun.clone() };
    let mut frames = String::new();
    for &endpoint in Endpoint::ALL {
        let heads = match endpoint {
            Endpoint::Responses => vec![Some(ResponseHead::default()), Some(begun.clone()), Some(failed.clone())],
            _ => vec![None],
        };
        for head in heads {
            let frame = problem.frame(endpoint, head.as_ref());
            let text = frame.map_or_else(|| "cut\n".to_owned(), |frame| String::from_utf8(frame.to_vec()).unwrap());
            let _ = writeln!(frames, "### {endpoint:?}\n{text}");
        }
    }
    insta::assert_snapshot!("frames", frames);
}

#[test]
fn a_fault_names_its_field_in_every_envelope() {
    let texts = Texts::compile(&[]).unwrap();
    let refusal = Refusal::bad_request("messages[0].role", "a role");
    let named = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini].map(|dialect| {
        let text = rendered(&refusal, dialect, &texts);
        let body: serde_json::Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
        let error = &body["error"];
        match dialect {
            Dialect::OpenAi => error["param"].clone(),
            Dialect::Anthropic => error["details"]["field"].clone(),
            _ => error["details"][1]["fieldViolations"][0]["field"].clone(),
        }
    });
    assert_eq!(named, ["messages[0].role"; 3]);
}

#[test]
fn some_reasons_as_pages() {
    let texts = Texts::compile(&[]).unwrap();
    let mut pages = String::new();
    for reason in [Reason::InsufficientBalance, Reason::ApiKeyMissing, Reason::RateLimited] {
        let refusal = refusal(Denial { reason, facts: facts(reason) }, Disclosure::Full);
        let _ = writeln!(pages, "### {reason}\n{}\n", rendered(&refusal, Dialect::Html, &texts));
    }
    insta::assert_snapshot!("html", pages);
}

#[test]
fn a_plan_that_discloses_reasons_only_shows_no_figure() {
    let texts = Texts::compile(&[]).unwrap();
    for &reason in Reason::ALL {
        let denial = Denial { reason, facts: facts(reason) };
        let text = rendered(&refusal(denial, Disclosure::ReasonOnly), Dialect::Json, &texts);
        let members: serde_json::Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
        for figure in ["balance", "required", "shortfall", "quota", "limit", "cap", "amount_due", "commitment"] {
            assert!(members.get(figure).is_none(), "{reason} shows {figure}");
        }
    }
}

#[test]
fn an_operator_says_it_in_own_words_for_a_plan_and_a_language() {
    let own = |plan: Option<&str>, language: Option<&str>, title: &str| TextOverride {
        reason: "insufficient_balance".to_owned(),
        plan: plan.map(str::to_owned),
        language: language.map(str::to_owned),
        title: Some(title.to_owned()),
        detail: Some("Es fehlen {{ shortfall.amount }} {{ shortfall.currency }}.".to_owned()),
        links: [("top_up".to_owned(), "https://acme.test/pay?r={{ request_id }}".to_owned())].into(),
    };
    let list = [own(None, None, "any"), own(Some("pro"), Some("de"), "pro, deutsch"), own(Some("free"), None, "free")];
    let texts = Texts::compile(&list).unwrap();
    let reason = Reason::InsufficientBalance;
    let refusal = refusal(Denial { reason, facts: facts(reason) }, Disclosure::Full);
    let problem = Problem::new(&refusal, &context(), &setup(), &texts);
    assert_eq!(problem.title, "pro, deutsch");
    assert_eq!(problem.detail, "Es fehlen 0.30 USD.");
    assert_eq!(problem.payment_url.as_deref(), Some("https://acme.test/pay?r=req_01"));
}

#[test]
fn nothing_repeats_a_refusal_by_itself_that_only_a_person_can_end() {
    let texts = Texts::compile(&[]).unwrap();
    for &reason in Reason::ALL {
        let text =
            rendered(&refusal(Denial { reason, facts: facts(reason) }, Disclosure::Full), Dialect::OpenAi, &texts);
        let is_repeated = !text.contains("x-should-retry: false");
        let may_be = matches!(reason.status(), 401 | 403 | 429)
            || matches!(reason, Reason::BillingUnavailable | Reason::UpstreamUnavailable);
        assert_eq!(is_repeated, may_be, "{reason}");
    }
}

#[test]
fn who_has_paused_is_not_asked_to_pay() {
    let texts = Texts::compile(&[]).unwrap();
    let actions = |amount: &str, why: &str| {
        let bill = OpenBill {
            amount: self::amount(amount),
            since: NOW - days(9),
            grace_until: None,
            attempts: 0,
            why: why.into(),
            invoices: Vec::new(),
        };
        let denial = Denial { reason: Reason::SubscriptionSuspended, facts: Facts::Open(bill) };
        let problem = Problem::new(&refusal(denial, Disclosure::Full), &context(), &setup(), &texts);
        problem.members["actions"].as_array().unwrap().iter().map(|action| action["id"].to_string()).collect::<Vec<_>>()
    };
    assert!(actions("19", "dunning").contains(&"\"pay_invoice\"".to_owned()));
    assert!(!actions("0", "customer").contains(&"\"pay_invoice\"".to_owned()));
}
