//! The store's contract: the same behaviour on SQLite and on PostgreSQL.

mod changes;
mod damage;
mod engines;
mod journaling;
mod ledger_model;
mod opening;
mod settling;
mod standings;
