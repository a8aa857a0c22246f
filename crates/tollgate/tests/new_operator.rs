//! What a new operator does on the first day, with the binary: init, check, serve, sell, look after it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in what it shares with others")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_tollgate");

/// A running Tollgate with the configuration of `init`, in a folder of its own.
struct Node {
    process: Child,
    folder: TempDir,
    gateway: String,
    control: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn tollgate(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(folder.path());
    for name in ["TOLLGATE_URL", "TOLLGATE_ADMIN_TOKEN", "TOLLGATE_API_KEY", "TOLLGATE_CONFIG", "TOLLGATE_LOG"] {
        command.env_remove(name);
    }
    command
}

/// What `args` print, which must succeed.
fn done(folder: &TempDir, args: &[&str]) -> String {
    let output = tollgate(folder, args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

impl Node {
    /// Serves in front of `upstream`.
    fn start(upstream: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let told = done(&folder, &["init"]);
        assert!(told.contains("tollgate check"), "{told}");
        assert!(done(&folder, &["check"]).starts_with("tollgate.toml is good."));
        let path = folder.path().join("tollgate.toml");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace(":4020", ":0").replace(":4021", ":0").replace("http://127.0.0.1:8000", upstream);
        fs::write(&path, text).unwrap();
        let mut serve = tollgate(&folder, &["serve"]);
        let mut process = serve.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let line = log.find(|line| line.contains("Tollgate serves")).expect("it serves");
        std::thread::spawn(move || log.for_each(drop));
        let field = |name: &str| {
            let value = line.split(name).nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
            format!("http://{value}")
        };
        Self { process, folder, gateway: field(" address="), control: field(" control=") }
    }

    fn run(&self, args: &[&str]) -> Output {
        tollgate(&self.folder, args).env("TOLLGATE_URL", &self.control).output().unwrap()
    }

    /// What `args` print, which must succeed.
    fn told(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with `--json`.
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.told(&[args, &["--json"]].concat())).unwrap()
    }

    /// How `args` fail: with which exit code and sentence.
    fn refused(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.run(args);
        (output.status.code(), String::from_utf8(output.stderr).unwrap().trim().to_owned())
    }
}

async fn upstream() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().fallback(async || "served");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// The status of a request with `key`, and its id.
async fn call(node: &Node, path: &str, key: &str) -> (u16, String) {
    let request = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("{}{path}", node.gateway));
    let answer = request.bearer_auth(key).send().await.unwrap();
    (answer.status().as_u16(), answer.headers()["x-request-id"].to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_paid_request() {
    let node = Node::start(&upstream().await);
    let customer = node.json(&["customer", "create", "Acme", "--email", "billing@acme.example"]);
    let customer = customer["id"].as_str().unwrap();
    let application = node.json(&["application", "create", customer, "website"]);
    let application = application["id"].as_str().unwrap();
    let key = node.json(&["key", "create", application, "production"]);
    let (key, text) = (key["key"]["id"].as_str().unwrap(), key["text"].as_str().unwrap());
    let listed = node.told(&["key", "list", customer]);
    assert!(listed.contains(key) && !listed.contains(text), "{listed}");

    let (status, request) = call(&node, "/v1/hello", text).await;
    assert_eq!(status, 402);
    let explained = node.told(&["request", "show", &request]);
    assert!(explained.contains("subscription_required") && explained.contains("What ends it:"), "{explained}");
    node.told(&["subscribe", customer, "payg"]);
    node.told(&["top-up", customer, "25.00", "--reference", "bank transfer 17"]);
    let (status, request) = call(&node, "/v1/hello", text).await;
    assert_eq!(status, 200);

    assert_eq!(node.json(&["customer", "standing", customer])["balance"]["available"], "24.999");
    let seen = node.told(&["request", "show", &request]);
    assert!(seen.contains("rest.calls") && seen.contains("0.001"), "{seen}");
    assert!(node.told(&["usage", customer]).contains("rest.calls"));
    assert!(node.told(&["audit", "--subject", customer]).contains("customer.create"));
    let sound = node.json(&["ledger", "verify"]);
    assert_eq!(sound["sound"], true);
    assert!(sound["report"]["transfers"].as_i64().unwrap() >= 2, "{sound}");

    // Once is once.
    let first = node.json(&["grant", customer, "1.00", "--idempotency-key", "welcome-1"]);
    let again = node.json(&["grant", customer, "1.00", "--idempotency-key", "welcome-1"]);
    assert_eq!(first["id"], again["id"]);

    node.told(&["key", "revoke", key]);
    assert_eq!(call(&node, "/v1/hello", text).await.0, 401);
    assert!(node.told(&["customer", "close", customer]).contains("closed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_answered_with_the_field_and_an_exit_code() {
    let node = Node::start("http://127.0.0.1:9");
    let customer = node.json(&["customer", "create", "Acme"]);
    let customer = customer["id"].as_str().unwrap();

    let nobody = "cus_00000000000000000000000001";
    let (code, text) = node.refused(&["customer", "show", nobody]);
    assert_eq!((code, text.as_str()), (Some(1), &*format!("error: there is no customer {nobody}")));
    let (code, text) = node.refused(&["customer", "show", "../plans"]);
    assert_eq!(code, Some(1));
    assert!(text.starts_with("error: customer: expected"), "{text}");
    for amount in ["-5", "0", "1e9", "99999999999999", "0.001", "much"] {
        let (code, text) = node.refused(&["top-up", customer, amount]);
        assert_eq!(code, Some(1), "{amount}: {text}");
        assert!(text.starts_with("error: amount: expected"), "{amount}: {text}");
    }
    let (code, text) = node.refused(&["subscribe", customer, "gold"]);
    assert_eq!((code, text.as_str()), (Some(1), "error: there is no plan gold"));
    let (code, text) = node.refused(&["clock", "--by", "1 day"]);
    assert_eq!((code, text.as_str()), (Some(1), "error: the clock can be moved in a sandbox only"));

    let token = node.folder.path().join("token");
    fs::write(&token, "another-token-entirely\n").unwrap();
    let (code, text) = node.refused(&["customer", "list", "--token-file", "token"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("the admin token was refused") && !text.contains("another-token"), "{text}");

    // A second process must not write what the first one keeps in memory.
    let (code, text) = node.refused(&["prices", "show", "--store", "sqlite:tollgate.db"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("another Tollgate is using"), "{text}");
    let (code, _) = node.refused(&["migrate"]);
    assert_eq!(code, Some(1));

    let gone = node.folder.path().to_owned();
    assert!(gone.join("tollgate.db").exists());
    let (code, text) = node.refused(&["init"]);
    assert_eq!((code, text.as_str()), (Some(1), "error: tollgate.toml is there already; --force writes over it"));
}

#[test]
fn a_changed_ledger_is_found_out() {
    let folder = TempDir::new().unwrap();
    done(&folder, &["init"]);
    assert_eq!(done(&folder, &["migrate"]).trim(), "The database was empty; its schema has version 2 now.");
    assert_eq!(done(&folder, &["migrate"]).trim(), "The schema has version 2 already; nothing was changed.");
    assert!(done(&folder, &["ledger", "verify"]).contains("The ledger is sound."));
    // The price list of the examples, into the database, with nobody serving.
    let list = r#"{"acme-large": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 2e-06,
        "output_cost_per_token": 8e-06}}"#;
    fs::write(folder.path().join("list.json"), list).unwrap();
    let database = ["--store", "sqlite:tollgate.db"];
    let looked = done(&folder, &[&["prices", "import", "list.json", "--dry-run"][..], &database].concat());
    assert!(
        looked.ends_with("Nothing was changed. It would be: 1 added, 0 changed, 0 unchanged, 0 kept, 0 rejected.\n"),
        "{looked}"
    );
    assert!(looked.contains("Unverified"), "{looked}");
    done(&folder, &[&["prices", "import", "list.json"][..], &database].concat());
    let shown = done(&folder, &[&["prices", "show", "acme-large"][..], &database].concat());
    assert!(shown.contains("unverified"), "{shown}");

    let path = folder.path().join("tollgate.db");
    let mut bytes = fs::read(&path).unwrap();
    let written = b"prices.set";
    let place = bytes.windows(written.len()).position(|window| window == written).unwrap();
    bytes[place..place + written.len()].copy_from_slice(b"prices.get");
    fs::write(&path, bytes).unwrap();
    let output = tollgate(&folder, &["ledger", "verify"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: the ledger is not sound: "), "{text}");
}
