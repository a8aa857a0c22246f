//! The ledger: what moved, from where, to where.
//!
//! Domain: a transfer debits one ledger account and credits another by the same amount of one unit
//! (a currency, or a meter for quotas). Transfers are immutable; a correction is another transfer.
//! A balance is the sum of transfers and nothing else.
//!
//! Ownership: this module says which accounts there are ([`LedgerAccount`]), which transfers the
//! business makes ([`template`]) and what makes a list of transfers valid ([`Book`]). Where they are
//! kept is the store's business.
//!
//! Invariants: each transfer moves a positive amount between two different accounts; its id counts
//! once; a grant is never overdrawn; per unit, debits equal credits.

mod account;
mod book;
pub mod template;
mod transfer;

pub use account::{InvalidAccount, LedgerAccount, Side};
pub use book::{Applied, Balance, Book, Rejected};
pub use transfer::{InvalidUnit, Transfer, TransferKind, Unit};
