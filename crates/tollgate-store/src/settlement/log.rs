//! The settlement log: one row for each group, chained by hash, numbered by node without gaps.

use sqlx::AnyConnection;
use tollgate_core::time::Timestamp;

use crate::StoreError;
use crate::chain::{self, Link};
use crate::row::Columns as _;

use super::queue::Batch;

/// One group of the log.
pub(crate) struct Group {
    pub(crate) seq: i64,
    pub(crate) payload: Vec<u8>,
    pub(crate) hash: String,
}

/// The chain of a node's settlement log.
pub(super) fn chain_name(node: &str) -> String {
    format!("settlements:{node}")
}

/// Appends `batch` as the group `next`. Once is enough: a second time changes nothing.
///
/// # Errors
/// If the database does not answer, or somebody else writes as this node.
pub(super) async fn append(
    connection: &mut AnyConnection,
    node: &str,
    now: Timestamp,
    batch: &Batch,
    next: &Link,
) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO settlements (node, seq, committed_at, started_min, started_max, entries, payload, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (node, seq) DO NOTHING";
    const READ: &str = "SELECT hash FROM settlements WHERE node = $1 AND seq = $2";
    let inserted = sqlx::query(INSERT)
        .bind(node)
        .bind(next.seq)
        .bind(now.unix_micros())
        .bind(batch.extent.started_min)
        .bind(batch.extent.started_max)
        .bind(i64::from(batch.extent.entries))
        .bind(&batch.payload[..])
        .bind(&next.hash)
        .execute(&mut *connection)
        .await?;
    if inserted.rows_affected() == 1 {
        return Ok(());
    }
    // An earlier attempt lost its connection after the database had committed, or somebody else
    // writes as this node.
    let row = sqlx::query(READ).bind(node).bind(next.seq).fetch_one(connection).await?;
    if row.text("hash")? == next.hash {
        return Ok(());
    }
    Err(StoreError::InUse(format!("the settlement log of node {node}")))
}

/// The groups of `node` after `seq`, at most `limit` of them.
pub(crate) async fn groups_after(
    connection: &mut AnyConnection,
    node: &str,
    seq: i64,
    limit: i64,
) -> Result<Vec<Group>, StoreError> {
    const PAGE: &str = "
        SELECT seq, payload, hash FROM settlements WHERE node = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let rows = sqlx::query(PAGE).bind(node).bind(seq).bind(limit).fetch_all(connection).await?;
    rows.iter()
        .map(|row| Ok(Group { seq: row.int("seq")?, payload: row.bytes("payload")?, hash: row.text("hash")? }))
        .collect()
}

/// The last group of `node`.
pub(super) async fn last(connection: &mut AnyConnection, node: &str) -> Result<Link, StoreError> {
    const LAST: &str = "SELECT seq, hash FROM settlements WHERE node = $1 ORDER BY seq DESC LIMIT 1";
    let row = sqlx::query(LAST).bind(node).fetch_optional(&mut *connection).await?;
    match row {
        Some(row) => Ok(Link { seq: row.int("seq")?, hash: row.text("hash")? }),
        // All groups were pruned: the chain remembers where it was.
        None => chain::end(connection, &chain_name(node)).await,
    }
}
