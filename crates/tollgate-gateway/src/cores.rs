//! Cores: one single-threaded runtime each, with its own listener and its own upstream connections.
//!
//! No request moves between threads. What cores share is short: the customer's lock, the settlement queue.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;
use tollgate_core::id::{Id, Ids, Kind, mint};
use tollgate_core::time::{Clock, Timestamp};
use tollgate_store::Store;
use tollgate_store::settlement::{Durable, NotDurable, Settler, Ticket};
use tracing::{error, info};

use crate::connection;
use crate::directory::{Directory, FrozenBy};
use crate::front_door::Reaper;
use crate::gateway::Settlement;
use crate::snapshot::Snapshot;
use crate::supervisor::Supervisor;
use crate::verification::Verifier;

/// What one core works with.
pub(crate) struct Core {
    pub(crate) index: usize,
    pub(crate) node: Arc<Node>,
    /// Tasks of this core that shutdown waits for.
    pub(crate) supervisor: Supervisor,
    pub(crate) reaper: Reaper,
}

/// What all cores share.
pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) settler: Settler,
    pub(crate) settlement: Settlement,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) directory: Directory,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) verifier: Arc<dyn Verifier>,
    /// Prompts that are counted at the same time.
    pub(crate) counting: Semaphore,
    pub(crate) frozen: mpsc::UnboundedSender<FrozenBy>,
}

impl std::ops::Deref for Core {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl Node {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn mint<K: Kind>(&self) -> Id<K> {
        mint(&*self.ids, self.clock.now())
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// A fraud rule fired: it must become durable and somebody must look at it.
    pub(crate) fn report_frozen(&self, frozen: FrozenBy) {
        if self.frozen.send(frozen).is_err() {
            error!("A frozen customer could not be reported: nobody listens any more");
        }
    }
}

/// When an answer may be completed.
pub(crate) enum Release {
    /// At once: the operator accepts to lose the last milliseconds in a crash.
    Now,
    /// When its settlement is durable.
    WhenDurable(Durable),
}

impl Future for Release {
    type Output = Result<(), NotDurable>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Now => Poll::Ready(Ok(())),
            Self::WhenDurable(durable) => Pin::new(durable).poll(context),
        }
    }
}

impl Core {
    /// When the answer behind `ticket` may be completed.
    pub(crate) fn release_after(&self, ticket: Ticket) -> Release {
        match self.settlement {
            Settlement::Strict => Release::WhenDurable(self.settler.durable(ticket, self.index)),
            Settlement::Relaxed => Release::Now,
        }
    }
}

/// Binds a listener that shares `address` with those of the other cores.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(4_096)?.into_std()
}

/// Runs one core on the calling thread until `stopping` says so and everything under way has ended.
pub(crate) fn run(
    index: usize,
    node: Arc<Node>,
    listener: std::net::TcpListener,
    stopping: watch::Receiver<bool>,
    grace: Duration,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let core = Arc::new(Core { index, node, supervisor: Supervisor::default(), reaper: Reaper::default() });
    runtime.block_on(async move {
        let listener = TcpListener::from_std(listener)?;
        let settled = Arc::clone(&core);
        tokio::spawn(async move { settled.settler.listen(settled.index).await });
        let reaped = Arc::clone(&core);
        tokio::spawn(async move { reaped.reaper.run().await });
        connection::accept(&core, listener, stopping).await;
        // Connections have been told to end after the request they serve.
        if timeout(grace, core.supervisor.idle()).await.is_err() {
            info!(core = index, "Requests were still running when the grace period ended");
        }
        Ok(())
    })
}
