//! The official OpenAI SDKs, unmodified: what a program that uses one sees of answers and refusals.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use http::Method;
use serde_json::{Value, json};

use super::harness::{Demo, until};
use super::install;

/// Refusals that are about the key or the customer, whatever is asked for: any model request shows them.
const OF_THE_CUSTOMER: [&str; 20] = [
    "api_key_invalid",
    "api_key_revoked",
    "api_key_expired",
    "origin_not_allowed",
    "account_closed",
    "subscription_required",
    "subscription_expired",
    "subscription_suspended",
    "trial_ended",
    "payment_method_required",
    "payment_method_expired",
    "payment_failed",
    "invoice_overdue",
    "minimum_payment_due",
    "account_under_review",
    "quota_exceeded",
    "rate_limit_upgrade",
    "rate_limited",
    "insufficient_balance",
    "billing_unavailable",
];

/// Refusals of the demo's own model requests.
const OF_THE_REQUEST: [&str; 4] =
    ["model_not_in_plan", "context_window_exceeds_plan", "model_not_priced", "token_rate_limited"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openai_for_python() {
    shows_everything("python", |status| match status {
        401 => "AuthenticationError",
        403 => "PermissionDeniedError",
        429 => "RateLimitError",
        500.. => "InternalServerError",
        _ => "APIStatusError",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openai_for_node() {
    shows_everything("node", |status| match status {
        401 => "AuthenticationError",
        403 => "PermissionDeniedError",
        429 => "RateLimitError",
        500.. => "InternalServerError",
        _ => "APIError",
    })
    .await;
}

async fn shows_everything(sdk: &'static str, class_of: fn(u16) -> &'static str) {
    let program = tokio::task::spawn_blocking(move || command(sdk)).await.unwrap();
    let demo = Demo::start().await;
    answers(&program, &demo).await;
    refusals(&program, &demo, class_of).await;
    retries(&program, &demo).await;
}

/// How to run the program that uses `sdk`: the interpreter, the script, and what follows the gateway's
/// address.
fn command(sdk: &str) -> Vec<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sdk");
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    match sdk {
        "python" => {
            let folder = install::from_pip("openai-python", &sources.join("requirements.txt"));
            vec![text(folder.join("bin/python")), text(sources.join("openai_python.py"))]
        }
        _ => {
            let folder = install::from_npm("openai-node", &sources.join("package.json"));
            vec!["node".to_owned(), text(sources.join("openai_node.mjs")), text(folder)]
        }
    }
}

/// Completion, stream, embedding, models.
async fn answers(program: &[String], demo: &Demo) {
    let key = demo.scenario("ok").key();
    let messages = json!([{ "role": "user", "content": "What is a lighthouse?" }]);
    let body = json!({ "model": "sandbox-small", "messages": messages });
    let mut with_usage = body.clone();
    with_usage["stream_options"] = json!({ "include_usage": true });
    let embedding = json!({ "model": "sandbox-embedding", "input": "harbour light" });
    let seen = run(
        program,
        demo.gateway,
        &[
            json!({ "name": "completion", "action": "completion", "key": key, "body": body }),
            json!({ "name": "stream", "action": "stream", "key": key, "body": body }),
            json!({ "name": "stream with usage", "action": "stream", "key": key, "body": with_usage }),
            json!({ "name": "embedding", "action": "embedding", "key": key, "body": embedding }),
            json!({ "name": "models", "action": "models", "key": key }),
        ],
    )
    .await;
    let text = seen[0]["text"].as_str().unwrap_or_else(|| panic!("{}", seen[0]));
    assert!(!text.is_empty() && seen[0]["tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{}", seen[0]);
    assert_eq!((&seen[1]["text"], &seen[1]["tokens"]), (&text.into(), &Value::Null), "nobody asked for usage");
    assert_eq!((&seen[2]["text"], &seen[2]["tokens"]), (&text.into(), &seen[0]["tokens"]));
    assert_eq!((&seen[3]["dimensions"], &seen[3]["tokens"]), (&json!(64), &json!(2)), "{}", seen[3]);
    assert!(seen[4]["models"].as_array().is_some_and(|models| models.contains(&json!("sandbox-small"))), "{}", seen[4]);
}

/// Every refusal arrives as the right exception with its reason, and a 402 is sent once.
async fn refusals(program: &[String], demo: &Demo, class_of: fn(u16) -> &'static str) {
    let mut cases: Vec<Value> = OF_THE_CUSTOMER.iter().map(|reason| of_the_customer(demo, reason)).collect();
    cases.extend(OF_THE_REQUEST.iter().map(|reason| {
        let scenario = demo.scenario(reason);
        let body = scenario.body.clone().unwrap();
        json!({ "name": reason, "action": "completion", "key": scenario.key(), "body": body })
    }));
    let seen = run(program, demo.gateway, &cases).await;
    for seen in &seen {
        let reason = seen["name"].as_str().unwrap();
        let status = demo.scenario(reason).status;
        assert_eq!(seen["status"], status, "{seen}");
        assert_eq!(seen["error"], class_of(status), "{seen}");
        assert_eq!(seen["code"], reason, "{seen}");
        assert!(seen["message"].as_str().is_some_and(|message| message.len() > 10), "{seen}");
        let id = seen["request_id"].as_str().unwrap_or_else(|| panic!("no request id: {seen}"));
        assert_eq!(demo.admin.call(id).await["reason"], reason);
        assert_eq!(demo.arrivals(id).await, 0, "{reason} has reached the upstream");
        // 503 may be tried again; what is over only tomorrow, or once somebody has paid, may not.
        let tries = tries(demo, reason, seen).await;
        let expected = if status == 503 { 1..=3 } else { 1..=1 };
        assert!(expected.contains(&tries), "{reason} was sent {tries} times: {seen}");
    }
}

/// A model request by the customer who is refused for `reason`.
fn of_the_customer(demo: &Demo, reason: &str) -> Value {
    let scenario = demo.scenario(reason);
    let mut headers = scenario.headers.clone();
    headers.remove("authorization");
    let messages = json!([{ "role": "user", "content": "What is a lighthouse?" }]);
    let mut body = json!({ "model": "sandbox-small", "messages": messages });
    if reason == "insufficient_balance" {
        // So many answers could cost more than is there.
        body["n"] = json!(128);
        body["max_tokens"] = json!(16_000);
    }
    json!({ "name": reason, "action": "completion", "key": scenario.key(), "body": body, "headers": headers })
}

/// How often the request in `seen` has arrived, by the call log: all tries have the same key and reason.
async fn tries(demo: &Demo, reason: &str, seen: &Value) -> usize {
    let id = seen["request_id"].as_str().unwrap();
    let call = demo.admin.call(id).await;
    let path = match call["customer"].as_str() {
        Some(customer) => format!("/requests?reason={reason}&customer={customer}&limit=1000"),
        None => format!("/requests?reason={reason}&limit=1000"),
    };
    let calls = demo.admin.get(&path).await;
    calls["data"].as_array().unwrap().iter().filter(|call| call["path"] == "/v1/chat/completions").count()
}

/// A limit that is over in a moment is waited for, as long as the gateway says.
async fn retries(program: &[String], demo: &Demo) {
    let plan = json!({
        "key": "paced", "name": "One request in three seconds", "currency": "USD",
        "rate_limit": [{ "id": "requests", "requests": 1, "per_seconds": 3 }],
    });
    demo.admin.post("/plans", plan).await;
    let buyer = demo.admin.buyer("paced", "5.00").await;
    let messages = json!([{ "role": "user", "content": "What is a lighthouse?" }]);
    let body = json!({ "model": "sandbox-small", "messages": messages, "max_tokens": 50 });
    let case = |name: &str| json!({ "name": name, "action": "completion", "key": buyer.key, "body": body });
    let seen = run(program, demo.gateway, &[case("first"), case("second")]).await;
    for seen in &seen {
        assert!(seen["text"].is_string(), "{seen}");
    }
    let calls = until("both are in the log", || async {
        let calls = demo.admin.calls(&buyer).await;
        (calls.iter().filter(|call| call["status"] == 200).count() == 2).then_some(calls)
    })
    .await;
    let refused: Vec<&Value> = calls.iter().filter(|call| call["reason"] == "rate_limited").collect();
    assert_eq!(refused.len(), 1, "sent again only when it helps: {calls:?}");
    // The SDK has waited for as long as Retry-After said, not for its own shorter guess.
    assert!(seen[1]["seconds"].as_f64().is_some_and(|seconds| seconds >= 1.0), "{}", seen[1]);
    let balance = demo.admin.booked(&buyer).await;
    assert!(balance.is_positive());
    assert_eq!(demo.admin.send(Method::GET, "/ledger/check", &Value::Null).await.json()["sound"], true);
}

/// Runs the SDK's program over `cases` and returns what it saw of each.
pub(super) async fn run(program: &[String], gateway: SocketAddr, cases: &[Value]) -> Vec<Value> {
    let (words, url) = (program.to_vec(), format!("http://{gateway}"));
    let input = Value::from(cases).to_string();
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(&words[0]);
        command.arg(&words[1]).arg(url).args(&words[2..]);
        for provider in ["OPENAI", "ANTHROPIC", "GEMINI", "GOOGLE"] {
            command.env_remove(format!("{provider}_BASE_URL")).env_remove(format!("{provider}_API_KEY"));
        }
        command.env_remove("ANTHROPIC_AUTH_TOKEN").env_remove("GOOGLE_GEMINI_BASE_URL").env("NO_PROXY", "127.0.0.1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    let seen: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seen.len(), cases.len(), "{out}{err}");
    seen
}
