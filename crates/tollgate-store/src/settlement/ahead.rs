//! Running ahead of the log: what waits for the next group goes to the journal at once, and what a crash
//! left there is moved into the log.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sqlx::{AnyConnection, Connection as _};
use tracing::{error, info, warn};

use crate::chain::Link;
use crate::db::Engine;
use crate::{Corrupt, Store, StoreError};

use super::journal::{self, Appended, Journal, Left, Title};
use super::log;
use super::queue::Batch;
use super::settler::Shared;

/// Two writes are further apart the more entries they share, up to this.
const PAUSE_MAX: Duration = Duration::from_millis(1);
const PAUSE_PER_ENTRY: Duration = Duration::from_micros(50);

/// Where the journal of a node is, and whose it is.
#[derive(Debug)]
pub(super) struct JournalPlace {
    path: PathBuf,
    title: Title,
}

impl JournalPlace {
    /// The place of `node`'s journal; `None` on PostgreSQL, which has no folder of its own here.
    pub(super) async fn of(store: &Store, node: &str) -> Result<Option<Self>, StoreError> {
        if store.db.engine == Engine::Postgres {
            return Ok(None);
        }
        let database = store.setting_once("database_id", &format!("{:032x}", store.ids.random())).await?;
        let mut path = store.db.sqlite_path().into_os_string();
        path.push("-settlements");
        Ok(Some(Self { path: path.into(), title: Title { database, node: node.to_owned() } }))
    }

    /// Moves what a crash left in the journal into the log, which ends at `link`, and gives its new end.
    ///
    /// # Errors
    /// If either cannot be read or written, or they do not belong together.
    pub(super) async fn move_into_log(
        &self,
        store: &Store,
        connection: &mut AnyConnection,
        mut link: Link,
    ) -> Result<Link, StoreError> {
        let mut left = journal::read(&self.path, &self.title)?;
        left.retain(|left| left.group > link.seq);
        if left.is_empty() {
            return Ok(link);
        }
        let _lane = store.db.write_lane().await;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let mut entries = 0;
        for Left { group, payload } in left {
            let batch = Batch::of(payload)?;
            let next = link.next(&batch.payload);
            if next.seq != group {
                let (path, missing) = (self.path.display(), next.seq);
                return Err(Corrupt(format!(
                    "{path} goes on with group {group}, and the database lacks group {missing} already: \
                     it is older than the journal. Restore both from the same moment, or move the journal away \
                     and lose what it holds"
                ))
                .into());
            }
            log::append(&mut tx, &self.title.node, store.now(), &batch, &next).await?;
            entries += batch.entries;
            link = next;
        }
        tx.commit().await?;
        info!(entries, "Moved settlements from the journal into the log that were durable before the last stop");
        Ok(link)
    }

    /// Starts an empty journal: from now on answers wait for it and no longer for the log.
    ///
    /// # Errors
    /// If its file cannot be made.
    pub(super) fn start(self, shared: &Arc<Shared>) -> Result<Ahead, StoreError> {
        let failed = |error| StoreError::Unavailable(sqlx::Error::Io(error));
        let journal = Journal::create(&self.path, self.title).map_err(failed)?;
        Ahead::start(journal, Arc::clone(shared)).map_err(failed)
    }
}

/// The running thread.
#[derive(Debug)]
pub(super) struct Ahead {
    thread: JoinHandle<Journal>,
    stopping: Arc<AtomicBool>,
}

impl Ahead {
    fn start(journal: Journal, shared: Arc<Shared>) -> std::io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (thread_shared, thread_stopping) = (Arc::clone(&shared), Arc::clone(&stopping));
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || run(journal, &thread_shared, &thread_stopping))?;
        let _ = shared.journal.set(thread.thread().clone());
        shared.is_journaling.store(true, Ordering::Relaxed);
        Ok(Self { thread, stopping })
    }

    /// Ends the thread and removes the journal. The log has everything by now.
    pub(super) fn stop(self, shared: &Shared) {
        shared.is_journaling.store(false, Ordering::Relaxed);
        self.stopping.store(true, Ordering::Release);
        self.thread.thread().unpark();
        match self.thread.join().map(Journal::remove) {
            Ok(Ok(())) => (),
            Ok(Err(error)) => warn!(%error, "Could not remove the settlement journal, which is not needed any more"),
            Err(_) => error!("The settlement journal's thread had panicked"),
        }
    }
}

/// Appends whatever waits until it is told to stop, or the disk fails.
fn run(mut journal: Journal, shared: &Shared, stopping: &AtomicBool) -> Journal {
    let mut payload = Vec::new();
    while !stopping.load(Ordering::Acquire) {
        let Some(ahead) = shared.queue.copy_ahead(&mut payload) else {
            std::thread::park();
            continue;
        };
        match journal.append(ahead.group, &payload, shared.committed.load(Ordering::Acquire)) {
            Ok(Appended::Durable) => {
                shared.is_durable_to(ahead.end);
                std::thread::sleep(pause_after(ahead.entries));
            }
            // These wait for the log. The writer wakes this thread after each commit.
            Ok(Appended::NoRoom) => std::thread::park(),
            Err(error) => {
                error!(%error, "The settlement journal cannot be written; answers wait for the database from now on");
                shared.is_journaling.store(false, Ordering::Relaxed);
                shared.work.notify_one();
                break;
            }
        }
    }
    journal
}

/// How long to gather before the next write. One that came alone makes nobody wait; where many came together
/// many more are on their way, and a write costs the same for all of them.
fn pause_after(entries: u32) -> Duration {
    (PAUSE_PER_ENTRY * entries.saturating_sub(1)).min(PAUSE_MAX)
}
