//! A node put together: store, gateway, control plane, jobs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tollgate_core::id::Ids as _;
use tollgate_gateway::{Gateway, NoVerifier, Options, Setup, Verifier};
use tollgate_payments::{PaymentProvider, Simulator};
use tollgate_store::Store;
use tollgate_store::settlement::Settlement;
use tollgate_web::Web;
use tracing::{info, warn};

use crate::config::{Config, SettlementMode};
use crate::control::{self, Bound, ControlPlane, Exhibits, Figures, ProviderVerifier, RunningGate, Urls};
use crate::jobs;
use crate::system::{FORM_KEY, RandomIds, SystemClock, TEST_CLOCK};

/// What a node stands on: its store, and the port of its control plane.
pub struct Foundation {
    config: Config,
    clock: Arc<SystemClock>,
    store: Store,
    control: Bound,
}

/// A running node.
pub struct Node {
    gateway: Gateway,
    store: Store,
    control: ControlPlane,
    control_url: String,
    _jobs: JoinSet<()>,
}

impl Foundation {
    /// Opens the store and publishes what `config` declares. Nothing is served yet.
    ///
    /// # Errors
    /// In a sentence for whoever started it.
    pub async fn lay(config: Config) -> anyhow::Result<Self> {
        let ground = Self::open(config).await?;
        ground.publish().await?;
        Ok(ground)
    }

    /// The same on a store in which nobody is a customer yet: what is shown there must not mix with
    /// anybody's records.
    ///
    /// # Errors
    /// In a sentence for whoever started it; nothing was published then.
    pub async fn lay_on_empty_store(config: Config) -> anyhow::Result<Self> {
        let ground = Self::open(config).await?;
        let has_customers = !ground.store.customers("", "", 1).await?.is_empty();
        anyhow::ensure!(!has_customers, "the database holds customers already; use an empty one");
        ground.publish().await?;
        Ok(ground)
    }

    async fn open(config: Config) -> anyhow::Result<Self> {
        let control = Bound::at(config.control.address).await?;
        let clock = Arc::new(SystemClock::default());
        let store = open_store(&config, &clock).await?;
        if config.sandbox.enabled {
            clock.advance(ahead(&store).await?);
        }
        Ok(Self { config, clock, store, control })
    }

    async fn publish(&self) -> anyhow::Result<()> {
        self.config.declared.publish(&self.store).await.context("the configuration could not be published")
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Serves. `exhibit` is told where the gateway is, and says what is shown besides.
    ///
    /// # Errors
    /// In a sentence for whoever started it.
    pub async fn serve(self, exhibit: impl FnOnce(&str) -> Exhibits) -> anyhow::Result<Node> {
        let Self { config, clock, store, control } = self;
        let control_url = config.control_url(control.address);
        let shutdown_grace = Duration::from_secs(config.gateway.shutdown_seconds);
        let form_key = form_key(&store).await?;
        let payments = payments(&config, &clock);
        let figures = Arc::new(Figures::new());
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
            shutdown_grace,
            clock: Arc::clone(&clock) as _,
            ids: Arc::new(RandomIds),
            verifier: verifier(&store, payments.as_ref()),
            observer: Some(Arc::clone(&figures) as _),
            setup: setup(&config, control_url.clone()),
        };
        let (gateway, frozen) = Gateway::start(store.clone(), options).await?;
        let gateway_url = config.gateway_url(gateway.address());
        info!(address = %gateway.address(), control = %control.address, "Tollgate serves");
        if config.control.admin_token.is_empty() {
            warn!("control.admin_token is not set: the admin API refuses everybody");
        }
        let exhibits = exhibit(&gateway_url);
        let urls = Urls { control: control_url.clone(), gateway: gateway_url };
        let settings = control::settings(&config, urls, form_key, exhibits);
        let jobs = jobs::start(&store, &gateway, frozen);
        let gate = Arc::new(RunningGate { gateway: gateway.clone(), store: store.clone(), clock });
        let web = Web::new(store.clone(), gate, payments, settings);
        control::register(&web, &figures);
        Ok(Node { gateway, store, control: control.serve(web, shutdown_grace), control_url, _jobs: jobs })
    }
}

impl Node {
    /// Where the gateway listens.
    #[must_use]
    pub const fn gateway_address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// How people reach the control plane.
    #[must_use]
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Publishes what `config` declares now and compiles it. Addresses and the store stay as they are
    /// until the next start. No connection is dropped, and requests under way keep what they began with.
    ///
    /// # Errors
    /// In a sentence; what was in force before stays in force.
    pub async fn reload(&self, config: &Config) -> anyhow::Result<()> {
        config.declared.publish(&self.store).await.context("the configuration could not be published")?;
        self.gateway.reload(Some(setup(config, self.control_url.clone()))).await?;
        Ok(())
    }

    /// Completes and settles what is under way, then stops.
    pub async fn stop(self) {
        info!("Stopping: requests under way are completed and settled");
        self.control.stop().await;
        self.gateway.stop().await;
    }
}

/// Opens the store that `config` names.
///
/// # Errors
/// In a sentence for whoever started it.
pub async fn open_store(config: &Config, clock: &Arc<SystemClock>) -> anyhow::Result<Store> {
    let options = tollgate_store::Options { clock: Arc::clone(clock) as _, ..store_options(&config.store.url) };
    Ok(Store::open(options).await?)
}

/// How the store at `url` is opened: by the system's clock.
pub(crate) fn store_options(url: &str) -> tollgate_store::Options {
    tollgate_store::Options { url: url.to_owned(), clock: Arc::new(SystemClock::default()), ids: Arc::new(RandomIds) }
}

/// How far the test clock of a sandbox was moved in earlier runs.
async fn ahead(store: &Store) -> anyhow::Result<Duration> {
    let micros = store.setting(TEST_CLOCK).await?;
    Ok(Duration::from_micros(micros.and_then(|micros| micros.parse().ok()).unwrap_or(0)))
}

/// What signs the forms of pages: made at the first start, and kept. A form that a payment was under way for
/// when the process was killed still names that payment afterwards.
async fn form_key(store: &Store) -> anyhow::Result<String> {
    let fresh = format!("{:032x}{:032x}", RandomIds.random(), RandomIds.random());
    Ok(store.setting_once(FORM_KEY, &fresh).await?)
}

/// The payment provider in use: in a sandbox the simulator.
fn payments(config: &Config, clock: &Arc<SystemClock>) -> Option<Arc<dyn PaymentProvider>> {
    let simulator = || Arc::new(Simulator::new(Arc::clone(clock) as _, Arc::new(RandomIds))) as _;
    config.sandbox.enabled.then(simulator)
}

fn verifier(store: &Store, payments: Option<&Arc<dyn PaymentProvider>>) -> Arc<dyn Verifier> {
    match payments {
        Some(provider) => Arc::new(ProviderVerifier { store: store.clone(), provider: Arc::clone(provider) }),
        None => Arc::new(NoVerifier),
    }
}

/// What the gateway needs of the configuration besides the catalogue.
pub(crate) fn setup(config: &Config, control_url: String) -> Setup {
    Setup {
        docs_url: format!("{control_url}/docs/errors"),
        portal_url: control_url,
        support: config.control.support.clone(),
        cors_origins: config.gateway.cors_origins.clone(),
        scheme: if config.gateway.url.starts_with("https://") { "https" } else { "http" },
        texts: config.texts.clone(),
        secrets: config.secrets.clone(),
    }
}
