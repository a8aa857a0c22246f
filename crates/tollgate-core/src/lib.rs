//! Every rule about money and access, as functions of facts.
//!
//! This crate does no IO, reads no clock, draws no random number, is not async and knows no wire
//! format. Whoever calls it brings `now`, ids and the facts; it answers with a decision, a price or a
//! list of transfers. That is what lets the same rules run in the gateway (a microsecond), in the
//! ledger verifier and in a simulation of a million requests.
//!
//! Reading order: [`money`] and [`meter`] are the quantities, [`catalogue`] is what is sold,
//! [`standing`] is what one customer has, [`decision`] puts them together, [`ledger`] writes down
//! what moved.

#![deny(missing_docs)]
#![cfg_attr(not(test), deny(clippy::float_arithmetic, clippy::integer_division))]

pub mod catalogue;
pub mod decision;
pub mod fraud;
pub mod gcra;
pub mod id;
pub mod ledger;
pub mod meter;
pub mod money;
pub mod period;
pub mod rating;
pub mod standing;
pub mod time;
