//! The gateway as a whole: started, reloaded, stopped.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc, watch};
use tollgate_core::id::{CustomerId, Ids};
use tollgate_core::time::Clock;
use tollgate_store::settlement::{Entry, ExpiryEntry, Health, Observer, Settlement, Settling};
use tollgate_store::{Refresh, Store, StoreError, Touched};
use tracing::{error, warn};

use crate::core::Node;
use crate::cores;
use crate::directory::{Directory, FrozenBy};
use crate::limits::COUNTING_MAX;
use crate::mcp::Sessions;
use crate::snapshot::{Setup, Snapshot, SnapshotError};
use crate::verification::Verifier;

/// How to start a gateway.
pub struct Options {
    /// Where it listens.
    pub address: SocketAddr,
    /// How many cores serve; each has a thread and a runtime of its own.
    pub cores: usize,
    /// The name of this node in the settlement log.
    pub node: String,
    /// When answers are released.
    pub settlement: Settlement,
    /// How long shutdown waits for requests under way.
    pub shutdown_grace: Duration,
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn Ids>,
    /// Takes authorizations for valuable requests.
    pub verifier: Arc<dyn Verifier>,
    /// Sees every settlement once it is durable.
    pub observer: Option<Arc<dyn Observer>>,
    /// What the operator set outside the catalogue.
    pub setup: Setup,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalogue cannot be compiled.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// A running gateway. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    node: Arc<Node>,
    address: SocketAddr,
    stopping: Arc<watch::Sender<bool>>,
    /// Compiling reads and then replaces: one at a time, or an older catalogue could replace a newer one.
    reloading: Arc<tokio::sync::Mutex<()>>,
    threads: Arc<std::sync::Mutex<Vec<JoinHandle<()>>>>,
}

impl Gateway {
    /// Starts a gateway on `store`. Customers whom its fraud rules freeze arrive at the receiver.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(
        store: Store,
        options: Options,
    ) -> Result<(Self, mpsc::UnboundedReceiver<FrozenBy>), StartError> {
        let listen = |source| StartError::Listen { address: options.address, source };
        let first = cores::bind(options.address).map_err(listen)?;
        let address = first.local_addr().map_err(listen)?;
        let snapshot = Snapshot::read(&store, options.setup).await?;
        let settling = Settling {
            node: options.node,
            cores: options.cores,
            settlement: options.settlement,
            observer: options.observer,
        };
        let settler = store.start_settling(settling).await?;
        let (frozen, reports) = mpsc::unbounded_channel();
        let node = Arc::new(Node {
            directory: Directory::new(store.clone()),
            store,
            settler,
            settlement: options.settlement,
            clock: options.clock,
            ids: options.ids,
            snapshot: ArcSwap::from_pointee(snapshot),
            verifier: options.verifier,
            counting: Semaphore::new(COUNTING_MAX),
            mcp_sessions: Sessions::default(),
            frozen,
        });
        let (stopping, stop) = watch::channel(false);
        let mut listeners = vec![first];
        for _ in 1..options.cores.max(1) {
            listeners.push(cores::bind(address).map_err(listen)?);
        }
        let mut threads = Vec::new();
        for (index, listener) in listeners.into_iter().enumerate() {
            let (node, stop, grace) = (Arc::clone(&node), stop.clone(), options.shutdown_grace);
            let thread = std::thread::Builder::new().name(format!("core-{index}")).spawn(move || {
                if let Err(error) = cores::run(index, node, listener, stop, grace) {
                    error!(core = index, %error, "A core ended");
                }
            });
            threads.push(thread.map_err(listen)?);
        }
        let gateway = Self {
            node,
            address,
            stopping: Arc::new(stopping),
            reloading: Arc::default(),
            threads: Arc::new(std::sync::Mutex::new(threads)),
        };
        gateway.node.store.set_refresh(Arc::new(gateway.clone()));
        Ok((gateway, reports))
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether paid requests are admitted.
    #[must_use]
    pub fn health(&self) -> Health {
        self.node.settler.health()
    }

    /// Keys and customers that are known here.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        self.node.directory.sizes()
    }

    /// Compiles the catalogue anew, with another setup if given. Requests under way keep the old one.
    ///
    /// # Errors
    /// If it cannot be compiled; the old one stays in force.
    pub async fn reload(&self, setup: Option<Setup>) -> Result<(), SnapshotError> {
        let _alone = self.reloading.lock().await;
        let setup = setup.unwrap_or_else(|| self.node.snapshot().setup.clone());
        let snapshot = Snapshot::read(&self.node.store, setup).await?;
        self.node.snapshot.store(Arc::new(snapshot));
        Ok(())
    }

    /// The standing of a customer as this node has it, as JSON.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the store does not answer.
    pub async fn standing(&self, customer: CustomerId) -> Result<Value, StoreError> {
        let customer = self.node.directory.customer(customer).await?;
        let now = self.node.now();
        let mut standing = customer.standing();
        standing.advance(now);
        Ok(crate::own_paths::describe(&standing, now))
    }

    /// Lets credit expire whose time has come: what is left of it, and not held, becomes breakage.
    pub fn expire_grants(&self) {
        let now = self.node.now();
        for customer in self.node.directory.all() {
            let mut standing = customer.standing();
            let currency = standing.currency;
            for (grant, amount) in standing.wallet.expire(now) {
                let entry = ExpiryEntry {
                    grant: grant.to_bytes().into(),
                    customer: customer.id.to_bytes().into(),
                    amount: amount.get(),
                    currency: currency.code(),
                    at: now.unix_micros(),
                };
                // The log has it with its next group; nobody waits for it.
                let _ticket = self.node.settler.submit(&Entry::Expiry(entry));
            }
        }
    }

    /// Stops: no new connections, what is under way is completed and settled.
    pub async fn stop(&self) {
        let _ = self.stopping.send(true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    error!("A core ended with a panic");
                }
            }
        });
        if joined.await.is_err() {
            error!("Could not wait for the cores");
        }
        self.node.store.stop_settling().await;
    }
}

/// What administrators change is known here before it is acknowledged.
impl Refresh for Gateway {
    fn refresh(&self, touched: Touched) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            for key in &touched.keys {
                if let Err(error) = self.node.directory.refresh_key(key).await {
                    warn!(key, %error, "A changed key could not be read; it will be when it is used");
                }
            }
            for customer in touched.customers {
                if let Err(error) = self.node.directory.refresh_customer(customer).await {
                    warn!(%customer, %error, "A changed customer could not be read; it will be with the next request");
                }
            }
            if touched.catalogue
                && let Err(error) = self.reload(None).await
            {
                error!(%error, "The changed catalogue cannot be compiled; the one before stays in force");
            }
        })
    }
}
