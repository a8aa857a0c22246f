//! The durable ledger: transfers in a chain, balances of what belongs to a customer.

use std::collections::HashSet;

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use tollgate_core::ledger::{LedgerAccount, Side, Transfer, TransferKind, Unit};

use crate::chain;
use crate::row::Columns as _;
use crate::{Corrupt, Store, StoreError};

/// The chain of transfers.
pub(crate) const CHAIN: &str = "transfers";

/// Whether the ledger keeps a balance row for `account`: for what belongs to a customer.
pub(crate) const fn is_balanced(account: &LedgerAccount) -> bool {
    matches!(
        account,
        LedgerAccount::Grant(_)
            | LedgerAccount::Accrued(_)
            | LedgerAccount::Receivable(_)
            | LedgerAccount::Quota { .. }
    )
}

pub(crate) fn from_row(row: &AnyRow) -> Result<Transfer, StoreError> {
    Ok(Transfer {
        id: row.parsed("id")?,
        kind: row.parsed::<TransferKind>("kind")?,
        debit: row.parsed("debit")?,
        credit: row.parsed("credit")?,
        amount: row.int("amount")?,
        unit: row.parsed::<Unit>("unit")?,
        at: row.at("at")?,
        reference: row.text("reference")?.into(),
    })
}

/// Applies transfers one by one within a transaction.
///
/// A transfer whose id is known is skipped if it is the same one, and refused if it is another. A
/// grant that does not hold the amount refuses: nothing of the transaction happens then.
pub(crate) async fn post(connection: &mut AnyConnection, transfers: &[Transfer]) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO transfers (chain, seq, id, kind, debit, credit, amount, unit, at, reference, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let mut link = chain::lock(connection, CHAIN).await?;
    for transfer in transfers {
        if is_known(connection, transfer).await? {
            continue;
        }
        link = link.next(transfer.canonical().as_bytes());
        sqlx::query(INSERT)
            .bind(CHAIN)
            .bind(link.seq)
            .bind(transfer.id.to_string())
            .bind(transfer.kind.name())
            .bind(transfer.debit.to_string())
            .bind(transfer.credit.to_string())
            .bind(transfer.amount)
            .bind(transfer.unit.to_string())
            .bind(transfer.at.unix_micros())
            .bind(&*transfer.reference)
            .bind(&link.hash)
            .execute(&mut *connection)
            .await?;
        move_balance(connection, transfer, Side::Debit).await?;
        move_balance(connection, transfer, Side::Credit).await?;
    }
    chain::advance(connection, CHAIN, &link).await
}

async fn is_known(connection: &mut AnyConnection, transfer: &Transfer) -> Result<bool, StoreError> {
    const FIND: &str = "
        SELECT id, kind, debit, credit, amount, unit, at, reference FROM transfers WHERE id = $1";
    let row = sqlx::query(FIND).bind(transfer.id.to_string()).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(false) };
    let known = from_row(&row)?;
    // The instant of a repetition is its own.
    if (Transfer { at: transfer.at, ..known }) == *transfer {
        return Ok(true);
    }
    Err(StoreError::Conflict(format!("transfer {} exists with another content", transfer.id)))
}

async fn move_balance(connection: &mut AnyConnection, transfer: &Transfer, side: Side) -> Result<(), StoreError> {
    const ADD: &str = "
        INSERT INTO balances (account, unit, debits, credits) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account, unit) DO UPDATE
           SET debits = balances.debits + excluded.debits, credits = balances.credits + excluded.credits";
    // The condition and the write are one statement on one row, so two transfers cannot take the same
    // money on either engine.
    const TAKE: &str = "
        UPDATE balances SET debits = debits + $3
         WHERE account = $1 AND unit = $2 AND credits - debits >= $3";
    let account = match side {
        Side::Debit => &transfer.debit,
        Side::Credit => &transfer.credit,
    };
    if !is_balanced(account) {
        return Ok(());
    }
    let (name, unit) = (account.to_string(), transfer.unit.to_string());
    if account.is_bounded() && account.side() != side {
        let taken = sqlx::query(TAKE).bind(&name).bind(&unit).bind(transfer.amount).execute(connection).await?;
        return match taken.rows_affected() {
            1 => Ok(()),
            _ => Err(StoreError::Conflict(format!("{name} does not hold {} {unit}", transfer.amount))),
        };
    }
    let (debits, credits) = match side {
        Side::Debit => (transfer.amount, 0),
        Side::Credit => (0, transfer.amount),
    };
    sqlx::query(ADD).bind(&name).bind(&unit).bind(debits).bind(credits).execute(connection).await?;
    Ok(())
}

/// Makes everybody else wait who wants to post, until the transaction ends.
pub(crate) async fn lock(connection: &mut AnyConnection) -> Result<(), StoreError> {
    chain::lock(connection, CHAIN).await.map(drop)
}

/// The balance of an account, seen from its side; 0 if nothing moved.
pub(crate) async fn balance(
    connection: &mut AnyConnection,
    account: &LedgerAccount,
    unit: &Unit,
) -> Result<(i64, i64), StoreError> {
    const READ: &str = "SELECT debits, credits FROM balances WHERE account = $1 AND unit = $2";
    let row = sqlx::query(READ).bind(account.to_string()).bind(unit.to_string()).fetch_optional(connection).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int("debits")?, row.int("credits")?)))
}

/// A transfer with its place in the chain.
pub struct Posted {
    /// Its place.
    pub seq: i64,
    /// The transfer.
    pub transfer: Transfer,
}

impl Store {
    /// Transfers, newest first, before number `before`; of `reference` if given.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn transfers(
        &self,
        reference: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Posted>, StoreError> {
        const LIST: &str = "
            SELECT seq, id, kind, debit, credit, amount, unit, at, reference FROM transfers
             WHERE chain = 'transfers' AND seq < $1 AND ($2 = '' OR reference = $2)
             ORDER BY seq DESC LIMIT $3";
        let rows = sqlx::query(LIST)
            .bind(before.unwrap_or(i64::MAX))
            .bind(reference.unwrap_or(""))
            .bind(limit)
            .fetch_all(&self.db.pool)
            .await?;
        rows.iter().map(|row| Ok(Posted { seq: row.int("seq")?, transfer: from_row(row)? })).collect()
    }
}

/// Replays the chain of transfers and compares every balance with what is stored.
///
/// Returns the number of transfers, or everything that is wrong.
pub(crate) async fn verify(connection: &mut AnyConnection) -> Result<Result<i64, Vec<String>>, StoreError> {
    const PAGE: &str = "
        SELECT seq, id, kind, debit, credit, amount, unit, at, reference, hash FROM transfers
         WHERE chain = 'transfers' AND seq > $1 ORDER BY seq LIMIT 1000";
    const BALANCES: &str = "SELECT account, unit, debits, credits FROM balances ORDER BY account, unit";
    let mut wrong = Vec::new();
    let mut book = tollgate_core::ledger::Book::default();
    let mut link = chain::Link::START;
    loop {
        let rows = sqlx::query(PAGE).bind(link.seq).fetch_all(&mut *connection).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let transfer = from_row(row)?;
            let expected = link.next(transfer.canonical().as_bytes());
            if (row.int("seq")?, row.text("hash")?) != (expected.seq, expected.hash.clone()) {
                wrong.push(format!("transfer {} was changed, or one before it is missing", expected.seq));
                return Ok(Err(wrong));
            }
            link = expected;
            if let Err(rejected) = book.apply(&transfer) {
                wrong.push(format!("transfer {} ({}): {rejected}", link.seq, transfer.id));
            }
        }
    }
    if link != chain::end(connection, CHAIN).await? {
        wrong.push(format!("transfers after {} are missing", link.seq));
    }

    let mut stored = HashSet::new();
    for row in sqlx::query(BALANCES).fetch_all(&mut *connection).await? {
        let account: LedgerAccount = row.parsed("account")?;
        let unit: Unit = row.parsed("unit")?;
        let (debits, credits) = (i128::from(row.int("debits")?), i128::from(row.int("credits")?));
        let summed = book.balance(&account, &unit);
        if (summed.debits, summed.credits) != (debits, credits) {
            wrong.push(format!(
                "{account} in {unit}: stored {debits} debits and {credits} credits, transfers sum to {} and {}",
                summed.debits, summed.credits
            ));
        }
        stored.insert((account, unit));
    }
    for (account, unit, _) in book.balances().filter(|(account, _, _)| is_balanced(account)) {
        if !stored.contains(&(account.clone(), unit.clone())) {
            wrong.push(format!("{account} in {unit} has transfers and no stored balance"));
        }
    }
    Ok(if wrong.is_empty() { Ok(link.seq) } else { Err(wrong) })
}

impl From<tollgate_core::ledger::InvalidAccount> for StoreError {
    fn from(error: tollgate_core::ledger::InvalidAccount) -> Self {
        Corrupt(error.to_string()).into()
    }
}
