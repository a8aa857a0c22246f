//! The audit trail: who changed what, when, from what, to what. Appended to, never changed.

use serde_json::Value;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use tollgate_core::time::Timestamp;

use crate::chain::{self, Link};
use crate::row::Columns as _;
use crate::{Store, StoreError};

pub(crate) const CHAIN: &str = "audit";

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who: `admin`, `config`, `customer:cus_...`, `system`.
    pub actor: String,
    /// What was done, for example `customer.create`.
    pub action: String,
    /// To what: its id.
    pub subject: String,
    /// The value before; `None` for something new.
    pub before: Option<Value>,
    /// The value after; `None` for something gone.
    pub after: Option<Value>,
}

impl Entry {
    /// The bytes that the chain covers.
    pub(crate) fn canonical(&self) -> String {
        let value = |v: &Option<Value>| v.as_ref().map(ToString::to_string).unwrap_or_default();
        format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n",
            self.at.unix_micros(),
            self.actor,
            self.action,
            self.subject,
            value(&self.before),
            value(&self.after)
        )
    }

    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            at: row.at("at")?,
            actor: row.text("actor")?,
            action: row.text("action")?,
            subject: row.text("subject")?,
            before: row.json_or_null("before_value")?,
            after: row.json_or_null("after_value")?,
        })
    }
}

/// Appends `entry` within a transaction.
pub(crate) async fn append(connection: &mut AnyConnection, entry: &Entry) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO audit (seq, at, actor, action, subject, before_value, after_value, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let link = chain::lock(connection, CHAIN).await?.next(entry.canonical().as_bytes());
    sqlx::query(INSERT)
        .bind(link.seq)
        .bind(entry.at.unix_micros())
        .bind(&entry.actor)
        .bind(&entry.action)
        .bind(&entry.subject)
        .bind(entry.before.as_ref().map(ToString::to_string))
        .bind(entry.after.as_ref().map(ToString::to_string))
        .bind(&link.hash)
        .execute(&mut *connection)
        .await?;
    chain::advance(connection, CHAIN, &link).await
}

impl Store {
    /// Changes, newest first, about `subject` if given, before number `before`; with their numbers.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn audit(
        &self,
        subject: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<(i64, Entry)>, StoreError> {
        const LIST: &str = "
            SELECT seq, at, actor, action, subject, before_value, after_value FROM audit
             WHERE seq < $1 AND ($2 = '' OR subject = $2)
             ORDER BY seq DESC LIMIT $3";
        let rows = sqlx::query(LIST)
            .bind(before.unwrap_or(i64::MAX))
            .bind(subject.unwrap_or(""))
            .bind(limit)
            .fetch_all(&self.db.pool)
            .await?;
        rows.iter().map(|row| Ok((row.int("seq")?, Entry::from_row(row)?))).collect()
    }
}

/// Walks the chain from its start and returns the number of entries, or what is wrong.
pub(crate) async fn verify(connection: &mut AnyConnection) -> Result<Result<i64, String>, StoreError> {
    const PAGE: &str = "
        SELECT seq, at, actor, action, subject, before_value, after_value, hash FROM audit
         WHERE seq > $1 ORDER BY seq LIMIT 1000";
    let mut link = Link::START;
    loop {
        let rows = sqlx::query(PAGE).bind(link.seq).fetch_all(&mut *connection).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let expected = link.next(Entry::from_row(row)?.canonical().as_bytes());
            if (row.int("seq")?, row.text("hash")?) != (expected.seq, expected.hash.clone()) {
                return Ok(Err(format!("audit entry {} was changed, or one before it is missing", expected.seq)));
            }
            link = expected;
        }
    }
    if link != chain::end(connection, CHAIN).await? {
        return Ok(Err(format!("audit entries after {} are missing", link.seq)));
    }
    Ok(Ok(link.seq))
}
