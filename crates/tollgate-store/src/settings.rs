//! What a deployment remembers about itself, by name.

use crate::row::Columns as _;
use crate::{Store, StoreError};

impl Store {
    /// The setting called `name`, if it was ever set.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        const READ: &str = "SELECT value FROM settings WHERE name = $1";
        let row = sqlx::query(READ).bind(name).fetch_optional(&self.db.pool).await?;
        row.map(|row| row.text("value")).transpose()
    }

    /// The setting called `name`; `fresh` becomes it if it was never set. Whoever asks first decides: all who
    /// ask get the same.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn setting_once(&self, name: &str, fresh: &str) -> Result<String, StoreError> {
        const MAKE: &str = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        {
            let _lane = self.db.write_lane().await;
            sqlx::query(MAKE).bind(name).bind(fresh).execute(&self.db.pool).await?;
        }
        let made = self.setting(name).await?;
        made.ok_or_else(|| StoreError::not_found("setting", name))
    }

    /// Remembers `value` as the setting called `name`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn remember_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        const WRITE: &str = "
            INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
        let _lane = self.db.write_lane().await;
        sqlx::query(WRITE).bind(name).bind(value).execute(&self.db.pool).await?;
        Ok(())
    }
}
