//! Requests that end in the middle: what the caller is told, what the log says, and what is owed.

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::harness::{Admin, Buyer, Call, Node, Raw, Site, handshake, until};

/// A Tollgate whose upstream is the test.
struct Scene {
    _site: Site,
    upstream: TcpListener,
    node: Node,
    admin: Admin,
    buyer: Buyer,
}

impl Scene {
    async fn open(plan: &str) -> Self {
        let site = Site::new();
        // One core, so that what has arrived first is seen first.
        site.replace("cores = 2", "cores = 1");
        let upstream = site.played_upstream().await;
        let (node, admin) = site.start().await;
        let buyer = admin.buyer(plan, "5.00").await;
        Self { _site: site, upstream, node, admin, buyer }
    }

    /// A caller who has asked for `/rest/x`, and the connection on which the upstream was asked.
    async fn asked(&self) -> (Raw, Raw) {
        let mut caller = Raw::connect(self.node.gateway).await;
        caller.send(get("/rest/x", &self.buyer.key)).await;
        let mut upstream = Raw::accept(&self.upstream).await;
        upstream.until("\r\n\r\n").await;
        (caller, upstream)
    }

    /// Whoever comes later is served later: what has arrived at the one core by now has been seen by then.
    async fn has_caught_up(&self) {
        let later = Call::get("/tollgate/v1/standing").key(&self.buyer.key).send(self.node.gateway).await;
        assert_eq!(later.status, 200, "{}", later.text());
    }

    /// What the log says about the only request.
    async fn only_call(&self) -> Value {
        only_call(&self.admin, &self.buyer).await
    }

    /// What is left of the five dollars, in the books and in memory.
    async fn is_left(&self, amount: &str) {
        is_left(&self.admin, &self.buyer, amount).await;
    }
}

fn get(path: &str, key: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\r\n")
}

async fn only_call(admin: &Admin, buyer: &Buyer) -> Value {
    until("the request is in the log", || async { admin.calls(buyer).await.pop() }).await
}

async fn is_left(admin: &Admin, buyer: &Buyer, amount: &str) {
    admin.at_rest(buyer).await;
    assert_eq!(admin.booked(buyer).await.to_string(), amount);
    assert_eq!(admin.balance(buyer).await.to_string(), amount);
    admin.ledger_is_sound().await;
}

/// The sandbox as the upstream, with `setting` on the route of all calls.
async fn with_setting(setting: &str) -> (Site, Node, Admin, Buyer) {
    let site = Site::new();
    site.replace("path = \"/rest/{rest...}\"", &format!("path = \"/rest/{{rest...}}\"\n{setting}"));
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    (site, node, admin, buyer)
}

/// An upstream's version of HTTP is about its own connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_of_http_1_0_is_answered_for_in_the_callers_version() {
    let played = Scene::open("generated").await;
    let (mut caller, mut upstream) = played.asked().await;
    upstream.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let head = caller.until("\r\n\r\n").await.to_lowercase();
    assert!(head.starts_with("http/1.1 200 ") && !head.contains("connection: close"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_never_answers_is_given_up_and_costs_nothing() {
    let (site, node, admin, buyer) = with_setting("timeout_ms = 300").await;
    let answer = Call::get("/rest/hang").key(&buyer.key).send(node.gateway).await;
    assert_eq!((answer.status, answer.reason().as_str()), (504, "upstream_timeout"), "{}", answer.text());
    assert_eq!(site.sandbox.journal().requests("/rest/hang"), 1);
    let logged = admin.call(&answer.id()).await;
    assert_eq!((&logged["status"], &logged["cost"]), (&json!(504), &json!("0.00")), "{logged}");
    is_left(&admin, &buyer, "5.00").await;
}

/// Nobody has said how large it would become.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_becomes_too_large_is_refused_as_such_and_costs_nothing() {
    let (_site, node, admin, buyer) = with_setting("request_bytes_max = 1000").await;
    let mut raw = Raw::connect(node.gateway).await;
    let head = format!(
        "POST /rest/hang HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n",
        buyer.key
    );
    raw.send(head).await;
    raw.send(format!("3e8\r\n{}\r\n", "x".repeat(1_000))).await;
    raw.send("1\r\nx\r\n").await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("1000 bytes"), "{answer}");
    let logged = only_call(&admin, &buyer).await;
    assert_eq!((&logged["status"], &logged["reason"]), (&json!(413), &json!("request_too_large")), "{logged}");
    is_left(&admin, &buyer, "5.00").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_its_caller_breaks_off_costs_nothing() {
    let (site, node, admin, buyer) = with_setting("request_bytes_max = 1000").await;
    let mut raw = Raw::connect(node.gateway).await;
    let head = "POST /rest/hang HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000\r\n";
    raw.send(format!("{head}Authorization: Bearer {}\r\n\r\nhalf", buyer.key)).await;
    until("it was forwarded", || async { (site.sandbox.journal().requests("/rest/hang") == 1).then_some(()) }).await;
    drop(raw);
    let logged = only_call(&admin, &buyer).await;
    assert_eq!((&logged["status"], &logged["reason"]), (&json!(499), &json!("caller_left")), "{logged}");
    is_left(&admin, &buyer, "5.00").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_breaks_off_is_owed_for_what_it_has_delivered() {
    for (body, cost, left) in [("", "0.00", "5.00"), ("1\r\nx\r\n", "0.01", "4.99")] {
        let scene = Scene::open("generated").await;
        let (mut caller, mut upstream) = scene.asked().await;
        upstream.send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).await;
        drop(upstream);
        let answer = caller.rest().await;
        assert!(!answer.ends_with("0\r\n\r\n"), "nobody takes it for whole: {answer}");
        let logged = scene.only_call().await;
        assert_eq!((&logged["cost"], &logged["upstream_failed"]), (&json!(cost), &json!(true)), "{logged}");
        scene.is_left(left).await;
    }
}

/// What the upstream sends of its own accord is taken out, so its length is not the caller's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_whose_length_is_declared_is_metered_and_whole() {
    let scene = Scene::open("generated").await;
    let body = json!({ "model": "sandbox-small", "messages": [{ "role": "user", "content": "Hi" }], "stream": true });
    let call = Call::post("/v1/chat/completions", &body).key(&scene.buyer.key);
    let answering = async {
        let mut upstream = Raw::accept(&scene.upstream).await;
        upstream.until("\r\n\r\n").await;
        let chunk = |choices: Value, usage: Value| {
            format!("data: {}\n\n", json!({ "id": "c", "choices": choices, "usage": usage }))
        };
        let usage = json!({ "prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10 });
        let said =
            json!([{ "index": 0, "delta": { "role": "assistant", "content": "Hello" }, "finish_reason": "stop" }]);
        let events = [chunk(said, Value::Null), chunk(json!([]), usage), "data: [DONE]\n\n".to_owned()].concat();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: ";
        upstream.send(format!("{head}{}\r\n\r\n{events}", events.len())).await;
        upstream
    };
    let (answer, _upstream) = tokio::join!(call.send(scene.node.gateway), answering);
    assert!(answer.is_whole && answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    assert!(answer.text().contains("Hello") && !answer.text().contains("prompt_tokens"), "{}", answer.text());
    let logged = scene.only_call().await;
    assert_eq!(
        (&logged["usage_source"], &logged["usage"]["input_tokens"]),
        (&json!("reported"), &json!(9)),
        "{logged}"
    );
}

/// A short answer, half of which has come when its caller leaves.
async fn left_half_way(plan: &str) -> (Scene, Raw) {
    let scene = Scene::open(plan).await;
    let (caller, mut upstream) = scene.asked().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha").await;
    scene.has_caught_up().await;
    drop(caller);
    scene.has_caught_up().await;
    (scene, upstream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_before_a_whole_answer_owes_it_if_the_plan_says_so() {
    let (scene, mut upstream) = left_half_way("generated").await;
    upstream.send("lf").await;
    let logged = scene.only_call().await;
    assert_eq!((&logged["status"], &logged["cost"]), (&json!(200), &json!("0.01")), "{logged}");
    assert_eq!((&logged["bytes_out"], &logged["caller_left"]), (&json!(4), &json!(true)), "{logged}");
    scene.is_left("4.99").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_before_a_whole_answer_owes_nothing_if_only_what_is_received_counts() {
    let (scene, _upstream) = left_half_way("received").await;
    let logged = scene.only_call().await;
    assert_eq!((&logged["status"], &logged["reason"]), (&json!(499), &json!("caller_left")), "{logged}");
    scene.is_left("5.00").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_nobody_reads_is_read_on_for_as_much_as_was_held() {
    let (_site, node, admin, buyer) = with_setting("response_bytes_max = 3000").await;
    let mut open = Call::get("/rest/stream/1000000/10").key(&buyer.key).open(node.gateway).await;
    assert!(open.piece().await.is_some());
    drop(open);
    let logged = only_call(&admin, &buyer).await;
    assert_eq!((&logged["cost"], &logged["caller_left"]), (&json!("0.01"), &json!(true)), "{logged}");
    assert!(logged["bytes_out"].as_u64().is_some_and(|bytes| (3_000..4_000).contains(&bytes)), "{logged}");
    is_left(&admin, &buyer, "4.99").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_lasts_as_long_as_its_route_allows() {
    let site = Site::new();
    site.replace("websocket = true", "websocket = true\ntimeout_ms = 300");
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    let mut raw = Raw::connect(node.gateway).await;
    raw.send(handshake(&buyer.key)).await;
    let all = raw.rest().await;
    assert!(all.starts_with("HTTP/1.1 101 "), "{all}");
    let logged = only_call(&admin, &buyer).await;
    assert_eq!((&logged["status"], &logged["cost"]), (&json!(101), &json!("0.01")), "{logged}");
    is_left(&admin, &buyer, "4.99").await;
}
