//! The Tollgate binary: command line, configuration, wiring, demo.
//!
//! [`serve`] puts a node together, [`cli`] is what people type, [`config`] what they write down, [`sandbox`]
//! the upstreams that the demo and the tests sell.

pub mod cli;
pub mod config;
pub mod control;
pub mod demo;
mod jobs;
pub mod proof;
pub mod sandbox;
pub mod serve;
pub mod system;
