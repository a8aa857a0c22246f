//! Changes of facts: one transaction, audited, and known to the gateway before it is acknowledged.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sqlx::{Any, AnyConnection, Transaction};
use tollgate_core::id::CustomerId;
use tollgate_core::ledger::Transfer;
use tollgate_core::time::Timestamp;

use crate::db::WriteLane;
use crate::engine::Engine;
use crate::{Store, StoreError, audit, ledger};

/// The name of PostgreSQL's lock for changes: `changes` in ASCII.
const CHANGES: i64 = 0x0063_6861_6e67_6573;

/// What a change touched: what a node must read again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Customers whose standing changed.
    pub customers: Vec<CustomerId>,
    /// Public ids of keys that changed.
    pub keys: Vec<String>,
    /// Whether the catalogue, prices, APIs or approvals changed.
    pub catalogue: bool,
}

/// Hears of committed changes. The change is acknowledged when the future ends.
pub trait Refresh: Send + Sync {
    /// Reads again what was touched.
    fn refresh(&self, touched: Touched) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// A change under way. Dropping it undoes it.
pub struct Change {
    // Before the lane: the transaction must end before somebody else may write.
    pub(crate) tx: Transaction<'static, Any>,
    _lane: WriteLane,
    pub(crate) store: Store,
    pub(crate) touched: Touched,
    pub(crate) now: Timestamp,
    actor: String,
}

impl Change {
    pub(crate) async fn begin(store: &Store, actor: &str) -> Result<Self, StoreError> {
        let lane = store.db.write_lane().await;
        // On SQLite a transaction that reads first and then writes could not wait for the settlement
        // writer; taking the write lock at once can.
        let begin = store.db.pick("BEGIN IMMEDIATE", "BEGIN");
        let mut tx = store.db.pool.begin_with(begin).await?;
        if store.db.engine == Engine::Postgres {
            // Changes read, decide and write: one after the other, as on SQLite, none undoes another.
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(CHANGES).execute(&mut *tx).await?;
        }
        Ok(Self {
            tx,
            _lane: lane,
            now: store.now(),
            store: store.clone(),
            touched: Touched::default(),
            actor: actor.to_owned(),
        })
    }

    /// The connection of the transaction.
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }

    /// Writes down who did what to `subject`, with the values before and after as JSON.
    pub(crate) async fn audit<B, A>(
        &mut self,
        action: &str,
        subject: &str,
        before: Option<&B>,
        after: Option<&A>,
    ) -> Result<(), StoreError>
    where
        B: serde::Serialize + Sync,
        A: serde::Serialize + Sync,
    {
        let entry = audit::Entry {
            at: self.now,
            actor: self.actor.clone(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            before: before.map(serde_json::to_value).transpose().unwrap_or_default(),
            after: after.map(serde_json::to_value).transpose().unwrap_or_default(),
        };
        audit::append(&mut self.tx, &entry).await
    }

    /// Moves value.
    pub(crate) async fn post(&mut self, transfers: &[Transfer]) -> Result<(), StoreError> {
        ledger::post(&mut self.tx, transfers).await
    }

    /// Makes the change durable, lets the gateway know, and only then returns.
    ///
    /// # Errors
    /// If the database does not commit; nothing has changed then, or, if the connection broke during
    /// the commit, it is not known.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { tx, _lane: lane, store, touched, .. } = self;
        tx.commit().await?;
        drop(lane);
        if let Some(refresh) = store.refresh.get() {
            Arc::clone(refresh).refresh(touched).await;
        }
        Ok(())
    }
}
