//! Folding: one transaction that moves what a shard's customers used into transfers, balances, counters
//! and roll-ups.

use std::collections::HashMap;

use sqlx::AnyConnection;
use tollgate_core::id::{GrantId, Ids, TransferId, mint};
use tollgate_core::ledger::{LedgerAccount, Transfer, template};
use tollgate_core::money::Nanos;
use tollgate_core::time::Timestamp;

use crate::chain::{self, Link};
use crate::db::Db;
use crate::ledger::{self, CHAIN};
use crate::row::Columns as _;
use crate::{StoreError, row};

use super::bulk;
use super::pending::{CounterKey, Pending};

/// Where and when a fold happens.
pub(super) struct Scene<'a> {
    pub(super) db: &'a Db,
    pub(super) ids: &'a dyn Ids,
    pub(super) node: &'a str,
    pub(super) now: Timestamp,
}

/// The group up to which `shard` of `node` is folded.
pub(super) async fn folded(connection: &mut AnyConnection, node: &str, shard: usize) -> Result<i64, StoreError> {
    const READ: &str = "SELECT seq FROM folds WHERE node = $1 AND shard = $2";
    let shard = i64::try_from(shard).unwrap_or(i64::MAX);
    let row = sqlx::query(READ).bind(node).bind(shard).fetch_optional(connection).await?;
    row.map_or(Ok(0), |row| row.int("seq"))
}

/// Folds `pending` of `shard`, which holds everything up to group `through`. Runs in the transaction that
/// the caller has begun and will commit.
pub(super) async fn fold(
    connection: &mut AnyConnection,
    scene: &Scene<'_>,
    shard: usize,
    pending: &Pending,
    through: i64,
) -> Result<(), StoreError> {
    const ADVANCE: &str = "
        INSERT INTO folds (node, shard, seq) VALUES ($1, $2, $3)
        ON CONFLICT (node, shard) DO UPDATE SET seq = excluded.seq";
    // Before the balances are read: what is read cannot be spent by somebody else before it is posted.
    let link = chain::lock(connection, CHAIN).await?;
    let available = available(connection, scene.db, pending).await?;
    let transfers = transfers(scene, pending, available);
    post(connection, scene.db, link, &transfers).await?;

    let counters: Vec<_> = pending
        .counters
        .iter()
        .map(|(key, sum)| {
            let CounterKey { customer, name, period_start } = key;
            (customer.to_string(), name, period_start, sum.quantity, sum.charged_nanos, sum.charged_picos)
        })
        .collect();
    bulk::COUNTERS.run(scene.db, connection, &counters).await?;
    let thresholds: Vec<_> = pending
        .thresholds
        .iter()
        .map(|(customer, quota, start, stage, at)| (customer.to_string(), quota, start, stage, at))
        .collect();
    bulk::THRESHOLDS.run(scene.db, connection, &thresholds).await?;
    bulk::ROLLUPS.run(scene.db, connection, &rollups(pending)).await?;

    sqlx::query(ADVANCE)
        .bind(scene.node)
        .bind(i64::try_from(shard).unwrap_or(i64::MAX))
        .bind(through)
        .execute(connection)
        .await?;
    Ok(())
}

/// What the grants in `pending` hold. A grant that was voided while requests ran holds less than they
/// drew; the difference is the operator's loss.
async fn available(
    connection: &mut AnyConnection,
    db: &Db,
    pending: &Pending,
) -> Result<HashMap<GrantId, i64>, StoreError> {
    const SQLITE: &str = "
        SELECT account, credits - debits AS remaining FROM balances
         WHERE account IN (SELECT value FROM json_each($1))";
    const POSTGRES: &str = "
        SELECT account, credits - debits AS remaining FROM balances
         WHERE account IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))";
    let grants = pending.draws.keys().chain(pending.expiries.iter().map(|(grant, ..)| grant));
    let accounts: Vec<String> = grants.map(|grant| LedgerAccount::Grant(*grant).to_string()).collect();
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let json = row::to_json(&accounts)?;
    let rows = sqlx::query(db.pick(SQLITE, POSTGRES)).bind(json).fetch_all(connection).await?;
    rows.iter()
        .map(|row| match row.parsed::<LedgerAccount>("account")? {
            LedgerAccount::Grant(grant) => Ok((grant, row.int("remaining")?)),
            other => Err(crate::Corrupt(format!("{other} is no grant")).into()),
        })
        .collect()
}

/// The transfers that `pending` comes to.
fn transfers(scene: &Scene<'_>, pending: &Pending, mut available: HashMap<GrantId, i64>) -> Vec<Transfer> {
    let mut transfers = Vec::new();
    let id = || -> TransferId { mint(scene.ids, scene.now) };
    let at = scene.now;
    let mut take = |grant: &GrantId, wanted: i64| {
        let left = available.entry(*grant).or_default();
        let taken = wanted.min(*left).max(0);
        *left -= taken;
        (Nanos::new(taken), Nanos::new(wanted.saturating_sub(taken)))
    };
    for (grant, (customer, currency, amount)) in &pending.draws {
        let (taken, lost) = take(grant, *amount);
        let reference = customer.to_string();
        if taken.is_positive() {
            let entry = template::Entry { id: id(), at, reference: &reference };
            transfers.push(template::usage(&entry, *grant, taken, *currency));
        }
        if lost.is_positive() {
            let entry = template::Entry { id: id(), at, reference: &reference };
            transfers.push(template::loss(&entry, lost, *currency));
        }
    }
    for (grant, customer, currency, amount) in &pending.expiries {
        let (taken, _) = take(grant, *amount);
        if taken.is_positive() {
            let reference = customer.to_string();
            let entry = template::Entry { id: id(), at, reference: &reference };
            transfers.push(template::expire(&entry, *grant, taken, *currency));
        }
    }
    for ((customer, currency), amount) in &pending.on_account {
        let reference = customer.to_string();
        let entry = template::Entry { id: id(), at, reference: &reference };
        transfers.push(template::usage_on_account(&entry, *customer, Nanos::new(*amount), *currency));
    }
    for ((customer, currency), amount) in &pending.losses {
        let reference = customer.to_string();
        let entry = template::Entry { id: id(), at, reference: &reference };
        transfers.push(template::loss(&entry, Nanos::new(*amount), *currency));
    }
    for (key, quantity) in &pending.quotas {
        let reference = key.customer.to_string();
        let entry = template::Entry { id: id(), at, reference: &reference };
        let quantity = i64::try_from(*quantity).unwrap_or(i64::MAX);
        let start = Timestamp::from_unix_micros(key.period_start);
        if quantity > 0 {
            transfers.push(template::quota_used(&entry, key.customer, &key.quota, start, quantity, &key.meter));
        }
    }
    transfers
}

/// Appends transfers to the chain, which is locked and ends at `link`, and moves the balances, in bulk.
async fn post(
    connection: &mut AnyConnection,
    db: &Db,
    mut link: Link,
    transfers: &[Transfer],
) -> Result<(), StoreError> {
    if transfers.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(transfers.len());
    let mut balances: HashMap<(String, String), (i64, i64)> = HashMap::new();
    for transfer in transfers {
        link = link.next(transfer.canonical().as_bytes());
        let (debit, credit, unit) =
            (transfer.debit.to_string(), transfer.credit.to_string(), transfer.unit.to_string());
        if ledger::is_balanced(&transfer.debit) {
            balances.entry((debit.clone(), unit.clone())).or_default().0 += transfer.amount;
        }
        if ledger::is_balanced(&transfer.credit) {
            balances.entry((credit.clone(), unit.clone())).or_default().1 += transfer.amount;
        }
        rows.push((
            CHAIN,
            link.seq,
            transfer.id.to_string(),
            transfer.kind.name(),
            debit,
            credit,
            transfer.amount,
            unit,
            transfer.at.unix_micros(),
            transfer.reference.to_string(),
            link.hash.clone(),
        ));
    }
    bulk::TRANSFERS.run(db, connection, &rows).await?;
    let balances: Vec<_> =
        balances.into_iter().map(|((account, unit), (debits, credits))| (account, unit, debits, credits)).collect();
    bulk::BALANCES.run(db, connection, &balances).await?;
    chain::advance(connection, CHAIN, &link).await
}

/// Roll-up rows in the order of the statement's columns.
fn rollups(pending: &Pending) -> Vec<Vec<serde_json::Value>> {
    let text = |id: Option<String>| serde_json::Value::from(id.unwrap_or_default());
    pending
        .rollups
        .iter()
        .map(|(key, sum)| {
            let mut row = vec![
                key.hour.into(),
                text(key.customer.map(|id| id.to_string())),
                text(key.application.map(|id| id.to_string())),
                text(key.key.map(|id| id.to_string())),
                key.route.as_str().into(),
                key.model.as_str().into(),
                key.outcome.as_str().into(),
                key.currency.as_str().into(),
                sum.requests.into(),
                sum.cost.into(),
                sum.loss.into(),
            ];
            row.extend(sum.meters.iter().map(|&quantity| serde_json::Value::from(quantity)));
            row
        })
        .collect()
}
