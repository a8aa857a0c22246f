//! A ledger in memory: what makes a list of transfers valid.
//!
//! The verifier replays the stored transfers into a book and compares; the simulation's auditor keeps
//! one of its own. The durable ledger enforces the same rules in SQL.

use std::collections::{BTreeMap, HashMap};

use crate::id::TransferId;

use super::{LedgerAccount, Side, Transfer, Unit};

/// Debits and credits of one ledger account in one unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// Sum of all debits.
    pub debits: i128,
    /// Sum of all credits.
    pub credits: i128,
}

impl Balance {
    /// The balance as seen from `side`.
    #[must_use]
    pub const fn on(&self, side: Side) -> i128 {
        match side {
            Side::Debit => self.debits - self.credits,
            Side::Credit => self.credits - self.debits,
        }
    }
}

/// A ledger in memory.
#[derive(Debug, Clone, Default)]
pub struct Book {
    balances: BTreeMap<(LedgerAccount, Unit), Balance>,
    seen: HashMap<TransferId, Transfer>,
}

/// What became of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It moved its amount.
    Now,
    /// The same transfer was there already; nothing moved.
    Before,
}

/// Why a transfer is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Nothing or less than nothing.
    #[error("a transfer moves a positive amount")]
    NotPositive,
    /// From an account to itself.
    #[error("a transfer moves between two accounts")]
    SameAccount,
    /// The id belongs to another transfer.
    #[error("the id belongs to another transfer")]
    IdTaken,
    /// More than the account holds.
    #[error("{account} holds {available}, not {wanted}")]
    Overdrawn {
        /// The account.
        account: LedgerAccount,
        /// What it holds.
        available: i128,
        /// What was to be taken.
        wanted: i64,
    },
}

impl Book {
    /// Applies `transfer`.
    ///
    /// # Errors
    /// [`Rejected`]; the book is unchanged then.
    pub fn apply(&mut self, transfer: &Transfer) -> Result<Applied, Rejected> {
        if transfer.amount <= 0 {
            return Err(Rejected::NotPositive);
        }
        if transfer.debit == transfer.credit {
            return Err(Rejected::SameAccount);
        }
        match self.seen.get(&transfer.id) {
            Some(known) if known == transfer => return Ok(Applied::Before),
            Some(_) => return Err(Rejected::IdTaken),
            None => (),
        }
        self.check_bounded(&transfer.debit, Side::Debit, transfer)?;
        self.check_bounded(&transfer.credit, Side::Credit, transfer)?;
        let amount = i128::from(transfer.amount);
        self.entry(&transfer.debit, &transfer.unit).debits += amount;
        self.entry(&transfer.credit, &transfer.unit).credits += amount;
        self.seen.insert(transfer.id, transfer.clone());
        Ok(Applied::Now)
    }

    fn check_bounded(&self, account: &LedgerAccount, moved: Side, transfer: &Transfer) -> Result<(), Rejected> {
        if !account.is_bounded() || account.side() == moved {
            return Ok(());
        }
        let available = self.balance(account, &transfer.unit).on(account.side());
        if available >= i128::from(transfer.amount) {
            return Ok(());
        }
        Err(Rejected::Overdrawn { account: account.clone(), available, wanted: transfer.amount })
    }

    fn entry(&mut self, account: &LedgerAccount, unit: &Unit) -> &mut Balance {
        self.balances.entry((account.clone(), unit.clone())).or_default()
    }

    /// The balance of `account` in `unit`.
    #[must_use]
    pub fn balance(&self, account: &LedgerAccount, unit: &Unit) -> Balance {
        self.balances.get(&(account.clone(), unit.clone())).copied().unwrap_or_default()
    }

    /// All balances, ordered by account.
    pub fn balances(&self) -> impl Iterator<Item = (&LedgerAccount, &Unit, &Balance)> {
        self.balances.iter().map(|((account, unit), balance)| (account, unit, balance))
    }

    /// Number of transfers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether nothing moved yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

#[cfg(test)]
mod tests;
