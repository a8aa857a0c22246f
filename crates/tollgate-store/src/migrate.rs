//! Migrations: numbered, embedded, forward only, the same text for both engines.

use sqlx::Row as _;
use sqlx::migrate::{MigrateError, Migrator};

use crate::StoreError;
use crate::db::Db;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Brings the schema to this program's version.
pub(crate) async fn run(db: &Db) -> Result<(), StoreError> {
    let _lane = db.write_lane().await;
    MIGRATIONS.run(&db.pool).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Schema(other.to_string()),
    })
}

/// The schema's version that this program reads and writes.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// The version of the schema in the database; 0 if it has none.
pub(crate) async fn current(db: &Db) -> Result<i64, StoreError> {
    const TABLE: &str = "SELECT count(*) AS found FROM sqlite_master WHERE name = '_sqlx_migrations'";
    const TABLE_POSTGRES: &str = "SELECT count(*) AS found FROM information_schema.tables
          WHERE table_name = '_sqlx_migrations'
            AND table_schema = current_schema()";
    const NEWEST: &str = "SELECT max(version) AS version FROM _sqlx_migrations";
    let found: i64 = sqlx::query(db.pick(TABLE, TABLE_POSTGRES)).fetch_one(&db.pool).await?.try_get("found")?;
    if found == 0 {
        return Ok(0);
    }
    let version: Option<i64> = sqlx::query(NEWEST).fetch_one(&db.pool).await?.try_get("version")?;
    Ok(version.unwrap_or(0))
}
