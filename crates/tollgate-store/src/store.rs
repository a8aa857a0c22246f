//! The store: a database, a clock, ids, and what it takes to change facts.

use std::sync::{Arc, OnceLock};

use tollgate_core::id::{CustomerId, Id, Ids, Kind, mint};
use tollgate_core::time::{Clock, Timestamp};

use crate::catalogue::CatalogueCache;
use crate::change::{Change, Refresh};
use crate::db::Db;
use crate::engine::{Engine, engine_of, sqlite_path};
use crate::node_lock::NodeLock;
use crate::settlement::{Folder, Settler, Settling, Shards, shard_of};
use crate::{StoreError, migrate};

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:PATH` or `postgres://...`.
    pub url: String,
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn Ids>,
}

/// The version of the schema before and after a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// Before; 0 for an empty database.
    pub from: i64,
    /// Now.
    pub to: i64,
}

/// Durable facts. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) catalogue: Arc<CatalogueCache>,
    pub(crate) refresh: Arc<OnceLock<Arc<dyn Refresh>>>,
    pub(crate) folder: Arc<OnceLock<Folder>>,
    pub(crate) lock: Arc<Option<NodeLock>>,
}

impl Store {
    /// Opens the store for serving: alone on a SQLite file, with the schema of this version.
    ///
    /// # Errors
    /// If the database cannot be reached, read or written, is in use, damaged, or of another version.
    pub async fn open(options: Options) -> Result<Self, StoreError> {
        let lock = NodeLock::take(&options.url).await?;
        let store = Self::connect(options, Some(lock)).await?;
        migrate::run(&store.db).await?;
        Ok(store)
    }

    /// Brings the schema to this program's version, and does nothing else.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn migrate(options: Options) -> Result<Migrated, StoreError> {
        let lock = NodeLock::take(&options.url).await?;
        let store = Self::connect(options, Some(lock)).await?;
        let from = migrate::current(&store.db).await?;
        migrate::run(&store.db).await?;
        Ok(Migrated { from, to: migrate::current(&store.db).await? })
    }

    /// Opens the store beside a running Tollgate, to read and verify. Nothing is made or changed.
    ///
    /// # Errors
    /// If the database is not there, cannot be reached or read, or has the schema of another version.
    pub async fn open_beside(options: Options) -> Result<Self, StoreError> {
        // SQLite would make a file that is not there.
        let path = sqlite_path(&options.url);
        if engine_of(&options.url)? == Engine::Sqlite && !path.exists() {
            return Err(StoreError::not_found("database", path.display()));
        }
        let store = Self::connect(options, None).await?;
        let (found, wanted) = (migrate::current(&store.db).await?, migrate::newest());
        if found != wanted {
            return Err(StoreError::Schema(format!("it has version {found}, and version {wanted} is expected")));
        }
        Ok(store)
    }

    async fn connect(options: Options, lock: Option<NodeLock>) -> Result<Self, StoreError> {
        Ok(Self {
            db: Db::connect(&options.url).await?,
            clock: options.clock,
            ids: options.ids,
            catalogue: Arc::default(),
            refresh: Arc::default(),
            folder: Arc::default(),
            lock: Arc::new(lock),
        })
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A fresh id.
    #[must_use]
    pub fn mint<K: Kind>(&self) -> Id<K> {
        mint(&*self.ids, self.clock.now())
    }

    /// From now on `refresh` hears of every committed change before the change is acknowledged.
    pub fn set_refresh(&self, refresh: Arc<dyn Refresh>) {
        // Set once at start-up; a second call would be a wiring mistake and changes nothing.
        let _ = self.refresh.set(refresh);
    }

    /// Begins a change by `actor`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn change(&self, actor: &str) -> Result<Change, StoreError> {
        Change::begin(self, actor).await
    }

    /// Starts the settlement writer. Everything that an earlier run committed and did not fold is folded
    /// first.
    ///
    /// # Errors
    /// If the log cannot be read or its chain is broken.
    pub async fn start_settling(&self, settling: Settling) -> Result<Settler, StoreError> {
        let (settler, folder) = Settler::start(self, settling).await?;
        let _ = self.folder.set(folder);
        Ok(settler)
    }

    /// Makes everything that was committed so far visible in balances, counters and roll-ups.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn fold(&self) -> Result<(), StoreError> {
        match self.folder.get() {
            Some(folder) => folder.fold(Shards::All).await,
            None => Ok(()),
        }
    }

    /// The same for one customer, which is quicker.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn fold_customer(&self, customer: CustomerId) -> Result<(), StoreError> {
        match self.folder.get() {
            Some(folder) => folder.fold(Shards::One(shard_of(customer.to_bytes()))).await,
            None => Ok(()),
        }
    }

    /// Commits and folds what is left and ends the settlement writer.
    pub async fn stop_settling(&self) {
        if let Some(folder) = self.folder.get() {
            folder.stop().await;
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.db.pool).await?;
        Ok(())
    }

    /// Moves SQLite's log into its file, without making anybody wait. Nothing to do on PostgreSQL.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        if self.db.engine == crate::engine::Engine::Sqlite {
            sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&self.db.pool).await?;
        }
        Ok(())
    }
}
