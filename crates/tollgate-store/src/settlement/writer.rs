//! The writer: takes what waits, commits it, says so, and folds between commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection as _};
use tokio::sync::{Notify, mpsc, oneshot};
use tracing::{error, info, warn};

use crate::chain::{self, Link};
use crate::node_lock::NodeLock;
use crate::{Store, StoreError};

use super::entry::{Entry, decode_all};
use super::fold::{self, Scene};
use super::pending::{Pending, SHARDS, shard_of};
use super::queue::{BYTES_MAX, Batch, Queue};
use super::replay::{self, chain_name};
use super::room::{Durable, GivesUp, Progress, Room};

/// How long all shards take to be folded once. What is shown may lag by it, unless asked to be folded.
const FOLD_ROUND: Duration = Duration::from_millis(1_000);

/// How long a commit or a fold may take. A database that says nothing for longer is gone.
const DATABASE_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How long answers wait for commits that fail. Beyond it they are cut off: nothing is completed unbilled.
const ANSWERS_WAIT: Duration = Duration::from_secs(10);

/// Sees every entry once it is durable, on the writer's thread: it has to be quick.
pub trait Observer: Send + Sync {
    /// `entry` was committed.
    fn committed(&self, entry: &Entry<'_>);
}

/// How a writer works.
#[derive(Clone)]
pub struct Settling {
    /// The name of this node in the settlement log.
    pub node: String,
    /// Waiting rooms, one for each of the gateway's cores.
    pub cores: usize,
    /// The shortest time between two commits. Zero if answers wait for them.
    pub pause: Duration,
    /// Sees every entry once it is durable.
    pub observer: Option<Arc<dyn Observer>>,
}

/// The handle by which the gateway settles. Cheap to clone.
#[derive(Clone)]
pub struct Settler {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Queue,
    progress: Arc<Progress>,
    rooms: Vec<Arc<Room>>,
    work: Notify,
    failing: AtomicBool,
    pause: Duration,
    observer: Option<Arc<dyn Observer>>,
}

impl Shared {
    fn ring(&self) {
        for room in &self.rooms {
            room.bell.notify_one();
        }
    }
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
        let (ticket, was_empty) = self.shared.queue.push(entry);
        if was_empty {
            self.shared.work.notify_one();
        }
        Ticket(ticket)
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
        if self.shared.failing.load(Ordering::Relaxed) {
            Health::Failing
        } else if self.shared.queue.bytes() > BYTES_MAX {
            Health::Full
        } else {
            Health::Good
        }
    }

    pub(crate) async fn start(store: &Store, settling: Settling) -> Result<(Self, Folder), StoreError> {
        let Settling { node, cores, pause, observer } = settling;
        let shared = Arc::new(Shared {
            queue: Queue::default(),
            progress: Arc::default(),
            rooms: (0..cores.max(1)).map(|_| Arc::default()).collect(),
            work: Notify::new(),
            failing: AtomicBool::new(false),
            pause,
            observer,
        });
        let (commands, inbox) = mpsc::unbounded_channel();
        let (ready, started) = oneshot::channel();
        let (thread_shared, thread_store) = (Arc::clone(&shared), store.clone());
        // A thread and runtime of its own: no other task can delay a commit.
        std::thread::Builder::new()
            .name("settlement".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let Ok(runtime) = runtime else { return };
                runtime.block_on(async move {
                    match Writer::recover(thread_store, node, thread_shared, inbox).await {
                        Ok(writer) => {
                            let _ = ready.send(Ok(()));
                            writer.run().await;
                        }
                        Err(error) => {
                            let _ = ready.send(Err(error));
                        }
                    }
                });
            })
            .map_err(|error| StoreError::Unavailable(sqlx::Error::Io(error)))?;
        started.await.map_err(|_| StoreError::Unavailable(sqlx::Error::WorkerCrashed))??;
        let folder = Folder { commands, shared: Arc::clone(&shared) };
        Ok((Self { shared }, folder))
    }
}

/// Asks the writer to fold, or to stop.
pub struct Folder {
    commands: mpsc::UnboundedSender<Command>,
    shared: Arc<Shared>,
}

enum Command {
    Fold(Shards, oneshot::Sender<Result<(), StoreError>>),
    Stop(oneshot::Sender<()>),
}

/// Which shards are to be folded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shards {
    All,
    One(usize),
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

struct Writer {
    store: Store,
    node: String,
    shared: Arc<Shared>,
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
    /// Opens the log at its end and folds what an earlier run left.
    async fn recover(
        store: Store,
        node: String,
        shared: Arc<Shared>,
        inbox: mpsc::UnboundedReceiver<Command>,
    ) -> Result<Self, StoreError> {
        let locked = store.lock.as_ref().as_ref().and_then(NodeLock::take_session);
        let mut connection = store.db.dedicated(locked).await?;
        let link = replay::last(&mut connection, &node).await?;
        let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::default()).collect();
        let mut folded = Vec::with_capacity(SHARDS);
        for shard in 0..SHARDS {
            folded.push(fold::folded(&mut connection, &node, shard).await?);
        }
        let mut after = folded.iter().copied().min().unwrap_or(0);
        let mut entries = 0_u64;
        loop {
            let groups = replay::groups_after(&mut connection, &node, after, 200).await?;
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
        let mut writer = Self { store, node, shared, inbox, connection: Some(connection), link, shards, next_shard: 0 };
        if entries > 0 {
            info!(entries, "Folding settlements that were committed before the last stop");
            writer.fold_all().await?;
        }
        Ok(writer)
    }

    async fn run(mut self) {
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
            self.shared.queue.take(&mut batch);
            if batch.entries > 0 {
                let began = Instant::now();
                self.commit(&batch).await;
                next_commit = began + self.shared.pause;
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
        if let Err(error) = self.fold_all().await {
            warn!(%error, "Could not fold before stopping; the next start will");
        }
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
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
                    if !self.shared.failing.swap(true, Ordering::Relaxed) {
                        error!(%error, "Settlements cannot be committed; paid requests are refused until they can");
                    }
                    self.connection = None;
                    if began.elapsed() > ANSWERS_WAIT {
                        self.shared.progress.get_stuck();
                        self.shared.ring();
                    }
                    tokio::time::sleep(patience).await;
                    patience = (patience * 2).min(Duration::from_secs(1));
                }
            }
        }
        if self.shared.failing.swap(false, Ordering::Relaxed) {
            info!("Settlements are committed again");
        }
        self.link = next;
        self.shared.progress.advance_to(batch.end);
        self.shared.ring();
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
        const INSERT: &str = "
            INSERT INTO settlements (node, seq, committed_at, started_min, started_max, entries, payload, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (node, seq) DO NOTHING";
        const READ: &str = "SELECT hash FROM settlements WHERE node = $1 AND seq = $2";
        let now = self.store.now();
        let _lane = self.store.db.write_lane().await;
        let connection = connect(&mut self.connection, &self.store).await?;
        let inserted = sqlx::query(INSERT)
            .bind(&self.node)
            .bind(next.seq)
            .bind(now.unix_micros())
            .bind(batch.started_min)
            .bind(batch.started_max)
            .bind(i64::from(batch.entries))
            .bind(&batch.payload[..])
            .bind(&next.hash)
            .execute(&mut *connection)
            .await?;
        if inserted.rows_affected() == 1 {
            return Ok(());
        }
        // An earlier attempt lost its connection after the database had committed, or somebody else
        // writes as this node.
        use crate::row::Columns as _;
        let row = sqlx::query(READ).bind(&self.node).bind(next.seq).fetch_one(connection).await?;
        if row.text("hash")? == next.hash {
            return Ok(());
        }
        Err(StoreError::InUse(format!("the settlement log of node {}", self.node)))
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
