//! Seeded lives of a node, against an auditor who knows only what money is.
//!
//! Customers, plans, top-ups, requests that begin, end and break off, credit that expires or is taken
//! back, plan changes, days and months that pass, restarts: all at random from a seed, on the real rules
//! and the real store. After every step the outcome, and at every restart all books, are compared with
//! [`model`], which shares nothing with them but ids. A failure names its seed; the same seed does the
//! same again.
//!
//! Reading order: `script` is what happens, `node` how it is done for real, `model` what must come out,
//! `audit` the comparison.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod audit;
mod model;
mod node;
mod script;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

/// Steps of one life.
const STEPS: u32 = 4_000;

#[test]
fn lives_on_sqlite_agree_with_the_auditor() {
    for seed in 1..=lives(4) {
        live(seed, None);
    }
}

/// How many lives: so many, or what `TOLLGATE_TEST_LIVES` says, for a longer look.
fn lives(usual: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let wanted = std::env::var("TOLLGATE_TEST_LIVES");
    wanted.map_or(usual, |wanted| wanted.parse().expect("TOLLGATE_TEST_LIVES is a number"))
}

#[test]
fn lives_on_postgres_agree_with_the_auditor() {
    for seed in 101..=102 {
        live(seed, Some(seed));
    }
}

/// One life. `database` numbers a fresh one on PostgreSQL; SQLite without.
fn live(seed: u64, database: Option<u64>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let url = match database {
            None => format!("sqlite:{}", folder.path().join("life.db").display()),
            Some(number) => match fresh_database(number).await {
                Some(url) => url,
                None => return,
            },
        };
        let life = AssertUnwindSafe(Box::pin(script::live(seed, &url, STEPS)));
        if let Err(panic) = life.catch_unwind().await {
            let why = panic.downcast_ref::<String>().map_or("see above", String::as_str);
            panic!("seed {seed}: {why}");
        }
    });
}

/// A fresh database on the server that `make test` starts; `None` only if it was said to skip it.
async fn fresh_database(number: u64) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let server = std::env::var("TOLLGATE_TEST_POSTGRES")
        .expect("set TOLLGATE_TEST_POSTGRES, as `make test` does, or to `skip` to leave PostgreSQL out");
    if server == "skip" {
        return None;
    }
    sqlx::any::install_default_drivers();
    let name = format!("life{}_{number}", std::process::id());
    let mut connection = AnyConnection::connect(&server).await.expect("the server answers");
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.expect("a database can be made");
    let (path, query) = server.split_once('?').unwrap_or((&server, ""));
    let base = path.rsplit_once('/').map_or(path, |(base, _)| base);
    Some(format!("{base}/{name}?{query}"))
}
