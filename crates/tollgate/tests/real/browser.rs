//! The playground in a real browser: Debian's Chromium, driven by playwright-core.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::harness::Demo;
use super::install;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_sees_a_402_pays_and_is_served() {
    let demo = Demo::start().await;
    let control = format!("http://{}", demo.admin.address());
    let seen = tokio::task::spawn_blocking(move || drive(&control)).await.unwrap();
    assert_eq!(seen["complaints"], json!([]), "the page has errors of its own: {seen}");
    assert_eq!(seen["answers"], json!([402, 200]), "{seen}");
    assert_eq!((&seen["before"], &seen["after"]), (&json!("$0.00"), &json!("$0.00")), "{seen}");
    assert_eq!(seen["title"], "Insufficient balance");
    assert_eq!(seen["declined"], "The card has insufficient funds.");
    demo.admin.ledger_is_sound().await;
}

fn drive(control: &str) -> Value {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/browser");
    let folder = install::from_npm("browser", &sources.join("package.json"));
    // Node looks for packages beside the script.
    let script = folder.join("playground.mjs");
    std::fs::copy(sources.join("playground.mjs"), &script).unwrap();
    let output = Command::new("node").arg(script).arg(control).output().expect("Debian: apt-get install nodejs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\nis Chromium there? Debian: apt-get install chromium");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{errors}"))
}
