//! Reading the whole settlement log back, to verify it.

use std::collections::HashMap;

use sqlx::AnyConnection;
use tollgate_core::id::CustomerId;
use tollgate_core::ledger::TransferKind;

use crate::StoreError;
use crate::chain::Link;
use crate::row::Columns as _;

use super::entry::{Entry, decode_all};
use super::fold;
use super::log::groups_after;
use super::pending::{SHARDS, shard_of};

/// Walks the log of every node and compares it with what was folded.
///
/// Returns the number of groups, or everything that is wrong.
pub(crate) async fn verify(connection: &mut AnyConnection) -> Result<Result<i64, Vec<String>>, StoreError> {
    const NODES: &str = "SELECT DISTINCT node FROM settlements ORDER BY node";
    let mut wrong = Vec::new();
    let mut groups = 0;
    let mut logged: HashMap<(String, String), i128> = HashMap::new();
    let mut is_whole = true;
    for row in sqlx::query(NODES).fetch_all(&mut *connection).await? {
        let node = row.text("node")?;
        let mut folded = Vec::new();
        for shard in 0..SHARDS {
            folded.push(fold::folded(connection, &node, shard).await?);
        }
        let mut link: Option<Link> = None;
        loop {
            let after = link.as_ref().map_or(0, |link| link.seq);
            let page = groups_after(connection, &node, after, 200).await?;
            if page.is_empty() {
                break;
            }
            for group in page {
                let before = match link.take() {
                    Some(link) => link,
                    // Older groups were pruned: the first hash that is there is taken as given.
                    None if group.seq > 1 => {
                        is_whole = false;
                        link = Some(Link { seq: group.seq, hash: group.hash.clone() });
                        continue;
                    }
                    None => Link::START,
                };
                let expected = before.next(&group.payload);
                if (group.seq, &group.hash) != (expected.seq, &expected.hash) {
                    wrong.push(format!("settlement group {} of {node} was changed, or one is missing", group.seq));
                    return Ok(Err(wrong));
                }
                groups += 1;
                for entry in decode_all(&group.payload) {
                    let entry = entry?;
                    if group.seq <= folded[shard_of(entry.customer())] {
                        add_logged(&mut logged, &entry);
                    }
                }
                link = Some(expected);
            }
        }
    }
    if is_whole {
        compare(connection, &logged, &mut wrong).await?;
    }
    Ok(if wrong.is_empty() { Ok(groups) } else { Err(wrong) })
}

fn add_logged(logged: &mut HashMap<(String, String), i128>, entry: &Entry<'_>) {
    let Entry::Call(call) = entry else { return };
    let worth = i128::from(call.cost) + i128::from(call.loss);
    if worth != 0 {
        let customer = CustomerId::from_bytes(call.customer.0).to_string();
        *logged.entry((customer, call.currency.to_owned())).or_default() += worth;
    }
}

/// What the log says each customer used must be what the ledger moved for use.
async fn compare(
    connection: &mut AnyConnection,
    logged: &HashMap<(String, String), i128>,
    wrong: &mut Vec<String>,
) -> Result<(), StoreError> {
    const PAGE: &str = "
        SELECT seq, reference, unit, amount FROM transfers
         WHERE chain = 'transfers' AND seq > $1 AND kind IN ($2, $3, $4) ORDER BY seq LIMIT 1000";
    let kinds = [TransferKind::Usage, TransferKind::UsageOnAccount, TransferKind::Loss].map(TransferKind::name);
    let mut moved: HashMap<(String, String), i128> = HashMap::new();
    let mut after = 0;
    loop {
        let rows = sqlx::query(PAGE)
            .bind(after)
            .bind(kinds[0])
            .bind(kinds[1])
            .bind(kinds[2])
            .fetch_all(&mut *connection)
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.int("seq")?;
        for row in &rows {
            *moved.entry((row.text("reference")?, row.text("unit")?)).or_default() += i128::from(row.int("amount")?);
        }
    }
    let both = logged.keys().chain(moved.keys()).collect::<std::collections::BTreeSet<_>>();
    for key in both {
        let (said, done) = (logged.get(key).copied().unwrap_or(0), moved.get(key).copied().unwrap_or(0));
        if said != done {
            wrong.push(format!("{} used {said} nano-{} by the log and {done} by the ledger", key.0, key.1));
        }
    }
    Ok(())
}
