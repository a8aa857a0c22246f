//! Breaks Tollgate on purpose, and measures it.
//!
//! [`load`] sends requests and times the answers, [`proxy`] is the bare reverse proxy that Tollgate is
//! compared with, [`mod@bench`] runs both against each other and prints ratios. [`crash`] kills the binary
//! under load and audits what it wrote down.

pub mod bench;
pub mod clock;
pub mod cores;
pub mod crash;
pub mod load;
pub mod proxy;
