//! Some kills of the real binary on both engines. `crash --kills 1000` does more of them.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tollgate_sim::crash::{self, Options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_kills_on_sqlite_lose_nothing_and_count_nothing_twice() {
    kills(12, 0xc0de_0001, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_kills_on_postgres_lose_nothing_and_count_nothing_twice() {
    if let Some(url) = fresh_database().await {
        kills(6, 0xc0de_0002, Some(url)).await;
    }
}

async fn kills(kills: u32, seed: u64, store: Option<String>) {
    let binary = tokio::task::spawn_blocking(binary).await.unwrap();
    let figures = crash::run(&Options { binary, kills, seed, store, connections: 24 }).await.unwrap();
    assert!(figures.is_sound(), "{:#?}\n{figures}", figures.wrong);
    assert_eq!(figures.kills, kills);
    assert!(figures.completed > u64::from(kills), "hardly anything was served: {figures}");
    assert!(figures.billed >= figures.completed, "{figures}");
}

/// The binary of the profile under test, built if need be: cargo knows where it is.
fn binary() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--package", "tollgate", "--bin", "tollgate", "--message-format", "json"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).unwrap();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut made = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    made.find(|path| path.file_stem().is_some_and(|name| name == "tollgate")).expect("cargo names what it built")
}

/// A fresh database on the server that `make test` starts; `None` only if it was said to skip it.
async fn fresh_database() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let server = std::env::var("TOLLGATE_TEST_POSTGRES")
        .expect("set TOLLGATE_TEST_POSTGRES, as `make test` does, or to `skip` to leave PostgreSQL out");
    if server == "skip" {
        return None;
    }
    sqlx::any::install_default_drivers();
    let name = format!("crash{}", std::process::id());
    let mut connection = AnyConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let (path, query) = server.split_once('?').unwrap_or((&server, ""));
    let base = path.rsplit_once('/').map_or(path, |(base, _)| base);
    Some(format!("{base}/{name}?{query}"))
}
