//! What holds in every format: the text, the calls of tools, and what request headers change.

use serde_json::{Value, json};

use super::client::{Answer, started};
use super::format::{ALL, Delivery, Format, Stage};
use crate::sandbox::text;

fn reports_usage(answer: &Answer) -> bool {
    let body = String::from_utf8_lossy(&answer.body);
    ["\"usage\":{", "\"usageMetadata\":{"].iter().any(|member| body.contains(member))
}

#[tokio::test]
async fn the_same_question_gets_the_same_text() {
    let sandbox = started();
    let mut texts = Vec::new();
    for (format, delivery) in ALL {
        let answer = format.ask(&sandbox, delivery, &[]).await;
        texts.push(Format::said(&answer, delivery, &["content", "text", "delta"]));
    }
    assert!(text::token_count(&texts[0]) >= 16, "{}", texts[0]);
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
}

#[tokio::test]
async fn the_first_tool_is_called_and_its_result_answered_with_text() {
    let sandbox = started();
    for (format, delivery) in ALL {
        let body = format.with_tool("sandbox-small", delivery, Stage::Asked);
        let called = format.send(&sandbox, "sandbox-small", delivery, &body, &[]).await;
        let names = ["arguments", "partial_json", "delta", "args"].as_slice();
        let names = if format == Format::Messages && delivery == Delivery::Whole { &["input"] } else { names };
        let arguments: Value = Format::said(&called, delivery, names).parse().unwrap();
        assert!(arguments["place"].is_string(), "{format:?} {delivery:?}: {arguments}");

        let body = format.with_tool("sandbox-small", delivery, Stage::Answered);
        let answered = format.send(&sandbox, "sandbox-small", delivery, &body, &[]).await;
        let said = Format::said(&answered, delivery, &["content", "text", "delta"]);
        assert!(text::token_count(&said) >= 16, "{format:?} {delivery:?}: {said}");
    }
}

#[tokio::test]
async fn a_call_that_does_not_fit_is_not_made() {
    let sandbox = started();
    let mut body = Format::Messages.with_tool("sandbox-small", Delivery::Whole, Stage::Asked);
    body["max_tokens"] = json!(3);
    let answer = Format::Messages.send(&sandbox, "sandbox-small", Delivery::Whole, &body, &[]).await.json();
    assert_eq!((&answer["stop_reason"], &answer["usage"]["output_tokens"]), (&json!("max_tokens"), &json!(3)));
}

#[tokio::test]
async fn headers_shape_every_answer() {
    let sandbox = started();
    for (format, delivery) in ALL {
        let answer = format.ask(&sandbox, delivery, &[("x-sandbox-chunks", "7")]).await;
        let said = Format::said(&answer, delivery, &["content", "text", "delta"]);
        assert_eq!(text::token_count(&said), 7, "{format:?} {delivery:?}: {said}");

        let cut = format.ask(&sandbox, delivery, &[("x-sandbox-chunks", "9"), ("x-sandbox-cut", "4")]).await;
        assert!(cut.status == 200 && cut.broken && !cut.body.is_empty(), "{format:?} {delivery:?}");
        if delivery == Delivery::Streamed {
            let said = Format::said(&cut, delivery, &["content", "text", "delta"]);
            assert_eq!(text::token_count(&said), 4, "{format:?}: {said}");
        }

        let headers = [("x-sandbox-status", "429"), ("x-sandbox-error", "insufficient_quota")];
        let refused = format.ask(&sandbox, delivery, &headers).await;
        assert_eq!(refused.status, 429);
        assert!(refused.json()["error"].to_string().contains("insufficient_quota"), "{format:?}");

        let silent = format.ask(&sandbox, delivery, &[("x-sandbox-usage", "missing")]).await;
        assert!(!reports_usage(&silent), "{format:?} {delivery:?}");
    }
}

#[tokio::test]
async fn every_format_can_fail_in_every_way() {
    let sandbox = started();
    for (format, delivery) in ALL {
        let ask = |model: &'static str| {
            let (body, sandbox) = (format.body(model, delivery), &sandbox);
            async move { format.send(sandbox, model, delivery, &body, &[]).await }
        };
        assert_eq!(ask("sandbox-error-500").await.status, 500);
        let cut = ask("sandbox-cut").await;
        assert!(cut.broken && !cut.body.is_empty(), "{format:?} {delivery:?}");
        let late = ask("sandbox-error-after-200").await;
        let last = if delivery == Delivery::Streamed { late.events().pop().unwrap() } else { late.json() };
        assert!(late.status == 200 && !late.broken, "{format:?} {delivery:?}");
        assert!(last.get("error").is_some() || last["type"] == "error", "{format:?} {delivery:?}: {last}");
        let hidden = ask("sandbox-no-usage").await;
        assert!(!reports_usage(&hidden), "{format:?} {delivery:?}");
        assert!(String::from_utf8_lossy(&ask("sandbox-wrong-usage").await.body).contains("-7"));
    }
}
