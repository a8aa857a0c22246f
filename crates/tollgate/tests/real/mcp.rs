//! Tool servers behind the gateway, on the wire: what is listed, what is charged, what is refused and how.

use http::Method;
use serde_json::{Value, json};
use tollgate_core::money::Nanos;

use super::harness::{Admin, Answer, Buyer, Call, Node, Site, until};

/// A gateway in front of the sandbox's MCP server, and somebody who may use it.
struct Scene {
    site: Site,
    node: Node,
    admin: Admin,
    buyer: Buyer,
}

impl Scene {
    async fn new(plan: &str, credit: &str) -> Self {
        let site = Site::new();
        let (node, admin) = site.start().await;
        let buyer = admin.buyer(plan, credit).await;
        Self { site, node, admin, buyer }
    }

    /// Posts a message as a client would.
    fn post(&self, path: &str, message: &Value) -> Call {
        Call::post(path, message).header("accept", "application/json, text/event-stream").key(&self.buyer.key)
    }

    async fn ask(&self, path: &str, method: &str, params: Value) -> Answer {
        self.post(path, &request(method, params)).send(self.node.gateway).await
    }

    async fn tool(&self, path: &str, name: &str) -> Answer {
        self.ask(path, "tools/call", json!({ "name": name, "arguments": { "text": "hi" } })).await
    }

    /// What the buyer has paid since it had `credit`.
    async fn paid(&self, credit: &str) -> String {
        self.admin.at_rest(&self.buyer).await;
        let left = self.admin.booked(&self.buyer).await;
        credit.parse::<Nanos>().unwrap().saturating_minus(left).to_string()
    }
}

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": "q-1", "method": method, "params": params })
}

fn names(answer: &Answer, member: &str) -> Vec<String> {
    let list = answer.json()["result"][member].as_array().cloned().unwrap_or_else(|| panic!("{}", answer.text()));
    list.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_plan_does_not_open_is_neither_listed_nor_called() {
    let scene = Scene::new("generated", "1.00").await;
    let listed = names(&scene.ask("/mcp", "tools/list", json!({})).await, "tools");
    assert_eq!(listed, ["echo", "forecast", "export", "count", "fail", "cut", "stranger", "garbage"]);
    assert!(names(&scene.ask("/mcp", "prompts/list", json!({})).await, "prompts").is_empty());

    let refused = scene.tool("/mcp", "chart").await;
    assert_eq!((refused.status, refused.reason().as_str()), (200, "feature_not_in_plan"));
    let result = &refused.json()["result"];
    assert_eq!((&refused.json()["id"], &result["isError"]), (&json!("q-1"), &json!(true)));
    assert_eq!(result["_meta"]["tollgate/problem"]["reason"], "feature_not_in_plan");
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("charts") && text.contains("http"), "the model is told, with the link: {text}");
    let call = scene.admin.call(&refused.id()).await;
    assert_eq!(
        (&call["status"], &call["route"], &call["cost"]),
        (&json!(402), &json!("tools.mcp:chart"), &json!("0.00"))
    );
    assert_eq!(scene.site.sandbox.journal().requests_with_id(&refused.id()), 0, "it has not reached the server");

    let nobody_priced = scene.tool("/mcp", "unpriced").await;
    assert_eq!((nobody_priced.status, nobody_priced.reason().as_str()), (200, "model_not_priced"));
    let prompt = scene.ask("/mcp", "prompts/get", json!({ "name": "packing" })).await;
    assert_eq!((prompt.reason().as_str(), &prompt.json()["error"]["code"]), ("feature_not_in_plan", &json!(-32_042)));
    assert_eq!(scene.paid("1.00").await, "0.00");

    let rich = Buyer { ..scene.admin.buyer("charts", "1.00").await };
    let scene = Scene { buyer: rich, ..scene };
    assert!(names(&scene.ask("/mcp", "tools/list", json!({})).await, "tools").contains(&"chart".to_owned()));
    assert!(scene.tool("/mcp", "chart").await.json()["result"]["content"][0]["text"].is_string());
    assert_eq!(scene.paid("1.00").await, "0.05");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_charged_when_its_answer_is_delivered() {
    let scene = Scene::new("generated", "10.00").await;
    let served = scene.tool("/mcp", "forecast").await;
    assert_eq!((served.status, served.cost().to_string().as_str()), (200, "0.05"), "{}", served.text());
    let call = scene.admin.call(&served.id()).await;
    assert_eq!((&call["route"], &call["usage"]["tool_calls"]), (&json!("tools.mcp:forecast"), &json!(1)), "{call}");

    let free = scene.tool("/mcp", "echo").await;
    assert_eq!(free.json()["result"]["content"][0]["text"], "hi");
    let streamed = scene.tool("/mcp", "count").await;
    assert!(streamed.is_whole && streamed.text().contains("three"), "{}", streamed.text());
    assert_eq!(streamed.text().matches("notifications/progress").count(), 2, "{}", streamed.text());
    assert_eq!(scene.paid("10.00").await, "0.10", "the forecast and the count");

    let failed = scene.tool("/mcp", "fail").await;
    assert_eq!((failed.status, &failed.json()["result"]["isError"]), (200, &json!(true)));
    let unknown = scene.ask("/mcp-http", "tools/call", json!({ "name": "nobody" })).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (200, &json!(-32_602)));
    let cut = scene.tool("/mcp", "cut").await;
    assert!(cut.text().contains("upstream_failed") && cut.text().contains("\"id\":\"q-1\""), "{}", cut.text());
    for lie in ["stranger", "garbage"] {
        let answer = scene.tool("/mcp", lie).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["data"]["reason"]),
            (502, &json!("upstream_failed")),
            "{lie}"
        );
        assert_eq!(answer.json()["id"], "q-1");
    }
    assert_eq!(scene.paid("10.00").await, "0.10", "what was not delivered costs nothing");

    let sized = scene.ask("/mcp", "tools/call", json!({ "name": "export", "arguments": { "bytes": 5000 } })).await;
    let expected = Nanos::units(1).get() / 10_000 * i64::try_from(sized.body.len()).unwrap();
    assert_eq!(sized.cost().get(), expected, "by the size of the answer");
    let too_large = scene.ask("/mcp", "tools/call", json!({ "name": "export", "arguments": { "bytes": 50000 } })).await;
    assert_eq!(too_large.status, 502, "larger than was held for");
    scene.admin.ledger_is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_protocol_itself_costs_nothing_and_needs_no_balance() {
    let scene = Scene::new("five", "0").await;
    for method in ["initialize", "ping", "tools/list", "resources/list"] {
        let answer = scene.ask("/mcp", method, json!({})).await;
        assert!(answer.status == 200 && answer.json()["result"].is_object(), "{method}: {}", answer.text());
    }
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(scene.post("/mcp", &told).send(scene.node.gateway).await.status, 202);
    let ended = Call::new(Method::DELETE, "/mcp").key(&scene.buyer.key).send(scene.node.gateway).await;
    assert_eq!(ended.status, 200);
    for _ in 0..6 {
        assert_eq!(scene.tool("/mcp", "echo").await.status, 200);
    }
    let sixth = scene.tool("/mcp", "echo").await;
    assert_eq!(sixth.reason(), "quota_exceeded", "tools count as calls, the protocol does not");
    let unpaid = scene.tool("/mcp-http", "forecast").await;
    assert_eq!((unpaid.status, &unpaid.json()["error"]["data"]["status"]), (402, &json!(402)));
    let nobody = Call::post("/mcp", &request("tools/list", json!({}))).send(scene.node.gateway).await;
    assert_eq!((nobody.status, nobody.reason().as_str()), (401, "api_key_missing"));
    assert_eq!(nobody.json()["error"]["data"]["reason"], "api_key_missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_refused_in_the_form_that_it_declared() {
    let scene = Scene::new("generated", "0").await;
    let begin = async |capabilities: Value| {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {} });
        scene.ask("/joined", "initialize", params).await.header("mcp-session-id")
    };
    let refused = async |session: &str| {
        let call = scene.post("/joined", &request("tools/call", json!({ "name": "north__forecast" })));
        call.header("mcp-session-id", session).send(scene.node.gateway).await
    };
    let plain = refused(&begin(json!({})).await).await;
    assert_eq!((plain.status, &plain.json()["result"]["isError"]), (200, &json!(true)), "{}", plain.text());
    let by_url = refused(&begin(json!({ "elicitation": { "url": {} } })).await).await;
    let error = &by_url.json()["error"];
    assert_eq!(
        (by_url.status, &error["code"], &error["data"]["elicitations"][0]["mode"]),
        (200, &json!(-32_042), &json!("url"))
    );
    let paying = refused(&begin(json!({ "experimental": { "payment": {} } })).await).await;
    assert_eq!(paying.json()["error"]["data"]["problem"]["reason"], "insufficient_balance", "{}", paying.text());

    let theirs = scene.admin.buyer("generated", "0").await;
    let session = begin(json!({ "sampling": {} })).await;
    let call = Call::post("/joined", &request("tools/list", json!({}))).header("mcp-session-id", &session);
    let stranger = call.key(&theirs.key).send(scene.node.gateway).await;
    assert_eq!((stranger.status, &stranger.json()["error"]["code"]), (404, &json!(-32_001)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_servers_answer_as_one() {
    let scene = Scene::new("generated", "1.00").await;
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c" } });
    let begun = scene.ask("/joined", "initialize", params).await;
    let result = &begun.json()["result"];
    assert_eq!((&result["protocolVersion"], &result["serverInfo"]["name"]), (&json!("2025-06-18"), &json!("tools")));
    assert!(result["instructions"].as_str().is_some_and(|text| text.contains("south__")), "{}", begun.text());
    let session = begun.header("mcp-session-id");
    assert!(!session.is_empty() && !session.contains("sandbox"));

    let send = async |method: &str, params: Value| {
        let call = scene.post("/joined", &request(method, params)).header("mcp-session-id", &session);
        call.send(scene.node.gateway).await
    };
    let tools = names(&send("tools/list", json!({})).await, "tools");
    assert!(tools.contains(&"north__chart".to_owned()) && !tools.contains(&"south__chart".to_owned()), "{tools:?}");
    assert_eq!(names(&send("prompts/list", json!({})).await, "prompts"), ["north__packing", "south__packing"]);
    let called = send("tools/call", json!({ "name": "south__forecast", "arguments": { "place": "Bergen" } })).await;
    assert!(called.text().contains("Bergen"), "{}", called.text());
    assert_eq!(called.cost().to_string(), "0.05");
    assert!(send("tools/call", json!({ "name": "north__count" })).await.text().contains("three"));
    let unknown = send("tools/call", json!({ "name": "west__echo" })).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (200, &json!(-32_602)));
    let read = send("resources/read", json!({ "uri": "sandbox://report" })).await;
    assert_eq!(read.json()["result"]["contents"][0]["text"], "{}");
    let missing = send("resources/read", json!({ "uri": "sandbox://other" })).await;
    assert_eq!(missing.json()["error"]["code"], -32_002);
    assert_eq!(send("ping", json!({})).await.json()["result"], json!({}));
    assert_eq!(scene.paid("1.00").await, "0.10", "a forecast and a count");

    let listening = Call::get("/joined").header("accept", "text/event-stream").header("mcp-session-id", &session);
    let mut stream = listening.key(&scene.buyer.key).open(scene.node.gateway).await;
    let mut heard = String::new();
    while heard.matches("list_changed").count() < 2 {
        heard += &String::from_utf8_lossy(&stream.piece().await.unwrap_or_else(|| panic!("it ended: {heard}")));
    }
    let ended = Call::new(Method::DELETE, "/joined").header("mcp-session-id", &session).key(&scene.buyer.key);
    assert_eq!(ended.send(scene.node.gateway).await.status, 204);
    let forged = scene.post("/joined", &request("ping", json!({}))).header("mcp-session-id", "made-up");
    assert_eq!(forged.send(scene.node.gateway).await.status, 404);
    // A stream without end does not keep the gateway from stopping.
    let Scene { node, .. } = scene;
    let ended = node.stop().await;
    assert!(ended.code == Some(0) && !ended.log.contains("grace period ended"), "{}", ended.log);
    drop(stream);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_never_reaches_the_server() {
    let scene = Scene::new("generated", "1.00").await;
    let post = |body: &str| {
        let call = Call::new(Method::POST, "/mcp").header("content-type", "application/json").key(&scene.buyer.key);
        call.body(body.to_owned())
    };
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
    let deep =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let cases = [
        ("a batch", post(&format!("[{call}]")), 400),
        ("half a message", post(&call[..20]), 400),
        ("nothing", post(""), 400),
        ("a name twice", post(&call.replace(r#""name":"echo""#, r#""name":"echo","name":"chart""#)), 400),
        ("a name in another case", post(&call.replace(r#""name""#, r#""Name":"chart","name""#)), 400),
        ("another protocol", post(&call.replace("2.0", "1.0")), 400),
        ("no id", post(&call.replace(r#""id":1"#, r#""id":null"#)), 400),
        ("too deep", post(&deep), 400),
        (
            "another type",
            Call::new(Method::POST, "/mcp").key(&scene.buyer.key).header("content-type", "text/plain").body(call),
            400,
        ),
        ("another method", Call::new(Method::PUT, "/mcp").key(&scene.buyer.key).body(call), 405),
        ("another name in the header", post(call).header("mcp-name", "chart"), 400),
        ("another method in the header", post(call).header("mcp-method", "tools/list"), 400),
        ("too large", post(&call.replace("echo", &"x".repeat(11 * 1024 * 1024))), 413),
    ];
    for (what, call, status) in cases {
        let answer = call.send(scene.node.gateway).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(answer.json()["error"]["code"].is_i64(), "{what}: {}", answer.text());
        assert_eq!(scene.site.sandbox.journal().requests_with_id(&answer.id()), 0, "{what}");
    }
    let unknown = post(call).header("mcp-session-id", "nobody-s").send(scene.node.gateway).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (404, &json!(-32_001)), "the server's own word");
    assert_eq!(scene.paid("1.00").await, "0.00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_has_asked_nevertheless() {
    let scene = Scene::new("generated", "1.00").await;
    let mut open =
        scene.post("/mcp", &request("tools/call", json!({ "name": "count" }))).open(scene.node.gateway).await;
    open.piece().await;
    let id = open.id();
    drop(open);
    let call = scene.admin.call(&id).await;
    assert_eq!(call["cost"], "0.05", "{call}");
    until("it is booked", || async { (scene.paid("1.00").await == "0.05").then_some(()) }).await;
}
