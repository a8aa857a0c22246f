//! One Tollgate per SQLite file: standings live in memory, so a second process would overspend.

use std::fs::{File, OpenOptions, TryLockError};

use crate::StoreError;
use crate::db::sqlite_path;

/// Held as long as the process uses the file.
#[derive(Debug)]
pub(crate) struct NodeLock(#[expect(dead_code, reason = "held, not read")] File);

impl NodeLock {
    /// Takes the lock of the SQLite file behind `url`; `None` for other databases.
    pub(crate) fn take(url: &str) -> Result<Option<Self>, StoreError> {
        let Some(path) = sqlite_path(url) else { return Ok(None) };
        let mut lock_path = path.clone().into_os_string();
        lock_path.push(".lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| open_error(&error, &path.display().to_string()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.display().to_string())),
            Err(TryLockError::Error(error)) => Err(open_error(&error, &path.display().to_string())),
        }
    }
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
