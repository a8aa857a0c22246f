//! The control plane as its users see it: requests to the router over a real store.

mod admin;
pub(crate) mod bench;
mod document;
mod page_rules;
mod pages;
mod paid_once;
mod visitor;
