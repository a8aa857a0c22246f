//! The sandbox over real connections.

mod client;
mod openai;
mod rest;
