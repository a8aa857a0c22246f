//! The control plane as its users see it: requests to the router over a real store.

mod admin;
mod bench;
mod document;
