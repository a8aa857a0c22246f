//! One request from socket to settlement.
//!
//! Start with [`request`]: its `carry` is the path, a line for each phase, and each phase is a file of
//! that name. Around it:
//!
//! - [`gateway`] starts and stops everything; [`cores`] runs one single-threaded runtime per core, each
//!   with its own listener and upstream connections;
//! - [`front_door`] refuses what an HTTP parser would let through, [`connection`] serves a connection;
//! - [`directory`] knows keys and standings, [`snapshot`] routes, prices and offers;
//! - [`mcp`] serves the Model Context Protocol on the same path;
//! - [`refuse`] turns every refusal into the caller's dialect.
//!
//! This crate knows nothing of invoices, payment providers or pages. What it needs of them it asks
//! through a trait ([`Verifier`]).

mod admit;
mod answer;
mod authenticate;
mod authorize;
mod blueprint;
mod call;
mod caller;
mod connection;
mod core;
mod cores;
mod deliver;
mod directory;
mod estimate;
mod forward;
mod front_door;
mod gateway;
mod guest;
mod head_check;
mod headers;
pub mod limits;
mod mcp;
mod metering;
mod models;
mod own_paths;
mod refuse;
mod relay;
mod request;
mod respond_headers;
mod route;
mod settle;
mod snapshot;
mod supervisor;
mod translation;
mod upstream;
mod verification;
mod websocket;
mod whole;

pub use blueprint::{Blueprint, NoQuote, Quoted};
pub use directory::{FrozenBy, KnownCustomer};
pub use gateway::{Gateway, Options, StartError};
pub use refuse::TextOverride;
pub use snapshot::{Flaw, Setup, SnapshotError};
pub use verification::{NoVerifier, Verification, Verifier};
