//! Durable facts on SQLite and PostgreSQL.
//!
//! Nobody else knows SQL. Reads and writes of administrators go row by row ([`Store`], [`Change`]);
//! what the gateway settles goes through one queue to one writer that commits it in groups
//! ([`settlement`]). One portable SQL text serves both engines; where they differ, two constants stand
//! side by side.

pub mod api_key;
pub mod approvals;
pub mod audit;
pub mod calls;
pub mod catalogue;
mod chain;
pub mod change;
pub mod customers;
mod db;
pub mod definition;
mod engine;
mod error;
pub mod grants;
pub mod idempotency;
pub mod invoices;
pub mod keys;
pub mod ledger;
mod migrate;
mod node_lock;
pub mod payments;
pub mod prices;
mod row;
mod settings;
pub mod settlement;
pub mod standing;
mod store;
pub mod subscriptions;
pub mod usage;
pub mod verify;

pub use change::{Change, Refresh, Touched};
pub use error::{Corrupt, StoreError};
pub use store::{Migrated, Options, Store};

#[cfg(test)]
mod tests;
