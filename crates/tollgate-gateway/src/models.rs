//! Models: who serves a name, in which format, with which key, and what happens when they cannot.
//!
//! A [`Pool`] is what one API knows of its models. A name leads to [`Candidate`]s in the order in which they
//! are tried; each is a model at a [`Provider`], which is an upstream with its format, its keys and its
//! turns. An attempt that fails before anything of its answer was passed on goes to the next candidate,
//! judged and held for anew at that one's price; only the attempt that serves is settled.

mod attempt;
mod keys;
mod list;
mod pool;
mod provider;
mod trouble;
mod turns;

pub(crate) use attempt::serve;
pub(crate) use list::list;
pub(crate) use pool::{Candidate, Pool};
pub(crate) use provider::{Provider, wire};
pub(crate) use turns::Turn;
