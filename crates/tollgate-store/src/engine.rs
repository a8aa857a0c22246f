//! Which engine a URL names, and where.

use std::path::{Path, PathBuf};

use crate::StoreError;

/// Which engine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// The engine that a URL names.
pub(crate) fn engine_of(url: &str) -> Result<Engine, StoreError> {
    if url.starts_with("sqlite:") {
        Ok(Engine::Sqlite)
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(Engine::Postgres)
    } else {
        Err(StoreError::invalid("store.url", "sqlite:PATH or postgres://USER@HOST/DATABASE"))
    }
}

/// The file behind a SQLite URL.
pub(crate) fn sqlite_path(url: &str) -> PathBuf {
    let path = without_query(url);
    let path = path.strip_prefix("sqlite:").unwrap_or(path);
    Path::new(path.strip_prefix("//").unwrap_or(path)).to_path_buf()
}

/// A URL without what stands behind its question mark.
pub(crate) fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(path, _)| path)
}
