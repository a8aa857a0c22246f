//! The demo keeps its promise: every request that it prints has the outcome that it prints.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tollgate_core::decision::Reason;

use super::harness::{Answer, Demo, Scenario};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_has_its_outcome_and_only_what_is_served_reaches_the_upstream() {
    let demo = Demo::start().await;
    let shown: Vec<&str> = demo.scenarios.iter().map(|scenario| &*scenario.reason).collect();
    for reason in Reason::ALL {
        assert!(shown.contains(&reason.code()), "the demo shows no {reason}");
    }
    assert_eq!(shown.len(), Reason::ALL.len() + 2, "one for every reason, and two that are served");

    for scenario in &demo.scenarios {
        let answer = scenario.send(demo.gateway).await;
        assert_eq!(answer.status, scenario.status, "{}: {}", scenario.reason, answer.text());
        let id = answer.id();
        assert!(id.starts_with("req_"), "{}: x-request-id is {id:?}", scenario.reason);
        let arrivals = demo.arrivals(&id).await;
        let logged = demo.admin.call(&id).await;
        if scenario.reason == "ok" {
            assert_eq!(arrivals, 1, "the request that is served arrives once");
            let cost = if scenario.path == "/mcp" { "0.02" } else { "0.001" };
            assert_eq!(answer.cost().to_string(), cost);
            assert_eq!((&logged["cost"], logged.get("reason")), (&cost.into(), None));
        } else {
            assert_eq!(arrivals, 0, "{} has reached the upstream", scenario.reason);
            assert_eq!(logged["cost"], "0.00", "{} costs nothing", scenario.reason);
            assert_eq!(logged["reason"], *scenario.reason);
            assert_eq!(logged["problem"]["request_id"], *id);
            is_a_problem(&demo, scenario, &answer);
        }
    }
    demo.admin.ledger_is_sound().await;
}

/// Headers and members of a refusal.
fn is_a_problem(demo: &Demo, scenario: &Scenario, answer: &Answer) {
    let reason: Reason = scenario.reason.parse().unwrap();
    let problem = answer.json();
    assert_eq!(answer.reason(), reason.code());
    assert_eq!(problem["reason"], reason.code());
    assert_eq!(problem["status"], scenario.status);
    assert_eq!(problem["request_id"], *answer.id());
    assert_eq!(problem["endpoint"], format!("{} {}", scenario.method, scenario.path));
    for member in ["type", "title", "detail", "occurred_at", "instance"] {
        assert!(!is_empty(&problem[member]), "{reason}: {member} is missing in {problem}");
    }
    let actions = problem["actions"].as_array().unwrap_or_else(|| panic!("{reason}: no actions in {problem}"));
    assert!(!actions.is_empty() && actions.iter().all(|action| !is_empty(&action["id"])), "{reason}: {problem}");
    assert!(!is_empty(&problem["retry"]["when"]), "{reason}: {problem}");
    // Whose it is can be told as soon as the key is known.
    let is_known = !matches!(reason, Reason::ApiKeyMissing | Reason::ApiKeyInvalid);
    if is_known && scenario.status != 401 && reason != Reason::BillingUnavailable {
        assert!(problem["customer"].as_str().is_some_and(|id| id.starts_with("cus_")), "{reason}: {problem}");
    }

    let should_retry = answer.header("x-should-retry");
    match scenario.status {
        402 => assert_eq!(should_retry, "false", "{reason}: an SDK must not send it again"),
        _ => assert_ne!(should_retry, "true", "{reason}"),
    }
    retries_as_documented(reason, &answer.header("retry-after"));
    let link = answer.header("link");
    assert!(link.contains(&format!("/docs/errors/{reason}>; rel=\"help\"")), "{reason}: Link is {link:?}");
    let is_llm = scenario.path.starts_with("/v1/");
    let content_type = if is_llm { "application/json" } else { "application/problem+json" };
    assert_eq!(answer.header("content-type"), content_type, "{reason}");
    if is_llm {
        let error = &problem["error"];
        assert_eq!(error["code"], reason.code(), "{problem}");
        assert!(!is_empty(&error["message"]) && !is_empty(&error["type"]), "{problem}");
    }
    assert!(!answer.text().contains(demo_secret(scenario)), "{reason}: the key is in the answer");
    assert!(!demo.process.log().contains(demo_secret(scenario)), "{reason}: the key is in the log");
}

/// `Retry-After` is what the page of the reason says: not sent, a number, or at most an hour.
fn retries_as_documented(reason: Reason, header: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/errors/{reason}.md"));
    let page = fs::read_to_string(page).unwrap();
    let said = page.lines().find_map(|line| line.strip_prefix("- `Retry-After`: ")).unwrap();
    let number = said.trim_matches('`').parse::<u64>();
    match (said, number) {
        ("not sent", _) => assert_eq!(header, "", "{reason}"),
        (_, Ok(seconds)) => assert_eq!(header.parse(), Ok(seconds), "{reason}"),
        _ => assert!(
            header.is_empty() || header.parse().is_ok_and(|seconds: u64| seconds <= 3_600),
            "{reason}: {header}"
        ),
    }
}

fn is_empty(member: &Value) -> bool {
    member.as_str().is_none_or(str::is_empty)
}

/// The secret part of the scenario's key, or a text that is nowhere.
fn demo_secret(scenario: &Scenario) -> &str {
    let secret = scenario.key().rsplit_once('_').map_or("", |(_, secret)| secret);
    if secret.len() < 16 { "there is no key" } else { secret }
}
