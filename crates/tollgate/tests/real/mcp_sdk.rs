//! The official MCP SDKs, unmodified, through the gateway to the reference "everything" server.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::harness::{Process, Site};
use super::install;

/// What is sold of the reference server.
const API: &str = r#"[[api]]
key = "everything"
upstream = { url = "http://127.0.0.1:{port}" }

[[api.route]]
key = "mcp"
path = "/everything"
upstream_path = "/mcp"

[api.route.mcp]
tool = [
    { name = "echo", free = true },
    { name = "get-sum", price = "tool" },
    { name = "trigger-long-running-operation", price = "tool" },
    { name = "get-env", price = "tool", feature = "charts" },
]

# The same plan twice"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mcp_for_python() {
    shows_everything("python").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mcp_for_node() {
    shows_everything("node").await;
}

async fn shows_everything(sdk: &'static str) {
    let (packages, program) = tokio::task::spawn_blocking(move || installed(sdk)).await.unwrap();
    let (_everything, port) = everything(&packages).await;
    let site = Site::new();
    site.replace("# The same plan twice", &API.replace("{port}", &port.to_string()));
    let (node, admin) = site.start().await;
    let (buyer, broke) = (admin.buyer("generated", "1.00").await, admin.buyer("generated", "0").await);
    let url = |path: &str| format!("http://{}{path}", node.gateway);
    let calls = json!([
        ["echo", { "message": "hi" }],
        ["get-sum", { "a": 2, "b": 3 }],
        ["trigger-long-running-operation", { "duration": 1, "steps": 2 }],
        ["get-env", {}],
        ["get-tiny-image", {}],
    ]);
    let (sum, joined) = (json!([["get-sum", { "a": 1, "b": 1 }]]), json!([["north__forecast", { "place": "Bergen" }]]));
    let by_url = json!({ "elicitation": { "url": {} } });
    let seen = run(
        &program,
        &json!([
            { "name": "all", "url": url("/everything"), "key": buyer.key, "calls": calls },
            { "name": "broke", "url": url("/everything"), "key": broke.key, "calls": sum },
            { "name": "by url", "url": url("/everything"), "key": broke.key, "calls": sum, "capabilities": by_url },
            { "name": "nobody", "url": url("/everything"), "key": "tg_test_0000000000000000_mistyped", "calls": [] },
            { "name": "joined", "url": url("/joined"), "key": buyer.key, "calls": joined },
        ]),
    )
    .await;
    let [all, broke_seen, by_url, nobody, joined] = seen.as_slice() else { panic!("{seen:?}") };

    assert_eq!(all["version"], "2025-11-25");
    assert_eq!(all["tools"], json!(["echo", "get-sum", "trigger-long-running-operation"]), "what the plan opens");
    let [echo, sum, long, env, unpriced] = all["calls"].as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!((&echo["text"], &echo["failed"]), (&json!("Echo: hi"), &json!(false)));
    assert!(sum["text"].as_str().is_some_and(|text| text.contains('5')), "{sum}");
    assert_eq!((&long["failed"], &long["progress"]), (&json!(false), &json!(2)), "{long}");
    assert_eq!((&env["failed"], &env["reason"]), (&json!(true), &json!("feature_not_in_plan")), "{env}");
    assert!(env["text"].as_str().is_some_and(|text| text.contains("http")), "the link is in the text: {env}");
    assert_eq!(unpriced["reason"], "model_not_priced", "{unpriced}");

    assert_eq!(broke_seen["calls"][0]["reason"], "insufficient_balance", "{broke_seen}");
    // Python's client cannot declare that it can be sent to a URL without a callback; it reads the text.
    if sdk == "node" {
        let refused = &by_url["calls"][0];
        assert_eq!(refused["error"], "UrlElicitationRequiredError", "{refused}");
        assert!(refused["url"].as_str().is_some_and(|url| url.contains("/r/req_")), "{refused}");
    }
    let refused = &nobody["refused"];
    assert!(refused["text"].as_str().is_some_and(|text| text.contains("API key")), "{refused}");
    assert!(joined["calls"][0]["text"].as_str().is_some_and(|text| text.contains("Bergen")), "{joined}");
    assert!(joined["tools"].as_array().is_some_and(|tools| tools.contains(&json!("south__forecast"))), "{joined}");

    admin.at_rest(&buyer).await;
    assert_eq!(admin.booked(&buyer).await.to_string(), "0.85", "a sum, an operation, a forecast");
    admin.ledger_is_sound().await;
}

/// The folder with the reference server, and how to run the program that uses `sdk`.
fn installed(sdk: &str) -> (PathBuf, Vec<String>) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sdk");
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let packages = install::from_npm("mcp-node", &sources.join("mcp_node/package.json"));
    let program = match sdk {
        "python" => {
            let folder = install::from_pip("mcp-python", &sources.join("requirements-mcp.txt"));
            vec![text(folder.join("bin/python")), text(sources.join("mcp_python.py"))]
        }
        _ => vec!["node".to_owned(), text(sources.join("mcp_node.mjs")), text(packages.clone())],
    };
    (packages, program)
}

/// The reference server on a free port.
async fn everything(packages: &Path) -> (Process, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = packages.join("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
    let mut command = Command::new("node");
    command.arg(script).arg("streamableHttp").env("PORT", port.to_string());
    let mut process = Process::start(&mut command);
    process.logged(0, "listening on port").await;
    (process, port)
}

/// Runs the SDK's program over `cases` and returns what it saw of each.
async fn run(program: &[String], cases: &Value) -> Vec<Value> {
    let (words, input) = (program.to_vec(), cases.to_string());
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("NO_PROXY", "127.0.0.1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {out}{err}"))).collect()
}
