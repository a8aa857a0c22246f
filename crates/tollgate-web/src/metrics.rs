//! Figures for Prometheus.
//!
//! What this crate can see is kept here; the binary registers what else there is to count
//! ([`Metrics::register`]). Gauges are read when they are asked for, so that nothing has to keep them true
//! in between.

use std::sync::atomic::AtomicI64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tollgate_store::settlement::Health;

use crate::Web;
use crate::admin::is_admin;
use crate::settings::Readers;

/// Figures for Prometheus.
pub struct Metrics {
    registry: Mutex<Registry>,
    keys_known: Gauge<i64, AtomicI64>,
    customers_known: Gauge<i64, AtomicI64>,
    settlement_good: Gauge<i64, AtomicI64>,
    store_up: Gauge<i64, AtomicI64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("tollgate");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", build);
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::<i64, AtomicI64>::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            keys_known: gauge("gateway_keys_known", "API keys that the gateway holds in memory"),
            customers_known: gauge("gateway_customers_known", "Customers that the gateway holds in memory"),
            settlement_good: gauge("settlement_good", "1 while settlements are committed, else 0"),
            store_up: gauge("store_up", "1 while the database answers, else 0"),
            registry: Mutex::new(registry),
        }
    }

    /// Lets somebody else register figures; their names get the prefix `tollgate_`.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, web: &Web) {
        let sizes = web.gate().sizes();
        let number = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        self.keys_known.set(number(sizes.keys));
        self.customers_known.set(number(sizes.customers));
        self.settlement_good.set(i64::from(web.gate().health() == Health::Good));
        self.store_up.set(i64::from(web.store().ping().await.is_ok()));
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(web): State<Web>, headers: HeaderMap) -> Response {
    let is_allowed = match web.settings().metrics {
        Readers::Everybody => true,
        Readers::Admin => is_admin(&web, headers.get(AUTHORIZATION)),
    };
    if !is_allowed {
        return (StatusCode::UNAUTHORIZED, "the admin token is expected as a bearer token\n").into_response();
    }
    web.metrics().read(&web).await;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &web.metrics().lock());
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}
