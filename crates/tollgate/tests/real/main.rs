//! The real binary, real sockets, and the built-in sandbox as its upstream.
//!
//! Every test has a folder, ports and an upstream of its own, and waits for what it expects instead of
//! for time to pass. What a test needs and does not find makes it fail with what to install. Reading
//! order: `harness`, then any module; each is one question.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod harness;
mod install;

mod bad_input;
mod breaking_off;
mod browser;
mod dialects;
mod judging;
mod lifecycle;
mod mcp;
mod mcp_conformance;
mod mcp_sdk;
mod models;
mod native_sdk;
mod protocols;
mod race;
mod resolutions;
mod scenarios;
mod sdk;
mod start_up;
mod streams;
