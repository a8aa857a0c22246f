//! What is not as it must be is refused in words, costs nothing and brings nobody down.

use http::Method;
use serde_json::{Value, json};

use super::harness::{Admin, Answer, Buyer, Call, Node, Raw, Site};

/// A Tollgate and somebody who could pay.
struct Scene {
    site: Site,
    node: Node,
    admin: Admin,
    buyer: Buyer,
}

impl Scene {
    async fn open() -> Self {
        let site = Site::new();
        let (node, admin) = site.start().await;
        let buyer = admin.buyer("generated", "5.00").await;
        Self { site, node, admin, buyer }
    }

    /// Nothing was forwarded, nothing was charged, everything still works.
    async fn nothing_happened(mut self) {
        assert_eq!(self.site.sandbox.journal().requests(""), 0, "something has reached the upstream");
        self.admin.at_rest(&self.buyer).await;
        assert_eq!(self.admin.booked(&self.buyer).await.to_string(), "5.00");
        let served = Call::get("/rest/echo").key(&self.buyer.key).send(self.node.gateway).await;
        assert_eq!(served.status, 200, "{}", served.text());
        self.admin.ledger_is_sound().await;
        assert!(self.node.process.is_alive());
        assert!(!self.node.process.log().contains("panicked"), "{}", self.node.process.log());
    }

    async fn chat(&self, body: &str) -> Answer {
        let call = Call::new(Method::POST, "/v1/chat/completions").key(&self.buyer.key);
        call.header("content-type", "application/json").body(body.to_owned()).send(self.node.gateway).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_none() {
    let scene = Scene::open().await;
    let good = scene.buyer.key.clone();
    let other_end = if good.ends_with('0') { "1" } else { "0" };
    let keys = [
        "tg_live_0000000000000000_unknown".to_owned(),
        format!("{}{other_end}", &good[..good.len() - 1]),
        good[..good.len() - 1].to_owned(),
        format!("{good}0"),
        good.to_uppercase(),
        "tg_live_".to_owned(),
        "tg_live__".to_owned(),
        "x".repeat(4_000),
        "' OR 1=1 --".to_owned(),
        "0".to_owned(),
    ];
    for key in keys {
        let answer = Call::get("/rest/echo").key(&key).send(scene.node.gateway).await;
        assert_eq!((answer.status, answer.reason().as_str()), (401, "api_key_invalid"), "{key:?}: {}", answer.text());
    }
    for (name, value) in [("authorization", "Basic dTpw"), ("authorization", "Bearer"), ("authorization", "")] {
        let answer = Call::get("/rest/echo").header(name, value).send(scene.node.gateway).await;
        assert_eq!(answer.status, 401, "{name}: {value:?}: {}", answer.text());
    }
    let twice = Call::get("/rest/echo").key(&good).key(&good).send(scene.node.gateway).await;
    assert_eq!((twice.status, twice.reason().as_str()), (400, "invalid_request"), "{}", twice.text());
    scene.nothing_happened().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_no_model_is_asked_with() {
    let scene = Scene::open().await;
    let with = |members: &str| {
        format!(r#"{{"model":"sandbox-small","messages":[{{"role":"user","content":"Hello"}}]{members}}}"#)
    };
    let bodies = [
        ("", "body"),
        ("{", "body"),
        ("[1]", "body"),
        ("hello", "body"),
        (r#"{"messages":[{"role":"user","content":"Hello"}]}"#, "model"),
        (r#"{"model":5,"messages":[{"role":"user","content":"Hello"}]}"#, "model"),
        (r#"{"model":"sandbox-small","messages":[]}"#, "messages"),
        (r#"{"model":"sandbox-small"}"#, "messages"),
        (r#"{"model":"sandbox-small","model":"sandbox-large","messages":[]}"#, "model"),
        (r#"{"model":"sandbox-small","Model":"sandbox-large","messages":[]}"#, "model"),
        (&with(r#","max_tokens":-1"#), "max_tokens"),
        (&with(r#","max_tokens":0"#), "max_tokens"),
        (&with(r#","max_tokens":1.5"#), "max_tokens"),
        (&with(r#","max_tokens":1e30"#), "max_tokens"),
        (&with(r#","max_tokens":99999999999999999999"#), "max_tokens"),
        (&with(r#","max_tokens":"5""#), "max_tokens"),
        (&with(r#","max_tokens":5,"max_tokens":6"#), "max_tokens"),
        (&with(r#","n":1000"#), "n"),
        (&with(r#","n":-1"#), "n"),
        (&with(r#","n":0"#), "n"),
        (&with(r#","n":2.5"#), "n"),
        (&with(r#","stream":"yes""#), "stream"),
    ];
    for (body, field) in bodies {
        let answer = scene.chat(body).await;
        assert_eq!((answer.status, answer.reason().as_str()), (400, "invalid_request"), "{body}: {}", answer.text());
        let problem = answer.json();
        assert!(says(&problem, field), "{body}: {field} is not named in {problem}");
        assert!(problem["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{problem}");
    }
    // One member is two for whoever reads it with its escapes.
    let doubled = r#"{"model":"sandbox-small","mod\u0065l":"sandbox-large","messages":[]}"#;
    assert_eq!(scene.chat(doubled).await.status, 400);
    let no_json = Call::new(Method::POST, "/v1/chat/completions").key(&scene.buyer.key).body(with(""));
    let no_json = no_json.header("content-type", "text/plain").send(scene.node.gateway).await;
    assert_eq!(no_json.status, 400);
    assert!(says(&no_json.json(), "content-type"), "{}", no_json.text());
    let unknown = scene.chat(&with("").replace("sandbox-small", "gpt-nobody-knows")).await;
    assert_eq!((unknown.status, unknown.reason().as_str()), (503, "model_not_priced"), "{}", unknown.text());
    scene.nothing_happened().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_no_client_sends() {
    let scene = Scene::open().await;
    let key = &scene.buyer.key;
    let head = format!("Host: gateway\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n");
    let requests = [
        (400, format!("POST /rest/echo HTTP/1.1\r\n{head}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde")),
        (400, format!("POST /rest/echo HTTP/1.1\r\n{head}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc")),
        (400, format!("POST /rest/echo HTTP/1.1\r\n{head}Content-Length: 3, 3\r\n\r\nabc")),
        (400, format!("POST /rest/echo HTTP/1.1\r\n{head}Content-Length: -1\r\n\r\n")),
        (
            400,
            format!(
                "POST /rest/echo HTTP/1.1\r\n{head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (400, format!("POST /rest/echo HTTP/1.1\r\n{head}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n")),
        (400, format!("GET /rest/echo HTTP/1.1\r\n{head}Host: other\r\n\r\n")),
        (400, format!("GET /rest/echo HTTP/1.1\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n")),
        (400, format!("GET /rest/../rest/echo HTTP/1.1\r\n{head}\r\n")),
        (400, format!("GET /rest/%2e%2e/echo HTTP/1.1\r\n{head}\r\n")),
        (400, format!("GET /rest//echo HTTP/1.1\r\n{head}\r\n")),
        (400, format!("GET /rest/echo HTTP/1.1\n{}\n", head.replace("\r\n", "\n"))),
        (400, format!("GET /rest/echo HTTP/1.1\r\n{head}Folded: a\r\n b\r\n\r\n")),
        (417, format!("POST /rest/echo HTTP/1.1\r\n{head}Content-Length: 1\r\nExpect: a-miracle\r\n\r\nx")),
        (414, format!("GET /{} HTTP/1.1\r\n{head}\r\n", "a".repeat(9_000))),
        (431, format!("GET /rest/echo HTTP/1.1\r\n{head}Large: {}\r\n\r\n", "x".repeat(1024 * 1024))),
        (431, format!("GET /rest/echo HTTP/1.1\r\n{head}{}\r\n", "A: b\r\n".repeat(500))),
    ];
    for (status, request) in requests {
        let mut raw = Raw::connect(scene.node.gateway).await;
        raw.try_send(&request).await;
        let answer = raw.rest().await;
        let shown: String = request.chars().take(200).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown:?}: {answer}");
        assert!(answer.contains("tollgate-reason: "), "{shown:?}: {answer}");
    }
    scene.nothing_happened().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amounts_and_types_that_an_administrator_did_not_mean() {
    let scene = Scene::open().await;
    let customer = scene.buyer.customer.clone();
    let top_ups = format!("/customers/{customer}/top-ups");
    let grants = format!("/customers/{customer}/grants");
    let wrong = [
        (&*top_ups, json!({ "amount": "-1" }), "amount"),
        (&*top_ups, json!({ "amount": "0" }), "amount"),
        (&*top_ups, json!({ "amount": "0.001" }), "amount"),
        (&*top_ups, json!({ "amount": "1000000.01" }), "amount"),
        (&*top_ups, json!({ "amount": "99999999999999999999" }), "amount"),
        (&*top_ups, json!({ "amount": "1e3" }), "amount"),
        (&*top_ups, json!({ "amount": "1,000" }), "amount"),
        (&*top_ups, json!({ "amount": "NaN" }), "amount"),
        (&*top_ups, json!({ "amount": "" }), "amount"),
        (&*top_ups, json!({ "amount": 5 }), "amount"),
        (&*top_ups, json!({ "amount": 5.5 }), "amount"),
        (&*top_ups, json!({ "amount": null }), "amount"),
        (&*top_ups, json!({ "amount": ["5"] }), "amount"),
        (&*top_ups, json!({}), "amount"),
        (&*top_ups, json!({ "amount": "5", "amuont": "6" }), "amuont"),
        (&*top_ups, json!({ "amount": "5", "expires_at": "2001-01-01T00:00:00Z" }), "expires_at"),
        (&*top_ups, json!({ "amount": "5", "expires_at": "tomorrow" }), "expires_at"),
        (&*top_ups, json!({ "amount": "5", "source": "thin air" }), "source"),
        (&*grants, json!({ "amount": "5", "priority": 256 }), "priority"),
        (&*grants, json!({ "amount": "5", "priority": -1 }), "priority"),
        (&*grants, json!({ "amount": "-0.000000001" }), "amount"),
        ("/customers", json!({ "name": 5 }), "name"),
        ("/customers", json!({ "name": "Acme", "currency": "dollars" }), "currency"),
        ("/customers", json!({ "name": "Acme", "time_zone": "Mars/Olympus" }), "time_zone"),
        ("/customers", json!([]), "body"),
    ];
    for (path, body, field) in wrong {
        let answer = scene.admin.send(Method::POST, path, &body).await;
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["field"], field, "{path} {body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(field)), "{problem}");
    }
    let patches = [
        (json!({ "caps": [{ "amount": "5", "period": "fortnight" }] }), "caps[0].period"),
        (json!({ "caps": [{ "amount": 5, "period": "day" }] }), "caps[0].amount"),
        (json!({ "caps": "none" }), "caps"),
        (json!({ "status": "frozen" }), "status"),
    ];
    for (body, field) in patches {
        let answer = scene.admin.send(Method::PATCH, &format!("/customers/{customer}"), &body).await;
        assert_eq!((answer.status, &answer.json()["field"]), (400, &field.into()), "{body}: {}", answer.text());
    }
    let nobody = scene.admin.send(Method::POST, "/customers/cus_nobody/top-ups", &json!({ "amount": "5" })).await;
    assert_eq!(nobody.status, 400, "{}", nobody.text());
    let nobody = "/customers/cus_00000000000000000000000000/top-ups";
    assert_eq!(scene.admin.send(Method::POST, nobody, &json!({ "amount": "5" })).await.status, 404);
    let stranger = Admin::new(scene.node.control, "not-the-token-of-the-tests");
    assert_eq!(stranger.send(Method::POST, &top_ups, &json!({ "amount": "5" })).await.status, 401);
    scene.nothing_happened().await;
}

/// Whether a problem names `field`, in its member or in its words.
fn says(problem: &Value, field: &str) -> bool {
    problem["field"] == field || problem["detail"].as_str().is_some_and(|detail| detail.contains(field))
}
