//! The Tollgate binary: command line, configuration, wiring, demo.

pub mod sandbox;
