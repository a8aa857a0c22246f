//! What a core works with, and what all cores share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, mpsc};
use tollgate_core::id::{Id, Ids, Kind, mint};
use tollgate_core::time::{Clock, Timestamp};
use tollgate_store::Store;
use tollgate_store::settlement::{Durable, NotDurable, Settlement, Settler, Ticket};
use tracing::error;

use crate::directory::{Directory, FrozenBy};
use crate::front_door::Reaper;
use crate::mcp::Sessions;
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
    /// Whose MCP sessions are whose.
    pub(crate) mcp_sessions: Sessions,
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
    /// Ends when the answer behind `ticket` may be sent, however long that takes.
    pub(crate) async fn released(&self, ticket: Ticket) {
        if self.settlement == Settlement::Strict {
            self.settler.durable(ticket, self.index).at_last().await;
        }
    }

    /// When the answer behind `ticket` may be completed.
    pub(crate) fn release_after(&self, ticket: Ticket) -> Release {
        match self.settlement {
            Settlement::Strict => Release::WhenDurable(self.settler.durable(ticket, self.index)),
            Settlement::Relaxed => Release::Now,
        }
    }
}
