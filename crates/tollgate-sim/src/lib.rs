//! Breaks Tollgate on purpose, and measures it.
//!
//! [`load`] sends requests and times the answers.

pub mod clock;
pub mod load;
