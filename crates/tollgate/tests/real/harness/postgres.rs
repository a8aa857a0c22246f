//! PostgreSQL for the tests that run on both engines.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

/// A fresh database on the server that `make test` starts; `None` only if it was said to skip it.
pub(crate) async fn fresh_database() -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let server = std::env::var("TOLLGATE_TEST_POSTGRES")
        .expect("set TOLLGATE_TEST_POSTGRES, as `make test` does, or to `skip` to leave PostgreSQL out");
    if server == "skip" {
        return None;
    }
    sqlx::any::install_default_drivers();
    let name = format!("real{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = AnyConnection::connect(&server).await.expect("the server of TOLLGATE_TEST_POSTGRES answers");
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.expect("a database can be made");
    let (path, query) = server.split_once('?').unwrap_or((&server, ""));
    let base = path.rsplit_once('/').map_or(path, |(base, _)| base);
    Some(format!("{base}/{name}?{query}"))
}
