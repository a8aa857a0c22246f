//! A node put together: store, gateway, control plane, jobs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tollgate_gateway::{Gateway, NoVerifier, Options, Settlement, Setup};
use tollgate_store::Store;
use tracing::info;

use crate::config::{Config, SettlementMode};
use crate::jobs;
use crate::system::{RandomIds, SystemClock};

/// A running node.
pub struct Node {
    gateway: Gateway,
    store: Store,
    _jobs: JoinSet<()>,
}

impl Node {
    /// Starts a node as `config` says.
    ///
    /// # Errors
    /// In a sentence for whoever started it.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let clock = Arc::new(SystemClock::default());
        let store = open_store(config, &clock).await?;
        config.declared.publish(&store).await.context("the configuration could not be published")?;
        let options = Options {
            address: config.gateway.address,
            cores: match config.gateway.cores {
                0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
                cores => cores,
            },
            node: config.store.node.clone(),
            settlement: match config.gateway.settlement {
                SettlementMode::Strict => Settlement::Strict,
                SettlementMode::Relaxed => Settlement::Relaxed,
            },
            shutdown_grace: Duration::from_secs(config.gateway.shutdown_seconds),
            clock,
            ids: Arc::new(RandomIds),
            verifier: Arc::new(NoVerifier),
            setup: setup(config),
        };
        let (gateway, frozen) = Gateway::start(store.clone(), options).await?;
        info!(address = %gateway.address(), "Tollgate serves");
        let jobs = jobs::start(&store, &gateway, frozen);
        Ok(Self { gateway, store, _jobs: jobs })
    }

    /// Where the gateway listens.
    #[must_use]
    pub const fn gateway_address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// The store of this node.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The gateway of this node.
    #[must_use]
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Completes and settles what is under way, then stops.
    pub async fn stop(self) {
        info!("Stopping: requests under way are completed and settled");
        self.gateway.stop().await;
    }
}

/// Opens the store that `config` names.
///
/// # Errors
/// In a sentence for whoever started it.
pub async fn open_store(config: &Config, clock: &Arc<SystemClock>) -> anyhow::Result<Store> {
    let options = tollgate_store::Options {
        url: config.store.url.clone(),
        clock: Arc::clone(clock) as _,
        ids: Arc::new(RandomIds),
    };
    Ok(Store::open(options).await?)
}

/// What the gateway needs of the configuration besides the catalogue.
#[must_use]
pub fn setup(config: &Config) -> Setup {
    let url = config.control_url();
    Setup {
        docs_url: format!("{url}/docs/errors"),
        portal_url: url,
        support: config.control.support.clone(),
        cors_origins: config.gateway.cors_origins.clone(),
        texts: config.texts.clone(),
        secrets: config.secrets.clone(),
    }
}
