//! The official SDKs of Anthropic and Google, and OpenAI's for responses, unmodified: what a program that uses one
//! sees of refusals and of streams that break.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::dialects::{Spoken, breaks_off, site};
use super::harness::{Admin, Buyer};
use super::{install, sdk};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_the_exceptions_of_each_sdk() {
    let site = site();
    let (node, admin) = site.start().await;
    let broke = admin.buyer("generated", "0").await;
    let nobody = "tg_live_0000000000000000_unknown";
    let case = |name: &str, sdk: &str, key: &str, action: &str| json!({ "name": name, "sdk": sdk, "key": key, "action": action });
    let cases = [
        case("nobody", "anthropic", nobody, "whole"),
        case("models", "anthropic", nobody, "models"),
        case("whole", "anthropic", &broke.key, "whole"),
        case("stream", "anthropic", &broke.key, "stream"),
        case("nobody", "google", nobody, "whole"),
        case("whole", "google", &broke.key, "whole"),
        case("stream", "google", &broke.key, "stream"),
    ];
    let seen = seen_by(node.gateway, &cases).await;
    for (case, seen) in cases.iter().zip(&seen) {
        let (status, reason) = match case["key"] == nobody {
            true => (401, "api_key_invalid"),
            false => (402, "insufficient_balance"),
        };
        let (class, kind) = match (case["sdk"].as_str(), status) {
            (Some("anthropic"), 401) => ("AuthenticationError", "authentication_error"),
            (Some("anthropic"), _) => ("PaymentRequiredError", "billing_error"),
            (_, 401) => ("ClientError", "UNAUTHENTICATED"),
            _ => ("ClientError", "RESOURCE_EXHAUSTED"),
        };
        assert_eq!((&seen["error"], &seen["status"]), (&json!(class), &json!(status)), "{case} {seen}");
        assert_eq!((&seen["kind"], &seen["reason"]), (&json!(kind), &json!(reason)), "{case} {seen}");
        let link = if status == 402 { "/top_up" } else { "/create_key" };
        assert!(seen["message"].as_str().unwrap().contains(link), "the link is in the message: {seen}");
        assert_eq!(admin.call(seen["request_id"].as_str().unwrap()).await["reason"], reason);
    }
    assert_eq!(arrived(&admin, &broke, "/v1/messages").await, 2, "a 402 is sent once");
    assert_eq!(arrived(&admin, &broke, "/v1/models/sandbox-small:generateContent").await, 1);
    assert_eq!(arrived(&admin, &broke, "/v1/models/sandbox-small:streamGenerateContent").await, 1);
    assert_eq!(site.sandbox.journal().connections(), 0, "the upstream was never asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_is_an_exception_of_each_sdk() {
    let site = site();
    let upstream = site.played_upstream().await;
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    let case = |sdk: &str| json!({ "name": sdk, "sdk": sdk, "key": buyer.key, "action": "stream" });
    let cases = [case("anthropic"), case("google"), case("openai")];
    let playing = async {
        for spoken in [Spoken::Messages, Spoken::Gemini, Spoken::Responses] {
            breaks_off(&upstream, &spoken.beginning()).await;
        }
    };
    let (seen, ()) = tokio::join!(seen_by(node.gateway, &cases), playing);
    let classes = ["APIStatusError", "ServerError", "APIError"];
    let kinds = ["api_error", "UNAVAILABLE", "server_error"];
    for ((seen, class), kind) in seen.iter().zip(classes).zip(kinds) {
        assert_eq!((&seen["said"], &seen["error"]), (&json!("Hello"), &json!(class)), "{seen}");
        assert_eq!((&seen["kind"], &seen["reason"]), (&json!(kind), &json!("upstream_failed")), "{seen}");
        let logged = admin.call(seen["request_id"].as_str().unwrap()).await;
        assert_eq!(logged["upstream_failed"], true, "{logged}");
    }
    assert_eq!(admin.calls(&buyer).await.len(), 3, "none was sent again");
}

/// How often a customer's requests to `path` have arrived, by the call log.
async fn arrived(admin: &Admin, buyer: &Buyer, path: &str) -> usize {
    admin.calls(buyer).await.iter().filter(|call| call["path"] == path).count()
}

/// Runs the SDKs' program over `cases` and returns what it saw of each.
async fn seen_by(gateway: SocketAddr, cases: &[Value]) -> Vec<Value> {
    let program = tokio::task::spawn_blocking(|| {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sdk");
        let folder = install::from_pip("native-python", &sources.join("requirements-native.txt"));
        [folder.join("bin/python"), sources.join("native_python.py")].map(|path| path.to_string_lossy().into_owned())
    });
    sdk::run(&program.await.unwrap(), gateway, cases).await
}
