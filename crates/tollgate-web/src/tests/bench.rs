//! A control plane over a database of its own, and words for talking to it.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tollgate_core::id::{CustomerId, SeededIds};
use tollgate_core::time::{ManualClock, Timestamp};
use tollgate_payments::{PaymentProvider, Simulator};
use tollgate_store::settlement::Health;
use tollgate_store::{Options, Store, StoreError};
use tower::ServiceExt as _;

use crate::{Awaited, Gate, Readers, Review, Sandbox, Settings, SignIn, Sizes, Web, router};

/// Saturday, 21 November 2026, 09:30 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_253_400);
pub(super) const TOKEN: &str = "a token of the administrator";
pub(super) const PORTAL: &str = "http://localhost:4021";

pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) clock: Arc<ManualClock>,
    pub(super) gate: Arc<FakeGate>,
    pub(super) web: Web,
    router: Router,
}

/// What the gateway would say.
pub(super) struct FakeGate {
    store: Store,
    clock: Arc<ManualClock>,
    pub(super) is_good: AtomicBool,
    pub(super) complaint: Mutex<Option<String>>,
}

impl Gate for FakeGate {
    fn standing(&self, customer: CustomerId) -> Awaited<'_, Result<Value, StoreError>> {
        Box::pin(async move {
            let standing = self.store.load_standing(customer).await?;
            let (balance, _) = standing.wallet.balance(self.store.now());
            Ok(json!({ "customer": customer.to_string(), "balance": { "available": balance.to_string() } }))
        })
    }

    fn health(&self) -> Health {
        if self.is_good.load(Ordering::Relaxed) { Health::Good } else { Health::Failing }
    }

    fn sizes(&self) -> Sizes {
        Sizes { keys: 3, customers: 2 }
    }

    fn reload(&self) -> Awaited<'_, Result<(), String>> {
        let complaint = self.complaint.lock().unwrap().clone();
        Box::pin(std::future::ready(complaint.map_or(Ok(()), Err)))
    }

    fn move_clock(&self, by: Duration) -> Awaited<'_, Result<(), String>> {
        self.clock.advance(by);
        Box::pin(std::future::ready(Ok(())))
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        product: "Acme APIs".to_owned(),
        admin_token: TOKEN.to_owned(),
        form_key: "what signs the forms".to_owned(),
        portal_url: PORTAL.to_owned(),
        gateway_url: "http://localhost:4020".to_owned(),
        docs_url: format!("{PORTAL}/docs/errors"),
        support: "help@acme.test".to_owned(),
        sandbox: Sandbox::On,
        sign_in: SignIn::None { visitor: None },
        review: Review::Customer,
        metrics: Readers::Everybody,
        playground: None,
        scenarios: Vec::new(),
        front_ends: Vec::new(),
    }
}

/// What was answered.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Bench {
    pub(super) async fn open(url: &str, adjust: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let ids = Arc::new(SeededIds::new(7));
        let options = Options { url: url.to_owned(), clock: Arc::clone(&clock) as _, ids: Arc::clone(&ids) as _ };
        let store = Store::open(options).await.unwrap();
        let gate = Arc::new(FakeGate {
            store: store.clone(),
            clock: Arc::clone(&clock),
            is_good: AtomicBool::new(true),
            complaint: Mutex::default(),
        });
        let mut settings = settings();
        adjust(&mut settings);
        let payments = Arc::new(Simulator::new(Arc::clone(&clock) as _, ids));
        let web = Web::new(store.clone(), Arc::clone(&gate) as _, Some(payments), settings);
        Self { store, clock, gate, router: router(web.clone()), web }
    }

    /// The same store behind other settings.
    pub(super) fn with(&self, adjust: impl FnOnce(&mut Settings)) -> Router {
        self.behind(Arc::new(Simulator::new(Arc::clone(&self.clock) as _, Arc::new(SeededIds::new(8)))), adjust)
    }

    /// The same store behind another payment provider.
    pub(super) fn behind(&self, payments: Arc<dyn PaymentProvider>, adjust: impl FnOnce(&mut Settings)) -> Router {
        let mut settings = settings();
        adjust(&mut settings);
        router(Web::new(self.store.clone(), Arc::clone(&self.gate) as _, Some(payments), settings))
    }

    pub(super) const fn router(&self) -> &Router {
        &self.router
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Reply {
        send(&self.router, request).await
    }

    /// A request of an administrator.
    pub(super) async fn admin(&self, method: Method, path: &str, body: impl Into<Option<Value>>) -> Reply {
        self.send(admin_request(method, path, body.into()).body_of()).await
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let reply = self.admin(Method::GET, path, None).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text);
        reply.json()
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Value {
        // Ids sort by their millisecond.
        self.clock.advance(Duration::from_millis(2));
        let reply = self.admin(Method::POST, path, body).await;
        assert!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.text);
        reply.json()
    }

    /// The detail of a problem with this status.
    pub(super) async fn refused(&self, method: Method, path: &str, body: Value, status: u16) -> String {
        let reply = self.admin(method, path, body).await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.text);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let problem = reply.json();
        assert_eq!(problem["status"], status);
        problem["detail"].as_str().unwrap().to_owned()
    }

    /// A new customer's id.
    pub(super) async fn customer(&self) -> String {
        let customer = self.post("/customers", json!({ "name": "Acme", "email": "billing@acme.test" })).await;
        customer["id"].as_str().unwrap().to_owned()
    }
}

pub(super) async fn send(router: &Router, request: Request<Body>) -> Reply {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Reply { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

/// A request that is being put together.
pub(super) struct Draft {
    builder: http::request::Builder,
    body: Option<Value>,
}

pub(super) fn admin_request(method: Method, path: &str, body: Option<Value>) -> Draft {
    let builder = Request::builder()
        .method(method)
        .uri(format!("/admin/v1{path}"))
        .header("authorization", format!("Bearer {TOKEN}"));
    Draft { builder, body }
}

impl Draft {
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub(super) fn body_of(self) -> Request<Body> {
        match self.body {
            None => self.builder.body(Body::empty()).unwrap(),
            Some(body) => {
                let builder = self.builder.header("content-type", "application/json");
                builder.body(Body::from(body.to_string())).unwrap()
            }
        }
    }
}

/// Runs `test` on SQLite.
pub(super) fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(Bench) -> F) {
    with_settings(|_| (), test);
}

/// Runs `test` on SQLite behind other settings.
pub(super) fn with_settings<F: Future<Output = ()>>(adjust: impl FnOnce(&mut Settings), test: impl FnOnce(Bench) -> F) {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        test(Bench::open(&sqlite(&folder), adjust).await).await;
    });
}

/// Runs `test` on SQLite and on PostgreSQL.
pub(super) fn on_both<F: Future<Output = ()>>(test: impl Fn(Bench) -> F) {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        test(Bench::open(&sqlite(&folder), |_| ()).await).await;
        if let Some(url) = postgres_database().await {
            test(Bench::open(&url, |_| ()).await).await;
        }
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn sqlite(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("tollgate.db").display())
}

/// A fresh database on the server that `make test` starts; `None` only if it was said to skip it.
async fn postgres_database() -> Option<String> {
    use sqlx::Connection as _;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let server = std::env::var("TOLLGATE_TEST_POSTGRES")
        .expect("set TOLLGATE_TEST_POSTGRES, as `make test` does, or to `skip` to leave PostgreSQL out");
    if server == "skip" {
        return None;
    }
    sqlx::any::install_default_drivers();
    let name = format!("web{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = sqlx::AnyConnection::connect(&server).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    let (path, query) = server.split_once('?').unwrap_or((&server, ""));
    let base = path.rsplit_once('/').map_or(path, |(base, _)| base);
    Some(format!("{base}/{name}?{query}"))
}
