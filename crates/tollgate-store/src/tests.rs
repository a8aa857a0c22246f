//! The store's contract: the same behaviour on SQLite and on PostgreSQL.

mod changes;
mod damage;
mod engines;
mod ledger_model;
mod journaling;
mod opening;
mod settling;
mod standings;
