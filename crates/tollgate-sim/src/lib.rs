//! Breaks Tollgate on purpose.
