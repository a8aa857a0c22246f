//! Settlements: what the gateway served and refused, made durable in groups.
//!
//! A request's [`Entry`] joins a queue that all cores share. One writer takes whatever is there, appends
//! it to the settlement log as one row and commits; every request in the group learns of it at once.
//! That row *is* the usage event and the settlement: a commit costs the same for one request and for a
//! thousand.
//!
//! On SQLite answers do not wait for that commit. The same entries are written to a journal beside the
//! database first, which takes a fraction of the time, and the log follows in larger groups; what a crash
//! left in the journal is moved into the log at the next start.
//!
//! Balances, counters and roll-ups follow from the log. The writer folds them shard by shard of customers
//! within a second, or at once when somebody asks ([`Store::fold`](crate::Store::fold)). How far each shard
//! is folded is recorded in the transaction that folds it, so a crash loses and repeats nothing: what was
//! committed and not folded is folded at the next start.

mod ahead;
mod bulk;
pub mod counter_names;
mod entry;
mod fold;
mod journal;
mod log;
mod pending;
mod queue;
mod room;
mod settler;
mod shared;
mod verify;
mod writer;

#[cfg(test)]
pub(crate) use ahead::JournalPlace;
pub use entry::{Bits, CallEntry, Counter, CounterKind, Draw, Entry, ExpiryEntry, Flags, decode_all};
pub(crate) use pending::shard_of;
pub use room::{Durable, NotDurable};
pub use settler::{Folder, Health, Settler, Ticket};
pub(crate) use shared::Shards;
pub use shared::{Observer, Settlement, Settling};
pub(crate) use verify::verify;
