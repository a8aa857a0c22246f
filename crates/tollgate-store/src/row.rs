//! Columns to values, with the column's name in the error.

use std::fmt::Display;
use std::str::FromStr;

use sqlx::Row as _;
use sqlx::any::AnyRow;
use tollgate_core::money::Nanos;
use tollgate_core::time::Timestamp;

use crate::{Corrupt, StoreError};

/// Reads typed columns of one row.
pub(crate) trait Columns {
    fn int(&self, column: &str) -> Result<i64, StoreError>;
    fn int_or_null(&self, column: &str) -> Result<Option<i64>, StoreError>;
    fn text(&self, column: &str) -> Result<String, StoreError>;
    fn text_or_null(&self, column: &str) -> Result<Option<String>, StoreError>;
    fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError>;

    fn at(&self, column: &str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_unix_micros(self.int(column)?))
    }

    fn at_or_null(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.int_or_null(column)?.map(Timestamp::from_unix_micros))
    }

    fn nanos(&self, column: &str) -> Result<Nanos, StoreError> {
        Ok(Nanos::new(self.int(column)?))
    }

    /// A text column that holds the text form of a `T`.
    fn parsed<T>(&self, column: &str) -> Result<T, StoreError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(column)?;
        text.parse().map_err(|error| Corrupt(format!("{column} = {text:?}: {error}")).into())
    }

    /// A text column that holds JSON.
    fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        from_json(column, &self.text(column)?)
    }

    /// A text column that holds JSON or nothing.
    fn json_or_null<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.text_or_null(column)?.map(|text| from_json(column, &text)).transpose()
    }
}

fn from_json<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| Corrupt(format!("{column}: {error}")).into())
}

/// A value as the JSON that [`Columns::json`] reads.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::invalid("value", error.to_string()))
}

impl Columns for AnyRow {
    fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn int_or_null(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text_or_null(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        Ok(self.try_get(column)?)
    }
}
