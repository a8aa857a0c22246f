//! Both engines, each test with a database of its own.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tollgate_core::id::{ApplicationId, CustomerId, KeyId, SeededIds};
use tollgate_core::time::{ManualClock, Timestamp};

use crate::api_key::Mode;
use crate::customers::NewCustomer;
use crate::definition::Text;
use crate::keys::NewApiKey;
use crate::{Options, Store};

/// Saturday, 21 November 2026, 09:30 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_253_400);

/// A store on one engine, with the means to open it again.
pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) clock: Arc<ManualClock>,
    pub(super) url: String,
}

impl Bench {
    async fn open(url: String) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let store = Store::open(options(&url, &clock)).await.unwrap();
        Self { store, clock, url }
    }

    /// Closes the store and opens it again, as a restart does.
    pub(super) async fn reopened(self) -> Self {
        let Self { store, clock, url } = self;
        store.stop_settling().await;
        store.db.pool.close().await;
        drop(store);
        let store = Store::open(options(&url, &clock)).await.unwrap();
        Self { store, clock, url }
    }

    /// Runs a statement that no part of the store would.
    pub(super) async fn tamper(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.store.db.pool).await.unwrap();
    }
}

/// Each run draws other ids, as real ones do.
pub(super) fn options(url: &str, clock: &Arc<ManualClock>) -> Options {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let seed = u64::from(RUNS.fetch_add(1, Ordering::Relaxed)) << 32;
    Options { url: url.to_owned(), clock: Arc::clone(clock) as _, ids: Arc::new(SeededIds::new(seed)) }
}

/// Runs `test` on SQLite, where it is about SQLite's own.
pub(super) fn on_sqlite<F: Future<Output = ()>>(test: impl Fn(Bench) -> F) {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("tollgate.db").display());
        test(Bench::open(url).await).await;
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs `test` on SQLite and on PostgreSQL.
pub(super) fn on_both<F: Future<Output = ()>>(test: impl Fn(Bench) -> F) {
    runtime().block_on(async {
        // Outlives the test: what a closure does not mention of its argument is dropped early.
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("tollgate.db").display());
        test(Bench::open(url).await).await;
        if let Some(url) = postgres_database().await {
            test(Bench::open(url).await).await;
        }
    });
}

/// A fresh database on the server that `make test` starts; `None` only if it was said to skip it.
async fn postgres_database() -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let server = std::env::var("TOLLGATE_TEST_POSTGRES")
        .expect("set TOLLGATE_TEST_POSTGRES, as `make test` does, or to `skip` to leave PostgreSQL out");
    if server == "skip" {
        return None;
    }
    sqlx::any::install_default_drivers();
    let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = AnyConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let (path, query) = server.split_once('?').unwrap_or((&server, ""));
    let base = path.rsplit_once('/').map_or(path, |(base, _)| base);
    Some(format!("{base}/{name}?{query}"))
}

/// A customer with an application and a key.
pub(super) async fn customer(store: &Store) -> (CustomerId, ApplicationId, KeyId) {
    let mut change = store.change("test").await.unwrap();
    let new = NewCustomer {
        name: "Acme".to_owned(),
        email: "billing@acme.test".to_owned(),
        currency: Text(tollgate_core::money::Currency::USD),
        time_zone: "Europe/Berlin".to_owned(),
    };
    let customer = change.create_customer(&new).await.unwrap().id.0;
    let application = change.create_application(customer, "web", &[]).await.unwrap().id.0;
    let key = NewApiKey { name: "first".to_owned(), policy: Default::default(), expires_at: None };
    let (key, _) = change.create_key(application, Mode::Test, &key).await.unwrap();
    change.commit().await.unwrap();
    (customer, application, key.id.0)
}

/// Adds a paid grant of `amount`.
pub(super) async fn top_up(store: &Store, customer: CustomerId, amount: &str) -> tollgate_core::id::GrantId {
    let mut change = store.change("test").await.unwrap();
    let new = crate::grants::NewGrant {
        amount: Text(amount.parse().unwrap()),
        priority: 50,
        scope: Vec::new(),
        effective_at: None,
        expires_at: None,
        note: String::new(),
    };
    let grant = change.add_grant(customer, crate::grants::Origin::Paid { provider: "simulator" }, &new).await.unwrap();
    change.commit().await.unwrap();
    grant.id.0
}
