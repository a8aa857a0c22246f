//! Running ahead of the log: what waits for the next group goes to the journal at once, and what a crash
//! left there is moved into the log.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sqlx::{AnyConnection, Connection as _};
use tracing::{error, info, warn};

use crate::chain::Link;
use crate::engine::Engine;
use crate::{Corrupt, Store, StoreError};

use super::journal::{self, Appended, Journal, Left, Title};
use super::log;
use super::queue::{Ahead, Batch};
use super::shared::Shared;

/// Two writes are further apart the more entries they share, up to this.
const PAUSE_MAX: Duration = Duration::from_millis(1);
const PAUSE_PER_ENTRY: Duration = Duration::from_micros(50);

/// Where the journal of a node is, and whose it is.
#[derive(Debug)]
pub(crate) struct JournalPlace {
    path: PathBuf,
    title: Title,
}

impl JournalPlace {
    /// The place of `node`'s journal; `None` on PostgreSQL, which has no folder of its own here.
    pub(crate) async fn of(store: &Store, node: &str) -> Result<Option<Self>, StoreError> {
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
        if let Some(ahead) = left.iter().find(|left| left.committed > link.seq) {
            let (path, had, has) = (self.path.display(), ahead.committed, link.seq);
            return Err(Corrupt(format!(
                "{path} was written when the database had settlement group {had}, and it ends with {has}: it is older \
                 than the journal. Restore both from the same moment, or move the journal away and lose what it holds"
            ))
            .into());
        }
        let _lane = store.db.write_lane().await;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let mut entries = 0;
        for Left { group, payload, .. } in left {
            // A group that the journal did not see, and that was not committed, was promised to nobody. Its
            // number stays its own, so that the same record is never taken for another one.
            while link.seq + 1 < group {
                let nothing = Batch::default();
                link = link.next(&nothing.payload);
                log::append(&mut tx, &self.title.node, store.now(), &nothing, &link).await?;
            }
            let batch = Batch::of(payload)?;
            link = link.next(&batch.payload);
            log::append(&mut tx, &self.title.node, store.now(), &batch, &link).await?;
            entries += batch.extent.entries;
        }
        tx.commit().await?;
        info!(entries, "Moved settlements from the journal into the log that were durable before the last stop");
        Ok(link)
    }

    /// Removes a journal that was moved into the log, where none is wanted.
    pub(super) fn clear(&self) {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                warn!(%error, "Could not remove the settlement journal, which is not needed any more");
            }
            _ => (),
        }
    }

    /// Starts an empty journal: from now on answers wait for it and no longer for the log. `None` if the disk
    /// has no room for it.
    ///
    /// # Errors
    /// If its file cannot be made.
    pub(super) fn start(&self, shared: &Arc<Shared>) -> Result<Option<Running>, StoreError> {
        let failed = |error| StoreError::Unavailable(sqlx::Error::Io(error));
        match self.create() {
            Ok(journal) => Running::start(journal, Arc::clone(shared)).map(Some).map_err(failed),
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                warn!(
                    "The disk has no room for the settlement journal; answers wait for the database, which takes longer"
                );
                self.clear();
                Ok(None)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// An empty journal, in place of the one that was moved into the log.
    pub(crate) fn create(&self) -> std::io::Result<Journal> {
        Journal::create(&self.path, self.title.clone())
    }
}

/// The running thread.
#[derive(Debug)]
pub(super) struct Running {
    thread: JoinHandle<Journal>,
    stopping: Arc<AtomicBool>,
}

impl Running {
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

    /// Ends the thread: what comes from now on waits for the log. The journal is to be removed when the log
    /// has everything.
    pub(super) fn stop(self) -> Option<Journal> {
        self.stopping.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let journal = self.thread.join();
        if journal.is_err() {
            error!("The settlement journal's thread had panicked");
        }
        journal.ok()
    }
}

/// While it lives answers wait for the journal; afterwards, whatever ended it, for the log.
struct Journaling<'a>(&'a Shared);

impl Drop for Journaling<'_> {
    fn drop(&mut self) {
        self.0.is_journaling.store(false, Ordering::Relaxed);
        self.0.work.notify_one();
    }
}

/// Appends whatever waits until it is told to stop, or the disk fails.
fn run(mut journal: Journal, shared: &Shared, stopping: &AtomicBool) -> Journal {
    let _end = Journaling(shared);
    let mut payload = Vec::new();
    let mut run = 0..0;
    while !stopping.load(Ordering::Acquire) {
        let Some(ahead) = shared.queue.copy_ahead(&mut payload) else {
            std::thread::park();
            continue;
        };
        match journal.append(ahead.group, &payload, shared.committed.load(Ordering::Acquire)) {
            Ok(Appended::Durable) => {
                run = extended(run, ahead);
                shared.note_journaled(run.clone());
                std::thread::sleep(pause_after(ahead.end - ahead.first));
            }
            // These wait for the log. The writer wakes this thread after each commit.
            Ok(Appended::NoRoom) => {
                shared.has_no_room.store(true, Ordering::Relaxed);
                std::thread::park();
                shared.has_no_room.store(false, Ordering::Relaxed);
            }
            Err(error) => {
                error!(%error, "The settlement journal cannot be written; answers wait for the database from now on");
                break;
            }
        }
    }
    journal
}

/// The tickets without a gap that end with those of `ahead`. What the writer took before the journal saw it,
/// and what found no room, is a gap: it waits for the log.
pub(super) fn extended(run: Range<u64>, ahead: Ahead) -> Range<u64> {
    let start = if run.end == ahead.first { run.start } else { ahead.first };
    start..ahead.end
}

/// How long to gather before the next write. One that came alone makes nobody wait; where many came together
/// many more are on their way, and a write costs the same for all of them.
fn pause_after(entries: u64) -> Duration {
    let others = u32::try_from(entries.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSE_PER_ENTRY.saturating_mul(others).min(PAUSE_MAX)
}
