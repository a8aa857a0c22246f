//! The demo: a whole Tollgate that needs nothing else, with a customer for every reason.
//!
//! It runs on an embedded store in a folder that it makes anew, in front of the built-in sandbox
//! upstreams, with simulated payments. `cast` is who is there and why they are refused, `scenario` the
//! requests that show it, `tour` what is printed.

mod cast;
mod folder;
mod scenario;
mod send;
mod stage;
mod tour;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use serde::Serialize;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tollgate_core::id::Ids as _;
use tollgate_core::money::{Currency, Money, Nanos};
use tollgate_web::{Playground, SignIn};

pub use scenario::Scenario;
pub use tour::tour;

use cast::Cast;
use stage::Actor;

use crate::config::{Config, Environment};
use crate::control::Exhibits;
use crate::sandbox::Sandbox;
use crate::serve::{Foundation, Node};
use crate::system::{RandomIds, SystemClock};

/// The configuration of the demo, with `{sandbox}` and `{nowhere}` for the addresses of its upstreams.
pub const CONFIG: &str = include_str!("demo/demo.toml");

/// How to run the demo.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its data is kept. It is made anew.
    pub data: PathBuf,
    /// Where the gateway listens.
    pub gateway: SocketAddr,
    /// Where the control plane listens.
    pub control: SocketAddr,
    /// The database; one in the data folder if absent.
    pub store: Option<String>,
}

/// A running demo.
pub struct Demo {
    node: Node,
    sandbox: Sandbox,
    /// Keeps the port of the upstream that is down from being taken by anybody.
    _nowhere: TcpSocket,
    running: JoinSet<()>,
    facts: Facts,
}

/// What a program needs to know to use the demo.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// Where the gateway listens.
    pub gateway: String,
    /// Where the control plane listens.
    pub control: String,
    /// The bearer token of the admin API.
    pub admin_token: String,
    /// Where the data is.
    pub data: PathBuf,
    /// A request for every reason, and one that is served.
    pub scenarios: Vec<Scenario>,
}

struct NoEnvironment;

impl Environment for NoEnvironment {
    fn get(&self, _: &str) -> Option<String> {
        None
    }
}

impl Demo {
    /// Starts everything and puts everybody in their places.
    ///
    /// # Errors
    /// In a sentence for whoever started it.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        // Before anything is made anew: what runs there keeps its data.
        for (listener, flag, address) in
            [("gateway", "--gateway", options.gateway), ("control plane", "--control", options.control)]
        {
            std::net::TcpListener::bind(address).with_context(|| {
                format!("the {listener} cannot listen on {address}; choose another address with {flag}")
            })?;
        }
        folder::make_anew(&options.data)?;
        let clock: Arc<SystemClock> = Arc::default();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let sandbox = Sandbox::start(free, clock).context("cannot start the sandbox upstreams")?;
        let nowhere = TcpSocket::new_v4()?;
        nowhere.bind(free)?;
        let config = configure(options, sandbox.addr(), nowhere.local_addr()?)?;
        let admin_token = config.control.admin_token.clone();
        let foundation = Foundation::lay_on_empty_store(config).await?;
        let cast = cast::fill(foundation.store()).await.context("the cast of the demo could not be set up")?;
        let node = foundation.serve(|gateway| exhibits(&cast, gateway)).await?;
        let gateway = node.gateway_address();
        for scenario in &cast.warm_up {
            send::once(gateway, scenario).await.context("the demo does not answer")?;
        }
        let mut running = JoinSet::new();
        for scenario in cast.endless {
            let answer = send::open(gateway, &scenario).await.context("the demo does not answer")?;
            running.spawn(send::keep_open(gateway, scenario, answer));
        }
        let facts = Facts {
            gateway: format!("http://{gateway}"),
            control: node.control_url().to_owned(),
            admin_token,
            data: options.data.clone(),
            scenarios: cast.scenarios,
        };
        Ok(Self { node, sandbox, _nowhere: nowhere, running, facts })
    }

    /// What a program needs to know to use it.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Stops everything.
    pub async fn stop(mut self) {
        self.running.shutdown().await;
        self.node.stop().await;
        self.sandbox.stop().await;
    }
}

/// What the pages of the demo show: whoever has a link may act, and the item of the playground.
fn exhibits(cast: &Cast, gateway: &str) -> Exhibits {
    let Actor { customer, key, .. } = &cast.visitor;
    let playground = Playground {
        customer: *customer,
        key: key.clone(),
        path: "/rest/report".to_owned(),
        price: Money::new(Nanos::new(5_000_000_000), Currency::USD),
    };
    let scenarios = cast.scenarios.iter().map(|scenario| tollgate_web::Scenario {
        reason: scenario.reason.to_owned(),
        status: scenario.status,
        curl: scenario.curl(gateway),
    });
    Exhibits {
        sign_in: SignIn::None { visitor: Some(*customer) },
        playground: Some(playground),
        scenarios: scenarios.collect(),
    }
}

/// The configuration of the demo, filled in.
fn configure(options: &Options, sandbox: SocketAddr, nowhere: SocketAddr) -> anyhow::Result<Config> {
    let text =
        CONFIG.replace("{sandbox}", &format!("http://{sandbox}")).replace("{nowhere}", &format!("http://{nowhere}"));
    let mut config = Config::parse("demo.toml", &text, &NoEnvironment).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(errors.join("\n"))
    })?;
    config.gateway.address = options.gateway;
    config.control.address = options.control;
    config.control.admin_token = admin_token();
    config.store.url = match &options.store {
        Some(url) => url.clone(),
        None => format!("sqlite:{}", options.data.join("demo.db").display()),
    };
    Ok(config)
}

/// A fresh token for the admin API of this run.
fn admin_token() -> String {
    format!("demo-{:032x}", RandomIds.random())
}
