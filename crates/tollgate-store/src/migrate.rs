//! Migrations: numbered, embedded, forward only, the same text for both engines.

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
