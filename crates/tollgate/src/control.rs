//! The control plane of a node: its listener, what it knows of the running gateway, and its figures.

mod figures;
mod gate;
mod verifier;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tollgate_web::{Playground, Readers, Review, Sandbox, Scenario, Settings, SignIn, Web};
use tracing::error;

pub(crate) use figures::Figures;
pub(crate) use gate::{NoGateway, RunningGate};
pub(crate) use verifier::ProviderVerifier;

use crate::config::{Config, MetricsFor, ReviewBy};

/// What only a demo shows.
#[derive(Clone)]
pub struct Exhibits {
    /// How visitors show whose pages they may see.
    pub sign_in: SignIn,
    /// What the playground sells.
    pub playground: Option<Playground>,
    /// Requests to try.
    pub scenarios: Vec<Scenario>,
}

impl Default for Exhibits {
    fn default() -> Self {
        Self { sign_in: SignIn::Key, playground: None, scenarios: Vec::new() }
    }
}

/// A control plane that has its port and does not answer yet.
pub(crate) struct Bound {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

/// A control plane that answers.
pub(crate) struct ControlPlane {
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
    shutdown_grace: Duration,
}

impl Bound {
    /// Takes the port of the control plane.
    ///
    /// # Errors
    /// In a sentence: the port is in use, the address is not ours.
    pub(crate) async fn at(address: SocketAddr) -> anyhow::Result<Self> {
        let context = || format!("control.address: cannot listen on {address}");
        let listener = TcpListener::bind(address).await.with_context(context)?;
        let address = listener.local_addr().with_context(context)?;
        Ok(Self { listener, address })
    }

    /// Answers from now on. When it is stopped, what is under way has `shutdown_grace` to complete.
    pub(crate) fn serve(self, web: Web, shutdown_grace: Duration) -> ControlPlane {
        let (stop, mut stopped) = watch::channel(false);
        let served = tokio::spawn(async move {
            let serving = axum::serve(self.listener, tollgate_web::router(web)).with_graceful_shutdown(async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            });
            if let Err(error) = serving.await {
                error!(%error, "The control plane ended");
            }
        });
        ControlPlane { stop, served, shutdown_grace }
    }
}

impl ControlPlane {
    /// Completes what is under way, then stops.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(true);
        let abort = self.served.abort_handle();
        // A payment that is under way is booked; a page that is kept open must not keep the process.
        if tokio::time::timeout(self.shutdown_grace, self.served).await.is_err() {
            abort.abort();
        }
    }
}

/// How people and programs reach a node.
pub(crate) struct Urls {
    pub(crate) control: String,
    pub(crate) gateway: String,
}

/// What the control plane is told: the configuration, and what a demo shows besides.
pub(crate) fn settings(config: &Config, urls: Urls, form_key: String, exhibits: Exhibits) -> Settings {
    let Urls { control: control_url, gateway: gateway_url } = urls;
    Settings {
        form_key,
        product: config.control.product.clone(),
        admin_token: config.control.admin_token.clone(),
        docs_url: format!("{control_url}/docs/errors"),
        portal_url: control_url,
        gateway_url,
        support: config.control.support.clone(),
        sandbox: if config.sandbox.enabled { Sandbox::On } else { Sandbox::Off },
        sign_in: exhibits.sign_in,
        review: match config.control.review {
            ReviewBy::Customer => Review::Customer,
            ReviewBy::Operator => Review::Operator,
        },
        metrics: match config.control.metrics {
            MetricsFor::Everybody => Readers::Everybody,
            MetricsFor::Admin => Readers::Admin,
        },
        playground: exhibits.playground,
        scenarios: exhibits.scenarios,
        front_ends: config.gateway.cors_origins.clone(),
    }
}

/// The figures of `figures` among those of `web`.
pub(crate) fn register(web: &Web, figures: &Arc<Figures>) {
    web.metrics().register(|registry| figures.register(registry));
}
