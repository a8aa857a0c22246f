//! Every figure of the bench: where it comes from, what it is called and what it is compared with.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::scenario::Scenario;
use crate::load::{Percentiles, Report};

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name in [`Figures`].
    pub key: &'static str,
    pub title: &'static str,
    pub decimals: usize,
    pub against: Against,
}

/// What a figure is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// The bare work-stealing proxy, as a ratio.
    Yardstick,
    /// The sandbox without a proxy, as a difference.
    Direct,
    /// Nothing.
    Nobody,
}

const fn metric(key: &'static str, title: &'static str, decimals: usize, against: Against) -> Metric {
    Metric { key, title, decimals, against }
}

/// The rows of the table, in order.
pub const METRICS: [Metric; 26] = [
    metric("rest.per_second", "REST requests/s, 64 connections", 0, Against::Yardstick),
    metric("rest.cpu_per_1000_ms", "CPU ms per 1,000 of them", 1, Against::Yardstick),
    metric("rest.p50_ms", "latency p50 ms", 2, Against::Yardstick),
    metric("rest.p99_ms", "latency p99 ms", 2, Against::Yardstick),
    metric("completion.per_second", "LLM completions/s, 64 connections", 0, Against::Yardstick),
    metric("completion.cpu_per_1000_ms", "CPU ms per 1,000 of them", 1, Against::Yardstick),
    metric("completion.p50_ms", "latency p50 ms", 2, Against::Yardstick),
    metric("completion.p99_ms", "latency p99 ms", 2, Against::Yardstick),
    metric("open_2000.p50_ms", "LLM at 2,000/s, latency p50 ms", 3, Against::Direct),
    metric("open_2000.p99_ms", "p99 ms", 3, Against::Direct),
    metric("open_2000.p999_ms", "p99.9 ms", 3, Against::Direct),
    metric("open_500.p50_ms", "LLM at 500/s, latency p50 ms", 3, Against::Direct),
    metric("open_500.p99_ms", "p99 ms", 3, Against::Direct),
    metric("open_500.p999_ms", "p99.9 ms", 3, Against::Direct),
    metric("streams_4.first_byte_p50_ms", "4 streams, first byte p50 ms", 3, Against::Direct),
    metric("streams_4.first_delta_p50_ms", "first token p50 ms (sent after 10)", 2, Against::Direct),
    metric("streams_4.gap_p99_ms", "gap between tokens p99 ms (sent every 10)", 2, Against::Direct),
    metric("streams_64.first_byte_p50_ms", "64 streams, first byte p50 ms", 3, Against::Direct),
    metric("streams_64.first_delta_p50_ms", "first token p50 ms (sent after 10)", 2, Against::Direct),
    metric("streams_64.gap_p99_ms", "gap between tokens p99 ms (sent every 10)", 2, Against::Direct),
    metric("flood.per_second", "streams/s of 100 tokens, 32 at once", 0, Against::Yardstick),
    metric("flood.cpu_per_1000_ms", "CPU ms per 1,000 of them", 1, Against::Yardstick),
    metric("memory.idle_mb", "memory idle MB", 1, Against::Nobody),
    metric("memory.peak_mb", "memory under load MB", 1, Against::Nobody),
    metric("failed", "failed requests", 0, Against::Nobody),
    metric("others_percent", "processors taken by other programs %", 1, Against::Nobody),
];

/// The figures of one peer by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Adds what a scenario found, with the processor time that the peer took for it.
    pub fn add_report(&mut self, scenario: Scenario, report: &Report, cpu: Option<Duration>) {
        let name = scenario.name();
        self.set(format!("{name}.per_second"), report.per_second);
        if let Some(latency) = report.latency {
            self.add_percentiles(name, latency);
        }
        let timed = [("send_lag", report.send_lag), ("first_byte", report.first_byte)];
        for (part, percentiles) in timed.into_iter().chain([("first_delta", report.first_delta), ("gap", report.gap)]) {
            if let Some(Percentiles { p50, p99, .. }) = percentiles {
                self.set(format!("{name}.{part}_p50_ms"), p50);
                self.set(format!("{name}.{part}_p99_ms"), p99);
            }
        }
        if let Some(cpu) = cpu.filter(|_| report.answered > 0) {
            self.set(format!("{name}.cpu_per_1000_ms"), cpu.as_secs_f64() * 1e6 / as_float(report.answered));
        }
        *self.0.entry("failed".to_owned()).or_default() += as_float(report.failed());
    }

    fn add_percentiles(&mut self, name: &str, latency: Percentiles) {
        self.set(format!("{name}.p50_ms"), latency.p50);
        self.set(format!("{name}.p99_ms"), latency.p99);
        self.set(format!("{name}.p999_ms"), latency.p999);
    }

    /// Adds memory in bytes.
    pub fn add_memory(&mut self, idle: Option<u64>, peak: Option<u64>) {
        for (key, bytes) in [("memory.idle_mb", idle), ("memory.peak_mb", peak)] {
            if let Some(bytes) = bytes {
                self.set(key.to_owned(), as_float(bytes) / 1e6);
            }
        }
    }

    /// Adds how much of the processors programs took that have nothing to do with the bench.
    pub fn add_others(&mut self, share: f64) {
        self.set("others_percent".to_owned(), share * 100.0);
    }

    fn set(&mut self, key: String, value: f64) {
        self.0.insert(key, value);
    }

    /// The figure of this name, if the peer has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<f64> {
        self.0.get(key).copied()
    }

    /// For every name, the median of those that have it; of failures, the sum.
    #[must_use]
    pub fn medians(all: &[&Self]) -> Self {
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (key, value) in all.iter().flat_map(|figures| &figures.0) {
            values.entry(key.clone()).or_default().push(*value);
        }
        let middle = |(key, values): (String, Vec<f64>)| {
            let value = if key == "failed" { values.iter().sum() } else { median(values) };
            (key, value)
        };
        Self(values.into_iter().map(middle).collect())
    }
}

/// The middle value, or the mean of the two in the middle; `values` is not empty.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[expect(clippy::cast_precision_loss, reason = "a measurement has no sixteen digits")]
fn as_float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(pairs: &[(&str, f64)]) -> Figures {
        Figures(pairs.iter().map(|&(key, value)| (key.to_owned(), value)).collect())
    }

    #[test]
    fn rounds_become_medians_and_failures_a_sum() {
        let rounds = [
            figures(&[("rest.p50_ms", 1.0), ("failed", 1.0)]),
            figures(&[("rest.p50_ms", 9.0), ("failed", 0.0)]),
            figures(&[("rest.p50_ms", 2.0), ("failed", 4.0), ("memory.idle_mb", 7.0)]),
        ];
        let medians = Figures::medians(&rounds.iter().collect::<Vec<_>>());
        assert_eq!(medians, figures(&[("rest.p50_ms", 2.0), ("failed", 5.0), ("memory.idle_mb", 7.0)]));
        assert!((median(vec![4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
    }
}
