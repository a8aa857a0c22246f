//! The writer: takes what waits, commits it, says so, and folds between commits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection as _};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::chain::{self, Link};
use crate::node_lock::NodeLock;
use crate::{Store, StoreError};

use super::ahead::{self, JournalPlace};
use super::entry::decode_all;
use super::fold::{self, Scene};
use super::journal::Journal;
use super::log::{self, chain_name};
use super::pending::{Pending, SHARDS, shard_of};
use super::queue::{Batch, Take};
use super::shared::{Command, Settlement, Settling, Shards, Shared};

/// How long all shards take to be folded once. What is shown may lag by it, unless asked to be folded.
const FOLD_ROUND: Duration = Duration::from_millis(1_000);

/// How long a commit or a fold may take. A database that says nothing for longer is gone.
const DATABASE_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How long answers wait for commits that fail. Beyond it they are cut off: nothing is completed unbilled.
const ANSWERS_WAIT: Duration = Duration::from_secs(10);

/// Moves what waits into the log, group by group, and from there into the books.
pub(super) struct Writer {
    store: Store,
    node: String,
    shared: Arc<Shared>,
    /// The journal that runs ahead of the log, if there is one.
    ahead: Option<ahead::Running>,
    inbox: mpsc::UnboundedReceiver<Command>,
    connection: Option<AnyConnection>,
    link: Link,
    shards: Vec<Shard>,
    next_shard: usize,
}

/// What one shard has to fold.
#[derive(Default)]
struct Shard {
    pending: Pending,
    /// What a fold has tried to fold, up to which group, and does not know whether it did.
    tried: Option<(Pending, i64)>,
}

impl Shard {
    fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.tried.is_none()
    }
}

impl Writer {
    /// Opens the log at its end, adds what a crash left in the journal, and folds what an earlier run left.
    pub(super) async fn recover(
        store: Store,
        settling: Settling,
        inbox: mpsc::UnboundedReceiver<Command>,
    ) -> Result<Self, StoreError> {
        let node = settling.node.clone();
        let locked = store.lock.as_ref().as_ref().and_then(NodeLock::take_session);
        let mut connection = store.db.dedicated(locked).await?;
        let mut link = log::last(&mut connection, &node).await?;
        let journal = JournalPlace::of(&store, &node).await?;
        if let Some(place) = &journal {
            link = place.move_into_log(&store, &mut connection, link).await?;
        }
        let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::default()).collect();
        let mut folded = Vec::with_capacity(SHARDS);
        for shard in 0..SHARDS {
            folded.push(fold::folded(&mut connection, &node, shard).await?);
        }
        let mut after = folded.iter().copied().min().unwrap_or(0);
        let mut entries = 0_u64;
        loop {
            let groups = log::groups_after(&mut connection, &node, after, 200).await?;
            let Some(last) = groups.last() else { break };
            after = last.seq;
            for group in &groups {
                for entry in decode_all(&group.payload) {
                    let entry = entry?;
                    let shard = shard_of(entry.customer());
                    if group.seq > folded[shard] {
                        shards[shard].pending.add(&entry)?;
                        entries += 1;
                    }
                }
            }
        }
        let is_strict = settling.settlement == Settlement::Strict;
        let shared = Arc::new(Shared::new(settling, link.seq));
        let ahead = match journal.as_ref().filter(|_| is_strict) {
            Some(place) => place.start(&shared)?,
            None => None,
        };
        if let Some(place) = journal.as_ref().filter(|_| !is_strict) {
            place.clear();
        }
        let connection = Some(connection);
        let mut writer = Self { store, node, shared, ahead, inbox, connection, link, shards, next_shard: 0 };
        if entries > 0 {
            info!(entries, "Folding settlements that were committed before the last stop");
            writer.fold_all().await?;
        }
        Ok(writer)
    }

    /// What it shares with the gateway.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Commits and folds until it is told to stop.
    pub(super) async fn run(mut self) {
        let mut batch = Batch::default();
        let pause = FOLD_ROUND / u32::try_from(SHARDS).unwrap_or(1);
        let mut next_fold = Instant::now() + pause;
        let mut next_commit = Instant::now();
        loop {
            if self.shared.queue.is_empty() && self.inbox.is_empty() {
                if self.shards.iter().all(Shard::is_idle) {
                    self.shared.work.notified().await;
                } else {
                    let until = tokio::time::Instant::from_std(next_fold);
                    // Either way the loop looks again.
                    let _ = tokio::time::timeout_at(until, self.shared.work.notified()).await;
                }
            }
            while Instant::now() < next_commit && self.inbox.is_empty() {
                let until = tokio::time::Instant::from_std(next_commit);
                let _ = tokio::time::timeout_at(until, self.shared.work.notified()).await;
            }
            // Before the queue: what was submitted before a command was sent is committed before it runs.
            let command = self.inbox.try_recv().ok();
            let what = if command.is_some() { Take::All } else { self.shared.regular_take() };
            self.shared.queue.take(what, &mut batch);
            next_commit = Instant::now() + self.shared.commit_interval();
            if batch.extent.entries > 0 {
                self.commit(&batch).await;
                batch.shrink();
            }
            match command {
                None => (),
                Some(Command::Fold(shards, done)) => {
                    let result = match shards {
                        Shards::All => self.fold_all().await,
                        Shards::One(shard) => self.fold_shard(shard).await,
                    };
                    let _ = done.send(result);
                }
                Some(Command::Stop(done)) => {
                    self.stop().await;
                    // With it goes its hold on the database: who was told may open it again.
                    drop(self);
                    let _ = done.send(());
                    return;
                }
            }
            if Instant::now() >= next_fold {
                next_fold = Instant::now() + pause;
                self.fold_next().await;
            }
        }
    }

    async fn stop(&mut self) {
        let journal = self.ahead.take().and_then(ahead::Running::stop);
        // What the journal still took while it was being stopped.
        let mut batch = Batch::default();
        self.shared.queue.take(Take::All, &mut batch);
        if batch.extent.entries > 0 {
            self.commit(&batch).await;
        }
        if let Err(error) = self.fold_all().await {
            warn!(%error, "Could not fold before stopping; the next start will");
        }
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
        if let Some(Err(error)) = journal.map(Journal::remove) {
            warn!(%error, "Could not remove the settlement journal, which is not needed any more");
        }
    }

    /// Appends `batch` to the log, however long that takes, and lets everybody know.
    async fn commit(&mut self, batch: &Batch) {
        let next = self.link.next(&batch.payload);
        let mut patience = Duration::from_millis(10);
        let began = Instant::now();
        loop {
            match in_time(self.append(batch, &next)).await {
                Ok(()) => break,
                Err(error) => {
                    if !self.shared.is_failing.swap(true, Ordering::Relaxed) {
                        error!(%error, "Settlements cannot be committed; paid requests are refused until they can");
                    }
                    self.connection = None;
                    if began.elapsed() > ANSWERS_WAIT {
                        self.shared.get_stuck();
                    }
                    tokio::time::sleep(patience).await;
                    patience = (patience * 2).min(Duration::from_secs(1));
                }
            }
        }
        if self.shared.is_failing.swap(false, Ordering::Relaxed) {
            info!("Settlements are committed again");
        }
        self.link = next;
        self.shared.committed.store(self.link.seq, Ordering::Release);
        self.shared.note_logged(batch.end);
        self.shared.wake_journal();
        for entry in decode_all(&batch.payload) {
            let added = entry.and_then(|entry| {
                if let Some(observer) = &self.shared.observer {
                    observer.committed(&entry);
                }
                self.shards[shard_of(entry.customer())].pending.add(&entry)
            });
            if let Err(error) = added {
                error!(%error, "An entry that was just written cannot be read");
            }
        }
    }

    async fn append(&mut self, batch: &Batch, next: &Link) -> Result<(), StoreError> {
        let _lane = self.store.db.write_lane().await;
        let connection = connect(&mut self.connection, &self.store).await?;
        log::append(connection, &self.node, self.store.now(), batch, next).await
    }

    async fn fold_all(&mut self) -> Result<(), StoreError> {
        for shard in 0..SHARDS {
            self.fold_shard(shard).await?;
        }
        Ok(())
    }

    async fn fold_next(&mut self) {
        let Some(step) = (0..SHARDS).find(|step| !self.shards[(self.next_shard + step) % SHARDS].is_idle()) else {
            return;
        };
        let shard = (self.next_shard + step) % SHARDS;
        self.next_shard = (shard + 1) % SHARDS;
        if let Err(error) = self.fold_shard(shard).await {
            warn!(%error, shard, "Could not fold settlements; trying again");
        }
    }

    /// Folds everything of `shard`: what an earlier fold tried, and what came since.
    async fn fold_shard(&mut self, shard: usize) -> Result<(), StoreError> {
        while !self.shards[shard].is_idle() {
            self.fold_once(shard).await?;
        }
        Ok(())
    }

    async fn fold_once(&mut self, shard: usize) -> Result<(), StoreError> {
        if self.shards[shard].tried.is_none() {
            if self.shards[shard].pending.is_empty() {
                return Ok(());
            }
            let pending = std::mem::take(&mut self.shards[shard].pending);
            self.shards[shard].tried = Some((pending, self.link.seq));
        }
        let result = in_time(self.try_fold(shard)).await;
        if result.is_err() {
            // The transaction may be open, or the outcome of its commit unknown.
            self.connection = None;
        } else {
            self.shards[shard].tried = None;
        }
        result
    }

    async fn try_fold(&mut self, shard: usize) -> Result<(), StoreError> {
        let Some((pending, through)) = &self.shards[shard].tried else { return Ok(()) };
        let db = self.store.db.clone();
        let _lane = db.write_lane().await;
        let connection = connect(&mut self.connection, &self.store).await?;
        let mut tx = connection.begin_with(db.pick("BEGIN IMMEDIATE", "BEGIN")).await?;
        if fold::folded(&mut tx, &self.node, shard).await? >= *through {
            // An earlier attempt was committed although it looked as if it had failed.
            return Ok(());
        }
        let scene = Scene { db: &db, ids: &*self.store.ids, node: &self.node, now: self.store.now() };
        fold::fold(&mut tx, &scene, shard, pending, *through).await?;
        let end = chain_name(&self.node);
        chain::lock(&mut tx, &end).await?;
        chain::advance(&mut tx, &end, &self.link).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What `work` comes to, unless the database says nothing for too long.
async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let silent = |_| StoreError::Unavailable(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(DATABASE_ANSWERS_WITHIN, work).await.map_err(silent)?
}

async fn connect<'a>(
    connection: &'a mut Option<AnyConnection>,
    store: &Store,
) -> Result<&'a mut AnyConnection, StoreError> {
    if connection.is_none() {
        *connection = Some(store.db.dedicated(None).await?);
    }
    connection.as_mut().ok_or(StoreError::Unavailable(sqlx::Error::WorkerCrashed))
}
