//! The handle by which the gateway settles.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};

use crate::{Store, StoreError};

use super::entry::Entry;
use super::queue::BYTES_MAX;
use super::room::{Durable, GivesUp};
use super::shared::{Command, Settling, Shards, Shared};
use super::writer::Writer;

/// The handle by which the gateway settles. Cheap to clone.
#[derive(Clone)]
pub struct Settler {
    shared: Arc<Shared>,
}

/// Stands for one entry on its way to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an answer is released when its ticket is durable"]
pub struct Ticket(u64);

/// Whether paid requests may be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The database keeps up.
    Good,
    /// The last commit failed; it is tried again.
    Failing,
    /// Too much waits to be committed.
    Full,
}

impl Settler {
    /// Puts `entry` on its way to the log.
    pub fn submit(&self, entry: &Entry<'_>) -> Ticket {
        let pushed = self.shared.queue.push(entry);
        if pushed.is_first_for_journal {
            self.shared.wake_journal();
        }
        if pushed.is_first {
            self.shared.work.notify_one();
        }
        Ticket(pushed.ticket)
    }

    /// Ends when the entry behind `ticket` is durable, or when it cannot be for too long. `core` is the room of the runtime that waits.
    pub fn durable(&self, ticket: Ticket, core: usize) -> Durable {
        let room = Arc::clone(&self.shared.rooms[core % self.shared.rooms.len()]);
        Durable { ticket: ticket.0, progress: Arc::clone(&self.shared.progress), room, gives_up: GivesUp::WhenStuck }
    }

    /// Wakes the waiting requests of `core` for as long as it runs. Each core's runtime runs one.
    pub async fn listen(&self, core: usize) {
        let room = Arc::clone(&self.shared.rooms[core % self.shared.rooms.len()]);
        let progress = Arc::clone(&self.shared.progress);
        room.listen(&progress).await;
    }

    /// Whether paid requests may be admitted.
    #[must_use]
    pub fn health(&self) -> Health {
        if self.shared.is_failing.load(Ordering::Relaxed) {
            Health::Failing
        } else if self.shared.queue.bytes() > BYTES_MAX {
            Health::Full
        } else {
            Health::Good
        }
    }

    pub(crate) async fn start(store: &Store, settling: Settling) -> Result<(Self, Folder), StoreError> {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (ready, started) = oneshot::channel();
        let store = store.clone();
        // A thread and runtime of its own: no other task can delay a commit.
        std::thread::Builder::new()
            .name("settlement".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let Ok(runtime) = runtime else { return };
                runtime.block_on(async move {
                    match Writer::recover(store, settling, inbox).await {
                        Ok(writer) => {
                            let _ = ready.send(Ok(Arc::clone(writer.shared())));
                            writer.run().await;
                        }
                        Err(error) => {
                            let _ = ready.send(Err(error));
                        }
                    }
                });
            })
            .map_err(|error| StoreError::Unavailable(sqlx::Error::Io(error)))?;
        let shared = started.await.map_err(|_| StoreError::Unavailable(sqlx::Error::WorkerCrashed))??;
        let folder = Folder { commands, shared: Arc::clone(&shared) };
        Ok((Self { shared }, folder))
    }
}

/// Asks the writer to fold, or to stop.
pub struct Folder {
    commands: mpsc::UnboundedSender<Command>,
    shared: Arc<Shared>,
}

impl Folder {
    /// Folds what is committed.
    pub(crate) async fn fold(&self, shards: Shards) -> Result<(), StoreError> {
        let gone = || StoreError::Unavailable(sqlx::Error::WorkerCrashed);
        let (done, result) = oneshot::channel();
        self.commands.send(Command::Fold(shards, done)).map_err(|_| gone())?;
        self.shared.work.notify_one();
        result.await.map_err(|_| gone())?
    }

    /// Commits and folds what is left, then ends the writer.
    pub(crate) async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.commands.send(Command::Stop(done)).is_ok() {
            self.shared.work.notify_one();
            let _ = stopped.await;
        }
    }
}
