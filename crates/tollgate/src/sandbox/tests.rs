//! The sandbox over real connections.

mod anthropic;
mod client;
mod format;
mod formats;
mod gemini;
mod openai;
mod responses;
mod rest;
