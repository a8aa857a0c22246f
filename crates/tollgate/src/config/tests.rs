//! Mistakes in a configuration, and the words for them.

use std::collections::HashMap;

use super::*;

fn environment() -> HashMap<String, String> {
    HashMap::from([("KEY".to_owned(), "sk-1".to_owned()), ("DB".to_owned(), "sqlite:x.db".to_owned())])
}

fn mistakes(text: &str) -> Vec<String> {
    match Config::parse("tollgate.toml", text, &environment()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn an_empty_file_is_a_configuration() {
    let config = Config::parse("t", "", &environment()).unwrap();
    assert_eq!(config.gateway.address.port(), 4_020);
    assert_eq!(config.control_url(config.control.address), "http://127.0.0.1:4021");
}

#[test]
fn values_come_from_the_environment() {
    let text = "[store]\nurl = \"${DB}\"\n[[api]]\nkey = \"llm\"\nupstream = { url = \"https://x.test\", headers = { authorization = \"Bearer ${KEY}\" } }\nroute = [{ key = \"r\", path = \"/r\", free = true }]\n";
    let config = Config::parse("t", text, &environment()).unwrap();
    assert_eq!(config.store.url, "sqlite:x.db");
    assert_eq!(config.secrets["KEY"], "sk-1");
    assert!(
        config.declared.apis[0].upstream.first().headers["authorization"].contains("${KEY}"),
        "the secret is not stored"
    );
    assert_eq!(
        mistakes("\n[store]\nurl = \"${NOPE}\""),
        ["tollgate.toml:3: store.url: expected the environment variable NOPE to be set"]
    );
}

#[test]
fn a_typo_is_named_with_its_line() {
    let found = mistakes("[gateway]\naddress = \"127.0.0.1:1\"\nadress = \"x\"\n");
    assert!(found[0].starts_with("tollgate.toml:3: unknown field `adress`, expected one of"), "{found:?}");
    let found = mistakes("[gatway]\n");
    assert!(found[0].contains("gatway"), "{found:?}");
    let found = mistakes("[gateway\n");
    assert!(found[0].starts_with("tollgate.toml:1: "), "{found:?}");
    let found = mistakes("[gateway]\naddress = \"nowhere\"\n");
    assert!(found[0].starts_with("tollgate.toml:2: "), "{found:?}");
}

#[test]
fn definitions_are_checked_all_at_once() {
    let text = r#"
[[price]]
key = "search"
per_call = "-1"

[[plan]]
key = "starter"
name = "Starter"
currency = "USD"
period = "fortnight"

[[plan]]
key = "starter"
name = "Again"
currency = "USD"

[[plan.quota]]
id = "calls"
meter = "calls"
limit = 10
allowance = 5
"#;
    assert_eq!(
        mistakes(text),
        [
            "tollgate.toml:2: price search: per_call: expected an amount of 0 or more",
            "tollgate.toml:6: plan starter: period: expected day, week, month, year, or a number of them such as `3 months`",
            "tollgate.toml:12: plan starter: quota[0].allowance: expected nothing, unless `past` asks for it",
            "tollgate.toml:12: plan starter: expected a key that occurs once",
        ]
    );
}

#[test]
fn own_texts_are_checked_where_they_stand() {
    let text = "\n[[refusal_text]]\nreason = \"poverty\"\n\n[[refusal_text]]\nreason = \"quota_exceeded\"\ndetail = \"{{ quota\"\n";
    let found = mistakes(text);
    assert_eq!(found[0], "tollgate.toml:2: refusal_text: expected a reason of the catalogue, and \"poverty\" is none");
    assert!(
        found[1].starts_with("tollgate.toml:5: refusal_text: expected a template for detail of quota_exceeded: "),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_price_by_hand_wins_over_the_shipped_one_and_stays_as_it_is() {
    // `gpt-4o-mini` has a row of its own, `gpt-4o-2024-08-06` is another name of one in the shipped book.
    let text = r#"
price_book = "shipped"

[[model_price]]
provider = "openai"
model = "gpt-4o-mini"
usd_per_million_input_tokens = "7"
usd_per_million_output_tokens = "8"

[[model_price]]
provider = "openai"
model = "my-own"
aliases = ["gpt-4o-2024-08-06"]
usd_per_million_input_tokens = "9"
usd_per_million_output_tokens = "9"
"#;
    let config = Config::parse("t", text, &environment()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = tollgate_store::Store::open(tollgate_store::Options {
        url: format!("sqlite:{}", folder.path().join("t.db").display()),
        clock: std::sync::Arc::new(crate::system::SystemClock::default()),
        ids: std::sync::Arc::new(crate::system::RandomIds),
    })
    .await
    .unwrap();
    for _ in 0..3 {
        config.declared.publish(&store).await.unwrap();
    }
    let changes = store.audit(Some("price_book"), None, 10).await.unwrap();
    assert_eq!(changes.len(), 1, "a restart changes nothing: {changes:?}");
    let rows = store.model_prices().await.unwrap();
    let book = tollgate_meter::price_book::PriceBook::from_rows(rows.iter().map(|(_, row)| &row.0)).unwrap();
    assert_eq!(&*book.get("openai", "gpt-4o-mini").unwrap().source, "configuration");
    assert_eq!(&*book.get("openai", "gpt-4o-2024-08-06").unwrap().model, "my-own");
}

#[test]
fn money_is_text_and_never_a_floating_point_number() {
    let found = mistakes("[[price]]\nkey = \"search\"\nper_call = 0.1\n");
    assert!(found[0].contains("a text in quotes"), "{found:?}");
    let found =
        mistakes("[[model_price]]\nprovider = \"p\"\nmodel = \"m\"\nusd_per_million_input_tokens = \"0.0000001\"\n");
    assert!(found[0].contains("at most 6 decimal places"), "{found:?}");
    let found = mistakes("[[model_price]]\nprovider = \"p\"\nmodel = \"m\"\n");
    assert!(found[0].contains("or `free = true`"), "{found:?}");
}

#[test]
fn addresses_that_cannot_work_are_named() {
    let found = mistakes("[store]\nurl = \"tollgate.db\"\n");
    assert!(found[0].contains("store.url: expected sqlite:PATH"), "{found:?}");
    let found = mistakes("[gateway]\naddress = \"127.0.0.1:5020\"\n[control]\naddress = \"127.0.0.1:5020\"\n");
    assert!(found[0].contains("another address than gateway.address"), "{found:?}");
}
