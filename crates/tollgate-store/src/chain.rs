//! Hash chains: each row carries the SHA-256 of the row before and itself, so an edit shows.

use aws_lc_rs::digest::{Context, SHA256};
use sqlx::AnyConnection;

use crate::StoreError;
use crate::row::Columns as _;

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The number of the last row; 0 before the first.
    pub(crate) seq: i64,
    /// Its hash in hexadecimal; empty before the first.
    pub(crate) hash: String,
}

impl Link {
    /// Before the first row.
    pub(crate) const START: Self = Self { seq: 0, hash: String::new() };

    /// The link after a row with this content.
    pub(crate) fn next(&self, content: &[u8]) -> Self {
        let seq = self.seq + 1;
        let mut digest = Context::new(&SHA256);
        digest.update(self.hash.as_bytes());
        digest.update(&seq.to_be_bytes());
        digest.update(content);
        Self { seq, hash: hex(digest.finish().as_ref()) }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads the end of the chain `name` for appending: until the transaction ends, nobody else can.
pub(crate) async fn lock(connection: &mut AnyConnection, name: &str) -> Result<Link, StoreError> {
    // The update locks the row on PostgreSQL; on SQLite the transaction is the only writer anyway.
    const LOCK: &str = "
        INSERT INTO chains (name, seq, hash) VALUES ($1, 0, '')
        ON CONFLICT (name) DO UPDATE SET seq = chains.seq
        RETURNING seq, hash";
    let row = sqlx::query(LOCK).bind(name).fetch_one(connection).await?;
    Ok(Link { seq: row.int("seq")?, hash: row.text("hash")? })
}

/// Moves the end of the chain `name` to `link`.
pub(crate) async fn advance(connection: &mut AnyConnection, name: &str, link: &Link) -> Result<(), StoreError> {
    const ADVANCE: &str = "UPDATE chains SET seq = $2, hash = $3 WHERE name = $1";
    sqlx::query(ADVANCE).bind(name).bind(link.seq).bind(&link.hash).execute(connection).await?;
    Ok(())
}

/// The end of the chain `name` as it is recorded.
pub(crate) async fn end(connection: &mut AnyConnection, name: &str) -> Result<Link, StoreError> {
    const READ: &str = "SELECT seq, hash FROM chains WHERE name = $1";
    let row = sqlx::query(READ).bind(name).fetch_optional(connection).await?;
    row.map_or(Ok(Link::START), |row| Ok(Link { seq: row.int("seq")?, hash: row.text("hash")? }))
}
