//! Decisions as sentences and pictures: a standing and an ask in, a decision out.

mod adopting;
mod fixtures;
mod order;
mod properties;
mod reasons;
mod settling;
