//! What can go wrong with durable facts, in terms a caller can act on.

use std::fmt;

/// Why a read or write did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or not now. Retrying may help.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The disk is full.
    #[error("the disk that holds the database is full")]
    DiskFull,
    /// The database file or its folder cannot be written.
    #[error("the database is read-only; Tollgate must be able to write to the file and its folder")]
    ReadOnly,
    /// The database file is damaged or is no database.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// Another Tollgate uses the database.
    #[error("another Tollgate is using {0}; stop it first")]
    InUse(String),
    /// There is no such thing.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its id as it was asked for.
        id: String,
    },
    /// It exists already, or differs from what the caller believes.
    #[error("{0}")]
    Conflict(String),
    /// A value that no row may have.
    #[error("{field}: expected {expected}")]
    Invalid {
        /// The field as the caller wrote it, for example `quota[0].limit`.
        field: String,
        /// What was expected there.
        expected: String,
    },
    /// The database was written by a newer Tollgate, or an older one's migration was changed.
    #[error("the database's schema does not fit this version of Tollgate: {0}")]
    Schema(String),
}

/// A stored value that this program cannot have written.
#[derive(Debug, thiserror::Error)]
#[error("the database is damaged: {0}")]
pub struct Corrupt(pub String);

impl StoreError {
    /// There is no `what` with that id.
    pub(crate) fn not_found(what: &'static str, id: impl fmt::Display) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// `field` holds something else than `expected`.
    pub fn invalid(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), expected: expected.into() }
    }

    /// Whether the fault lies with the database and not with what was asked.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        match self {
            Self::Unavailable(_)
            | Self::DiskFull
            | Self::ReadOnly
            | Self::Corrupt(_)
            | Self::InUse(_)
            | Self::Schema(_) => true,
            Self::NotFound { .. } | Self::Conflict(_) | Self::Invalid { .. } => false,
        }
    }
}

/// SQLite's primary result codes (sqlite.org/rescode.html); extended codes carry them in the low byte.
mod sqlite {
    pub(super) const READONLY: i64 = 8;
    pub(super) const CORRUPT: i64 = 11;
    pub(super) const FULL: i64 = 13;
    pub(super) const CANTOPEN: i64 = 14;
    pub(super) const NOT_A_DATABASE: i64 = 26;
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) = error {
            return Self::Corrupt(Corrupt(error.to_string()));
        }
        let Some(database) = error.as_database_error() else { return Self::Unavailable(error) };
        if database.is_unique_violation() {
            return Self::Conflict("it exists already".to_owned());
        }
        if database.is_foreign_key_violation() {
            return Self::Conflict("it refers to something that does not exist".to_owned());
        }
        match database.code().as_deref() {
            // PostgreSQL's codes have five characters (appendix A of its manual), SQLite's fewer.
            Some("53100") => Self::DiskFull,
            Some("25006") => Self::ReadOnly,
            Some("XX001" | "XX002") => Self::Corrupt(Corrupt(database.message().to_owned())),
            Some(code) if code.len() < 5 => match code.parse::<i64>().map(|code| code & 0xff) {
                Ok(sqlite::FULL) => Self::DiskFull,
                Ok(sqlite::READONLY | sqlite::CANTOPEN) => Self::ReadOnly,
                Ok(sqlite::CORRUPT | sqlite::NOT_A_DATABASE) => Self::Corrupt(Corrupt(database.message().to_owned())),
                _ => Self::Unavailable(error),
            },
            _ => Self::Unavailable(error),
        }
    }
}
