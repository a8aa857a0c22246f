//! A running `tollgate demo --json`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;

use http::Method;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::process::BINARY;
use super::{Admin, Answer, Call, Process};

/// A running demo.
pub(crate) struct Demo {
    pub(crate) gateway: SocketAddr,
    pub(crate) admin: Admin,
    pub(crate) scenarios: Vec<Scenario>,
    /// Where its sandbox listens.
    pub(crate) sandbox: SocketAddr,
    pub(crate) process: Process,
    _folder: TempDir,
}

/// A request as the demo prints it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) reason: String,
    pub(crate) status: u16,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<Value>,
}

#[derive(Deserialize)]
struct Facts {
    gateway: String,
    control: String,
    admin_token: String,
    scenarios: Vec<Scenario>,
}

impl Demo {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new(BINARY);
        command.args(["demo", "--json", "--gateway", "127.0.0.1:0", "--control", "127.0.0.1:0", "--data"]);
        let mut process = Process::start(command.arg(folder.path().join("demo")));
        let line = process.first_line().await;
        let facts: Facts = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let admin = Admin::new(address(&facts.control), &facts.admin_token);
        let apis = admin.get("/apis").await.to_string();
        let sandbox = upstream(&apis);
        let gateway = address(&facts.gateway);
        Self { gateway, admin, scenarios: facts.scenarios, sandbox, process, _folder: folder }
    }

    /// The scenario that shows `reason`.
    pub(crate) fn scenario(&self, reason: &str) -> &Scenario {
        let found = self.scenarios.iter().find(|scenario| scenario.reason == reason);
        found.unwrap_or_else(|| panic!("the demo has no scenario for {reason}"))
    }

    /// How often a request with this id has reached the sandbox.
    pub(crate) async fn arrivals(&self, id: &str) -> u64 {
        let answer = Call::get(&format!("/sandbox/requests?id={id}")).send(self.sandbox).await;
        answer.json()["count"].as_u64().expect("a count")
    }
}

impl Scenario {
    /// Sends it exactly as it was printed.
    pub(crate) async fn send(&self, gateway: SocketAddr) -> Answer {
        let method: Method = self.method.parse().expect("a method");
        let mut call = Call::new(method, &self.path);
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        if let Some(body) = &self.body {
            call = call.body(body.to_string());
        }
        call.send(gateway).await
    }

    /// The key that it is sent with; empty without one.
    pub(crate) fn key(&self) -> &str {
        let value = self.headers.get("authorization").map_or("", String::as_str);
        value.strip_prefix("Bearer ").unwrap_or_default()
    }
}

fn address(url: &str) -> SocketAddr {
    let text = url.strip_prefix("http://").unwrap_or(url);
    text.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// The first upstream of the published APIs is the sandbox.
fn upstream(apis: &str) -> SocketAddr {
    let url = apis.split_once("\"url\":\"").and_then(|(_, after)| after.split('"').next());
    address(url.unwrap_or_else(|| panic!("no upstream is named: {apis}")))
}
