//! Every 402 is ended by the first page that it links to, by its victim alone.

use http::Method;
use serde_json::Value;

use super::harness::{Call, Demo, Scenario};

/// A customer can have several problems; each of them is ended by its own page.
const PROBLEMS_MAX: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_link_of_every_402_ends_it_and_the_same_request_is_served() {
    let demo = Demo::start().await;
    for scenario in demo.scenarios.iter().filter(|scenario| scenario.status == 402) {
        let mut ended = Vec::new();
        loop {
            let answer = scenario.send(demo.gateway).await;
            if answer.status == 200 {
                break;
            }
            let problem = answer.json();
            let reason = answer.reason();
            assert_eq!(answer.status, 402, "{}, after {ended:?}: {problem}", scenario.reason);
            assert!(!ended.contains(&reason), "{}: {reason} came back: {problem}", scenario.reason);
            assert!(ended.len() < PROBLEMS_MAX, "{}: {ended:?}", scenario.reason);
            end(&demo, scenario, &problem).await;
            ended.push(reason);
        }
        assert_eq!(ended.first(), Some(&scenario.reason));
    }
    demo.admin.ledger_is_sound().await;
}

/// Opens the page of the first action that has one and sends its form, as it is filled in.
async fn end(demo: &Demo, scenario: &Scenario, problem: &Value) {
    let actions = problem["actions"].as_array().unwrap();
    let url = actions.iter().find_map(|action| action["url"].as_str()).unwrap();
    let path = url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap();
    let page = Call::get(&path).header("accept", "application/json").send(demo.admin.address()).await;
    let sheet = page.json();
    assert_eq!(page.status, 200, "{}, {path}: {sheet}", scenario.reason);
    let form = Call::new(Method::POST, &path)
        .header("accept", "application/json")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(filled_in(&sheet));
    let done = form.send(demo.admin.address()).await;
    assert_eq!(done.status, 200, "{}, {path}: {}", scenario.reason, done.text());
    // Sent twice, as by an impatient person: it happens once, and the answer is the same.
    let again = form.send(demo.admin.address()).await;
    assert_eq!((again.status, again.text()), (done.status, done.text()), "{}, {path}", scenario.reason);
}

/// The form as a browser sends it when nothing is changed but the card, which is the one that pays.
fn filled_in(sheet: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut fields = vec![("token".to_owned(), text(&sheet["token"]))];
    for field in sheet["fields"].as_array().into_iter().flatten() {
        let value = match field["options"].as_array() {
            Some(options) => {
                let chosen = options.iter().find(|option| option["chosen"] == true).or(options.first());
                text(&chosen.unwrap_or_else(|| panic!("nothing to choose: {field}"))["value"])
            }
            None => text(&field["value"]),
        };
        fields.push((text(&field["name"]), value));
    }
    if sheet["payment"].is_object() {
        let card = ["pay_with", "card_number", "card_expires"];
        fields
            .extend(card.map(str::to_owned).into_iter().zip(["card", "4242424242424242", "12/34"].map(str::to_owned)));
    }
    let encoded: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    encoded.join("&")
}

/// Percent-encoding of everything that is not plain.
fn encode(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
