//! The database: which engine, how to reach it, and the one lane for writes that SQLite has.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection as _};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::StoreError;
use crate::engine::{Engine, engine_of, sqlite_path, without_query};
use crate::node_lock::lock_session;

/// The database.
///
/// Whoever holds a connection of the pool never asks for a second one: as many callers as there are
/// connections would wait for each other for ever.
#[derive(Debug, Clone)]
pub(crate) struct Db {
    pub(crate) engine: Engine,
    pub(crate) pool: AnyPool,
    url: String,
    /// SQLite has one writer. Waiting here is fair and free of its busy timeouts.
    writers: Arc<Mutex<()>>,
}

/// The right to write: on SQLite nobody else writes while it lives.
pub(crate) struct WriteLane(#[expect(dead_code, reason = "held, not read")] Option<OwnedMutexGuard<()>>);

impl Db {
    /// Connects to `url`: `sqlite:PATH` or `postgres://...`.
    pub(crate) async fn connect(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let engine = engine_of(url)?;
        let url = match engine {
            Engine::Sqlite => format!("{}?mode=rwc", without_query(url)),
            Engine::Postgres => url.to_owned(),
        };
        // The pool would try again and again and at last say that it timed out; one connection says why.
        let mut probe = AnyConnection::connect(&url).await?;
        prepare(&mut probe, engine).await?;
        probe.close().await?;
        let pool = AnyPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| Box::pin(prepare(connection, engine)))
            .connect(&url)
            .await?;
        Ok(Self { engine, pool, url, writers: Arc::new(Mutex::new(())) })
    }

    /// A connection of its own, outside the pool: the settlement writer's. On PostgreSQL it holds the lock
    /// of the node, so that nobody commits settlements who has lost it.
    pub(crate) async fn dedicated(&self, locked: Option<AnyConnection>) -> Result<AnyConnection, StoreError> {
        let mut connection = match locked {
            Some(connection) => connection,
            None => {
                let mut connection = AnyConnection::connect(&self.url).await?;
                if self.engine == Engine::Postgres {
                    lock_session(&mut connection).await?;
                }
                connection
            }
        };
        prepare(&mut connection, self.engine).await?;
        Ok(connection)
    }

    /// The file of a SQLite database.
    pub(crate) fn sqlite_path(&self) -> PathBuf {
        sqlite_path(&self.url)
    }

    /// Waits for the right to write.
    pub(crate) async fn write_lane(&self) -> WriteLane {
        match self.engine {
            Engine::Sqlite => WriteLane(Some(Arc::clone(&self.writers).lock_owned().await)),
            Engine::Postgres => WriteLane(None),
        }
    }

    /// The statement for the engine in use.
    pub(crate) fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.engine {
            Engine::Sqlite => sqlite,
            Engine::Postgres => postgres,
        }
    }
}

async fn prepare(connection: &mut AnyConnection, engine: Engine) -> Result<(), sqlx::Error> {
    let statements: &[&str] = match engine {
        // WAL with a sync at every commit: an acknowledged commit survives a power failure. The log is
        // moved into the file by a task of its own, so no commit pays for it.
        Engine::Sqlite => &[
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA foreign_keys = ON",
            "PRAGMA busy_timeout = 5000",
            "PRAGMA wal_autocheckpoint = 20000",
            "PRAGMA temp_store = MEMORY",
        ],
        Engine::Postgres => &["SET application_name = 'tollgate'", "SET statement_timeout = '30s'"],
    };
    for statement in statements {
        sqlx::query(*statement).execute(&mut *connection).await?;
    }
    Ok(())
}
