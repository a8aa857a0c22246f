//! One Tollgate per database: standings live in memory, so a second process would overspend.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::{AnyConnection, Connection as _};

use crate::StoreError;
use crate::engine::{Engine, engine_of, sqlite_path};
use crate::row::Columns as _;

/// Held as long as the process uses the database.
#[derive(Debug)]
pub(crate) enum NodeLock {
    /// A lock on a file beside the SQLite file.
    File(#[expect(dead_code, reason = "held, not read")] File),
    /// A session of PostgreSQL that holds an advisory lock. The settlement writer takes it over: whoever
    /// commits settlements holds the lock.
    Session(Mutex<Option<AnyConnection>>),
}

/// The name of the advisory lock: `tollgate` in ASCII.
const ADVISORY: i64 = 0x746f_6c6c_6761_7465;

/// A session that broke off is noticed by the server a moment later; a restart waits for that.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

impl NodeLock {
    /// Takes the lock of the database behind `url`.
    pub(crate) async fn take(url: &str) -> Result<Self, StoreError> {
        match engine_of(url)? {
            Engine::Sqlite => Self::of_file(&sqlite_path(url)),
            Engine::Postgres => Self::of_session(url).await,
        }
    }

    fn of_file(path: &Path) -> Result<Self, StoreError> {
        let mut lock_path = path.to_path_buf().into_os_string();
        lock_path.push(".lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| open_error(&error, &path.display().to_string()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self::File(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.display().to_string())),
            Err(TryLockError::Error(error)) => Err(open_error(&error, &path.display().to_string())),
        }
    }

    async fn of_session(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let mut session = AnyConnection::connect(url).await?;
        lock_session(&mut session).await?;
        Ok(Self::Session(Mutex::new(Some(session))))
    }

    /// The session that holds the lock, for whoever commits settlements; `None` if it was taken before or
    /// there is none.
    pub(crate) fn take_session(&self) -> Option<AnyConnection> {
        match self {
            Self::File(_) => None,
            Self::Session(session) => session.lock().unwrap_or_else(PoisonError::into_inner).take(),
        }
    }
}

/// Takes the advisory lock for `session`.
pub(crate) async fn lock_session(session: &mut AnyConnection) -> Result<(), StoreError> {
    const TAKE: &str = "SELECT CASE WHEN pg_try_advisory_lock($1) THEN 1 ELSE 0 END AS is_taken";
    for _ in 0..TRIES {
        let row = sqlx::query(TAKE).bind(ADVISORY).fetch_one(&mut *session).await?;
        if row.int("is_taken")? == 1 {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    Err(StoreError::InUse("this database".to_owned()))
}

fn open_error(error: &std::io::Error, path: &str) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::DiskFull,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
        std::io::ErrorKind::NotFound => {
            StoreError::invalid("store.url", format!("a file in an existing folder, and {path} is in none"))
        }
        _ => StoreError::Unavailable(sqlx::Error::Configuration(format!("{path}: {error}").into())),
    }
}
