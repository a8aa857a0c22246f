//! An HTTP/1.1 load generator that leaves the processor to what it measures.
//!
//! It writes prepared bytes to plain sockets and reads no more of an answer than its length, on one
//! thread unless told otherwise. In a closed loop every connection sends its next request when the
//! last is answered: that finds the throughput. In an open loop requests are due at a fixed rate whatever
//! the answers do, and latency counts from the instant at which a request was due, so a stall is seen
//! by everyone who would have waited in it (no coordinated omission).
//!
//! Reading order: [`Load`] says what to do, `drive` does it, `connection` carries one request,
//! [`report`] is what comes out.

mod connection;
mod drive;
pub mod report;
mod request;
mod response;
mod sse;
mod ticks;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

pub use report::{Percentiles, Report};

use report::Tally;
use request::Template;

/// What to send, how fast and for how long.
#[derive(Debug, Clone)]
pub struct Load {
    /// `http://host:port/path`; no TLS.
    pub url: String,
    pub method: String,
    /// Header lines, `name: value`.
    pub headers: Vec<String>,
    /// Header lines of which each request carries one, in turn: keys of many customers.
    pub rotating_headers: Vec<String>,
    pub body: Vec<u8>,
    pub connections: usize,
    pub pace: Pace,
    pub duration: Duration,
    pub timing: Timing,
    /// Closed loop: the time over which the connections begin, one after the other. Requests that take
    /// equally long would otherwise come all at once, again and again.
    pub stagger: Duration,
    /// Threads that share connections and rate.
    pub threads: usize,
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As soon as a connection is free.
    Closed,
    /// This many a second, evenly, answered or not.
    Open { per_second: f64 },
}

/// What of an answer is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// Its end.
    Whole,
    /// Also its first body byte, its first content delta and the gaps between deltas (server-sent
    /// events in the OpenAI format).
    Stream,
}

impl Load {
    /// `GET url` over 64 connections for a second.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            rotating_headers: Vec::new(),
            body: Vec::new(),
            connections: 64,
            pace: Pace::Closed,
            duration: Duration::from_secs(1),
            timing: Timing::Whole,
            stagger: Duration::ZERO,
            threads: 1,
        }
    }

    /// `POST url` with a JSON body, otherwise like [`Load::get`].
    #[must_use]
    pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec!["content-type: application/json".to_owned()];
        Self { method: "POST".to_owned(), headers, body: body.into(), ..Self::get(url) }
    }
}

/// Carries out `load`. Returns when the last answer is in, at most ten seconds after the last request.
///
/// Failed requests are counted in the report; an error means that nothing could be sent at all.
pub fn run(load: &Load) -> Result<Report> {
    ensure!(load.threads > 0 && load.connections >= load.threads, "expected at least one connection per thread");
    if let Pace::Open { per_second } = load.pace {
        ensure!(per_second > 0.0 && per_second.is_finite(), "expected a rate above zero");
    }
    let template = &Arc::new(Template::new(load)?);
    let tallies: Vec<Result<Tally>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..load.threads).map(|thread| scope.spawn(move || drive::run_share(load, template, thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a load thread does not panic")).collect()
    });
    let mut sum = Tally::default();
    for tally in tallies {
        sum.add(&tally.context("could not generate load")?)?;
    }
    Ok(sum.report())
}

#[cfg(test)]
mod tests;
