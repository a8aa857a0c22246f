//! How requests are judged: as often as needed, as if once; and what a key may ask about itself.

use http::Method;
use serde_json::{Value, json};

use super::harness::{Admin, Answer, Buyer, Call, Node, Site};

async fn with(tables: &str) -> (Site, Node, Admin) {
    let site = Site::new();
    site.add(tables);
    let (node, admin) = site.start().await;
    (site, node, admin)
}

async fn chat(node: &Node, buyer: &Buyer, model: &str, prompt: &str) -> Answer {
    let messages = json!([{ "role": "user", "content": prompt }]);
    let body = json!({ "model": model, "messages": messages, "max_tokens": 16 });
    Call::post("/v1/chat/completions", &body).key(&buyer.key).send(node.gateway).await
}

/// A prompt that is paid for only if its tokens are counted is judged twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_judged_twice_counts_once_for_fraud_rules() {
    let plan = "[[plan]]\nkey = \"watched\"\nname = \"Watched\"\ncurrency = \"USD\"\nfraud = { requests_max = 2 }";
    let (_site, node, admin) = with(plan).await;
    let buyer = admin.buyer("watched", "0").await;
    // 4,600 bytes at 150 nanos would cost 0.00069; they are less than 1,900 tokens.
    let prompt = "tell me about harbours. ".repeat(192);
    let grants = format!("/customers/{}/grants", buyer.customer);
    let mut reasons = Vec::new();
    for _ in 0..3 {
        admin.post(&grants, json!({ "amount": "0.0003" })).await;
        let answer = chat(&node, &buyer, "sandbox-small", &prompt).await;
        reasons.push((answer.status, answer.reason()));
    }
    let served = (200, String::new());
    assert_eq!(reasons, [served.clone(), served, (402, "account_under_review".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cheaper_model_is_not_replaced_by_one_that_is_cheaper_still() {
    let plan = r#"
        [[plan]]
        key = "soft"
        name = "Soft"
        currency = "USD"

        [[plan.quota]]
        id = "calls"
        meter = "calls"
        limit = 1
        past = "degrade"
        degrade = { models = { sandbox-large = "sandbox-small", sandbox-small = "sandbox-echo" } }
    "#;
    let (_site, node, admin) = with(plan).await;
    let buyer = admin.buyer("soft", "5.00").await;
    let served: Vec<_> = [
        chat(&node, &buyer, "sandbox-large", "Hi").await,
        chat(&node, &buyer, "sandbox-large", "Hi").await,
        chat(&node, &buyer, "sandbox-small", "Hi").await,
    ]
    .iter()
    .map(|answer| (answer.status, answer.header("tollgate-degraded"), answer.json()["model"].to_string()))
    .collect();
    let by = |model: &str| format!("\"{model}\"");
    assert_eq!(served[0], (200, String::new(), by("sandbox-large")));
    assert_eq!(served[1], (200, "model=sandbox-small".to_owned(), by("sandbox-small")));
    assert_eq!(served[2], (200, "model=sandbox-echo".to_owned(), by("sandbox-echo")));
}

/// A customer whose change cannot be read back is kept, because what runs holds its money, and is not used
/// before it was read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_who_cannot_be_read_keeps_what_is_held() {
    let (_site, node, admin) = with("[sandbox]\nenabled = true").await;
    let buyer = admin.buyer("received", "5.00").await;
    let mut running = Call::get("/rest/stream/1000000/20").key(&buyer.key).open(node.gateway).await;
    assert!(running.piece().await.is_some());
    let (customer, call) = (format!("/customers/{}", buyer.customer), Call::get("/rest/echo").key(&buyer.key));

    admin.patch(&customer, json!({ "simulated_fault": "store_unavailable" })).await;
    let refused = call.send(node.gateway).await;
    assert_eq!((refused.status, refused.reason().as_str()), (503, "billing_unavailable"), "{}", refused.text());

    admin.patch(&customer, json!({ "simulated_fault": null })).await;
    assert_eq!(call.send(node.gateway).await.status, 200);
    assert_eq!(admin.standing(&buyer).await["balance"]["reserved"], "0.01", "what runs is still held");
    drop(running);
    admin.at_rest(&buyer).await;
    assert_eq!(admin.booked(&buyer).await.to_string(), "4.98");
    assert_eq!(admin.balance(&buyer).await.to_string(), "4.98");
    admin.ledger_is_sound().await;
}

/// A key of the same customer with a policy.
async fn key_with(admin: &Admin, buyer: &Buyer, policy: Value) -> String {
    let keys = admin.get(&format!("/customers/{}/keys", buyer.customer)).await;
    let application = keys["data"][0]["application"].as_str().unwrap();
    let new = json!({ "name": "bound", "policy": policy });
    let created = admin.post(&format!("/applications/{application}/keys"), new).await;
    created["text"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_bound_to_a_place_asks_nothing_from_elsewhere() {
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    let id = Call::get("/rest/echo").key(&buyer.key).send(node.gateway).await.id();
    let own = [
        (Method::GET, "/tollgate/v1/standing".to_owned()),
        (Method::GET, "/tollgate/v1/usage".to_owned()),
        (Method::POST, "/tollgate/v1/estimate".to_owned()),
        (Method::GET, format!("/tollgate/v1/requests/{id}")),
    ];
    let ask = |method: &Method, path: &str, key: &str| {
        Call::new(method.clone(), path).key(key).body(json!({ "route": "rest.calls" }).to_string())
    };
    let elsewhere = key_with(&admin, &buyer, json!({ "networks": ["192.0.2.0/24"] })).await;
    let on_a_page = key_with(&admin, &buyer, json!({ "origins": ["https://app.example.com"] })).await;
    for (method, path) in &own {
        for key in [&elsewhere, &on_a_page] {
            let refused = ask(method, path, key).send(node.gateway).await;
            assert_eq!((refused.status, refused.reason().as_str()), (403, "origin_not_allowed"), "{path}");
        }
        let page = ask(method, path, &on_a_page).header("origin", "https://app.example.com");
        let answer = page.send(node.gateway).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_gives_reasons_only_shows_no_figure_anywhere() {
    let tables = r#"
        [[plan]]
        key = "quiet"
        name = "Quiet"
        currency = "USD"
        disclosure = "reason_only"

        [[plan.quota]]
        id = "calls-month"
        meter = "calls"
        limit = 1
        period = "month"

        [[add_on]]
        key = "more"
        name = "More"
        currency = "USD"
        price = "5.00"
        quotas = { calls-month = 10000 }
    "#;
    let (_site, node, admin) = with(tables).await;
    let buyer = admin.buyer("quiet", "5.00").await;
    let call = Call::get("/rest/echo").key(&buyer.key);
    let served = call.send(node.gateway).await;
    assert_eq!(served.status, 200, "{}", served.text());
    for name in ["tollgate-cost", "tollgate-balance", "ratelimit", "ratelimit-policy"] {
        assert_eq!(served.header(name), "", "{name}");
    }
    let refused = call.send(node.gateway).await;
    assert_eq!((refused.status, refused.reason().as_str()), (402, "quota_exceeded"), "{}", refused.text());
    let plan = &refused.json()["plan"];
    let offers = [plan["allows"].as_array().unwrap(), plan["addons"].as_array().unwrap()].map(Clone::clone).concat();
    assert!(offers.len() > 3, "{plan}");
    for offer in offers {
        assert!(offer.get("price").is_none() && offer.get("limit").is_none(), "{offer}");
    }
    assert!(!refused.text().contains("5.00"), "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_estimate_is_what_a_request_can_cost_at_most() {
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    let estimate =
        async |key: &str, body: &Value| Call::post("/tollgate/v1/estimate", body).key(key).send(node.gateway).await;
    let call = estimate(&buyer.key, &json!({ "route": "rest.calls" })).await.json();
    assert_eq!(call["cost_at_most"], json!({ "amount": "0.01", "currency": "USD" }));
    let at_most = json!({ "calls": 1, "bytes_out": 100 * 1024 * 1024, "compute_ms": 60_000 });
    assert_eq!(call["usage_at_most"], at_most, "as a real request without a body is held for");

    let messages = json!([{ "role": "user", "content": "tell me about harbours. ".repeat(192) }]);
    let body = |model: &str| json!({ "model": model, "messages": messages, "n": 2, "max_tokens": 30 });
    let asked = estimate(&buyer.key, &body("sandbox-small")).await.json();
    let tokens = |meter: &str| i64::try_from(asked["usage_at_most"][meter].as_u64().unwrap()).unwrap();
    let (input, output) = (tokens("input_tokens"), tokens("output_tokens"));
    assert!((900..4_600).contains(&input), "its tokens are counted: {asked}");
    assert_eq!(output, 60, "two answers");
    let cost = tollgate_core::money::Nanos::new(input * 150 + output * 600);
    assert_eq!(asked["cost_at_most"]["amount"], cost.to_string(), "{asked}");

    let unpriced = estimate(&buyer.key, &body("sandbox-reasoning")).await;
    assert_eq!((unpriced.status, unpriced.reason().as_str()), (503, "model_not_priced"), "{}", unpriced.text());
    let bound = key_with(&admin, &buyer, json!({ "models": ["sandbox-large"] })).await;
    let refused = estimate(&bound, &body("sandbox-small")).await;
    assert_eq!((refused.status, refused.reason().as_str()), (403, "scope_missing"), "{}", refused.text());
    assert_eq!(site.sandbox.journal().requests(""), 0, "nothing is forwarded");
}

/// Of a limit that each key has for itself there is no one figure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_limit_is_said_if_it_is_shared() {
    let plan = r#"
        [[plan]]
        key = "paced"
        name = "Paced"
        currency = "USD"

        [[plan.rate_limit]]
        id = "all"
        requests = 100

        [[plan.rate_limit]]
        id = "each"
        requests = 50
        per = "key"
    "#;
    let (_site, node, admin) = with(plan).await;
    let buyer = admin.buyer("paced", "5.00").await;
    let standing = Call::get("/tollgate/v1/standing").key(&buyer.key).send(node.gateway).await.json();
    let limits: Vec<_> =
        standing["rate_limits"].as_array().unwrap().iter().map(|l| (&l["id"], &l["per"], &l["remaining"])).collect();
    assert_eq!(
        limits,
        [(&json!("all"), &json!("customer"), &json!(100)), (&json!("each"), &json!("key"), &json!(null))]
    );
}
