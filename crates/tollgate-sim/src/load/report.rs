//! What a load run found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::connection::Sight;

/// Longer times count as this long; all are kept to a thousandth.
const LONGEST_NANOS: u64 = 100_000_000_000;

/// The figures of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Requests that were answered in full, whatever the status.
    pub answered: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    pub per_second: f64,
    pub body_bytes: u64,
    pub statuses: BTreeMap<u16, u64>,
    /// Requests that were not answered in full, by cause.
    pub errors: BTreeMap<String, u64>,
    /// From sending a request, or in an open loop from when it was due, to the end of the answer.
    pub latency: Option<Percentiles>,
    /// Open loop: how late requests were sent. What of this is not waiting for a free connection is the
    /// generator's own.
    pub send_lag: Option<Percentiles>,
    /// Streams: to the first byte of the body.
    pub first_byte: Option<Percentiles>,
    /// Streams: to the first content delta.
    pub first_delta: Option<Percentiles>,
    /// Streams: from one content delta to the next.
    pub gap: Option<Percentiles>,
}

/// A distribution, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Report {
    /// Requests that were not answered with a status from 200 to 299.
    #[must_use]
    pub fn failed(&self) -> u64 {
        let refused = self.statuses.iter().filter(|(status, _)| !(200..300).contains(*status));
        refused.map(|(_, count)| count).chain(self.errors.values()).sum()
    }
}

/// Figures of one thread, as they come in.
#[derive(Debug)]
pub(super) struct Tally {
    elapsed: Duration,
    body_bytes: u64,
    statuses: BTreeMap<u16, u64>,
    errors: BTreeMap<String, u64>,
    latency: Histogram<u64>,
    send_lag: Histogram<u64>,
    first_byte: Histogram<u64>,
    first_delta: Histogram<u64>,
    gap: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let empty = || Histogram::new_with_max(LONGEST_NANOS, 3).expect("valid bounds and digits");
        Self {
            elapsed: Duration::ZERO,
            body_bytes: 0,
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            latency: empty(),
            send_lag: empty(),
            first_byte: empty(),
            first_delta: empty(),
            gap: empty(),
        }
    }
}

impl Tally {
    /// Notes an answer that has just ended to a request whose time began at `began_at`.
    pub(super) fn answered(&mut self, began_at: Instant, sight: &Sight) {
        note(&mut self.latency, began_at.elapsed());
        *self.statuses.entry(sight.status).or_default() += 1;
        self.body_bytes += sight.body_bytes;
        if let Some(at) = sight.first_byte_at {
            note(&mut self.first_byte, at.saturating_duration_since(began_at));
        }
        if let Some(at) = sight.deltas_at.first() {
            note(&mut self.first_delta, at.saturating_duration_since(began_at));
        }
        for pair in sight.deltas_at.windows(2) {
            note(&mut self.gap, pair[1].saturating_duration_since(pair[0]));
        }
    }

    pub(super) fn failed(&mut self, cause: String) {
        *self.errors.entry(cause).or_default() += 1;
    }

    /// Notes how late a request was sent.
    pub(super) fn sent_after(&mut self, lag: Duration) {
        note(&mut self.send_lag, lag);
    }

    pub(super) fn ended_after(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
    }

    /// Adds what another thread found in the same time.
    pub(super) fn add(&mut self, other: &Self) -> Result<()> {
        self.elapsed = self.elapsed.max(other.elapsed);
        self.body_bytes += other.body_bytes;
        for (&status, count) in &other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (cause, count) in &other.errors {
            *self.errors.entry(cause.clone()).or_default() += count;
        }
        self.latency.add(&other.latency)?;
        self.send_lag.add(&other.send_lag)?;
        self.first_byte.add(&other.first_byte)?;
        self.first_delta.add(&other.first_delta)?;
        self.gap.add(&other.gap)?;
        Ok(())
    }

    pub(super) fn report(self) -> Report {
        let (answered, seconds) = (self.latency.len(), self.elapsed.as_secs_f64());
        Report {
            answered,
            seconds,
            per_second: if seconds > 0.0 { as_float(answered) / seconds } else { 0.0 },
            body_bytes: self.body_bytes,
            statuses: self.statuses,
            errors: self.errors,
            latency: percentiles(&self.latency),
            send_lag: percentiles(&self.send_lag),
            first_byte: percentiles(&self.first_byte),
            first_delta: percentiles(&self.first_delta),
            gap: percentiles(&self.gap),
        }
    }
}

fn note(histogram: &mut Histogram<u64>, time: Duration) {
    histogram.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}

/// Nothing for an empty distribution.
fn percentiles(histogram: &Histogram<u64>) -> Option<Percentiles> {
    let at = |quantile| as_float(histogram.value_at_quantile(quantile)) / 1e6;
    let some = Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1.0) };
    (!histogram.is_empty()).then_some(some)
}

#[expect(clippy::cast_precision_loss, reason = "a measurement has no sixteen digits")]
fn as_float(value: u64) -> f64 {
    value as f64
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answered, seconds, per_second, .. } = self;
        writeln!(f, "{answered} answers in {seconds:.2} s, {per_second:.0} a second")?;
        writeln!(f, "{} failed; statuses {:?}, errors {:?}", self.failed(), self.statuses, self.errors)?;
        let rows = [
            ("latency", &self.latency),
            ("send lag", &self.send_lag),
            ("first byte", &self.first_byte),
            ("first delta", &self.first_delta),
            ("gap", &self.gap),
        ];
        for (name, percentiles) in rows {
            if let Some(Percentiles { p50, p90, p99, p999, max }) = percentiles {
                writeln!(f, "{name:>11} ms: p50 {p50:.3}  p90 {p90:.3}  p99 {p99:.3}  p99.9 {p999:.3}  max {max:.3}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_a_thousandth() {
        let mut tally = Tally::default();
        for micros in 1..=10_000 {
            tally.sent_after(Duration::from_micros(micros));
        }
        let lag = tally.report().send_lag.unwrap();
        for (found, expected) in [(lag.p50, 5.0), (lag.p90, 9.0), (lag.p99, 9.9), (lag.p999, 9.99), (lag.max, 10.0)] {
            assert!((found - expected).abs() <= expected / 1_000.0, "{found} for {expected}");
        }
    }

    #[test]
    fn threads_add_up() {
        let mut sum = Tally::default();
        for millis in [1, 3] {
            let mut one = Tally::default();
            one.sent_after(Duration::from_millis(millis));
            one.failed("read".to_owned());
            one.ended_after(Duration::from_secs(millis));
            sum.add(&one).unwrap();
        }
        let report = sum.report();
        assert!((report.send_lag.unwrap().max - 3.0).abs() < 0.01);
        assert!((report.seconds - 3.0).abs() < f64::EPSILON);
        assert_eq!((report.failed(), report.answered, report.latency), (2, 0, None));
    }
}
