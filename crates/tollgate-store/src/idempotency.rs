//! Idempotency keys: an intended effect has a name, so that it happens once.
//!
//! The answer is stored in the transaction of the effect, so there is no moment at which one exists
//! without the other. Same name and same request: the stored answer. Same name, other request: refused.

use crate::row::Columns as _;
use crate::{Change, Store, StoreError};

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

impl Store {
    /// The answer that `name` in `scope` was given, if it was.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was given to another request.
    pub async fn stored_answer(
        &self,
        scope: &str,
        name: &str,
        fingerprint: &str,
    ) -> Result<Option<StoredAnswer>, StoreError> {
        const READ: &str = "SELECT fingerprint, status, response FROM idempotency WHERE scope = $1 AND name = $2";
        let row = sqlx::query(READ).bind(scope).bind(name).fetch_optional(&self.db.pool).await?;
        let Some(row) = row else { return Ok(None) };
        if row.text("fingerprint")? != fingerprint {
            return Err(StoreError::Conflict("this Idempotency-Key was used for another request".to_owned()));
        }
        Ok(Some(StoredAnswer { status: u16::try_from(row.int("status")?).unwrap_or(200), body: row.text("response")? }))
    }
}

impl Change {
    /// Stores the answer of this change under `name`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another request with this name was faster; nothing has happened then.
    pub async fn store_answer(
        &mut self,
        scope: &str,
        name: &str,
        fingerprint: &str,
        answer: &StoredAnswer,
    ) -> Result<(), StoreError> {
        const INSERT: &str = "
            INSERT INTO idempotency (scope, name, fingerprint, status, response, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)";
        let now = self.now.unix_micros();
        sqlx::query(INSERT)
            .bind(scope)
            .bind(name)
            .bind(fingerprint)
            .bind(i64::from(answer.status))
            .bind(&answer.body)
            .bind(now)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
