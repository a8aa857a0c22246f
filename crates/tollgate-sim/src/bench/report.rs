//! The result of a bench, as a table to read and as JSON to keep.

use std::fmt;
use std::fmt::Write;

use serde::Serialize;

use super::Effort;
use super::metric::{Against, Figures, METRICS, Metric};

/// The peer that ratios refer to; see [`super::peer::Peer::bare`].
const YARDSTICK: &str = "bare hyper, work stealing";

/// The peer that added latency refers to.
const DIRECT: &str = "direct";

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Bench {
    pub seconds_per_scenario: f64,
    /// The medians of each peer, in the order of the table.
    pub medians: Vec<Round>,
    /// What the medians are of, in the order in which it was measured.
    pub rounds: Vec<Round>,
}

/// The figures of one peer.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    pub peer: String,
    pub figures: Figures,
}

impl Bench {
    /// The result of `rounds` for `peers`.
    #[must_use]
    pub fn new(peers: Vec<String>, effort: Effort, rounds: Vec<Round>) -> Self {
        let medians_of = |peer: String| {
            let own: Vec<_> = rounds.iter().filter(|round| round.peer == peer).map(|round| &round.figures).collect();
            Round { figures: Figures::medians(&own), peer }
        };
        let medians = peers.into_iter().map(medians_of).collect();
        Self { seconds_per_scenario: effort.per_scenario.as_secs_f64(), medians, rounds }
    }

    /// Requests of all peers that were not answered with success.
    #[must_use]
    pub fn failed(&self) -> f64 {
        self.medians.iter().filter_map(|peer| peer.figures.get("failed")).sum()
    }

    fn figure(&self, peer: &str, key: &str) -> Option<f64> {
        self.medians.iter().find(|median| median.peer == peer)?.figures.get(key)
    }

    /// A figure with what it is compared with: `1,234 (0.97x)` or `0.210 (+0.150)`.
    fn cell(&self, metric: &Metric, peer: &Round) -> String {
        let Some(value) = peer.figures.get(metric.key) else { return "-".to_owned() };
        let mut cell = grouped(value, metric.decimals);
        let compared = match metric.against {
            Against::Yardstick if peer.peer != YARDSTICK => {
                self.figure(YARDSTICK, metric.key).map(|yardstick| format!(" ({:.2}x)", value / yardstick))
            }
            Against::Direct if peer.peer != DIRECT => {
                let added = self.figure(DIRECT, metric.key).map(|direct| value - direct);
                added.map(|added| format!(" ({added:+.*})", metric.decimals))
            }
            _ => None,
        };
        cell.extend(compared);
        cell
    }
}

/// A Markdown table: a row for every figure, a column for every peer.
impl fmt::Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peers: Vec<_> = self.medians.iter().map(|median| median.peer.as_str()).collect();
        writeln!(f, "| | {} |", peers.join(" | "))?;
        writeln!(f, "|---|{}", "--:|".repeat(peers.len()))?;
        for metric in &METRICS {
            let cells: Vec<_> = self.medians.iter().map(|peer| self.cell(metric, peer)).collect();
            writeln!(f, "| {} | {} |", metric.title, cells.join(" | "))?;
        }
        Ok(())
    }
}

/// A number with commas between thousands.
fn grouped(value: f64, decimals: usize) -> String {
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    let _ = text.write_str(fraction);
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::scenario::Scenario;
    use crate::load::{Percentiles, Report};

    fn round(peer: &str, per_second: f64, p50: f64) -> Round {
        let latency = Percentiles { p50, p90: p50, p99: p50, p999: p50, max: p50 };
        let report = Report {
            answered: 1_000,
            seconds: 1.0,
            per_second,
            body_bytes: 0,
            statuses: [(200, 1_000)].into(),
            errors: [].into(),
            latency: Some(latency),
            send_lag: None,
            first_byte: None,
            first_delta: None,
            gap: None,
        };
        let mut figures = Figures::default();
        let cpu = (peer != DIRECT).then_some(Duration::from_micros(12_340));
        figures.add_report(Scenario::Rest, &report, cpu);
        figures.add_report(Scenario::Open500, &report, None);
        Round { peer: peer.to_owned(), figures }
    }

    #[test]
    fn figures_stand_beside_what_they_are_compared_with() {
        let rounds =
            vec![round(DIRECT, 199_103.4, 0.06), round(YARDSTICK, 52_343.0, 0.27), round("gate", 41_874.4, 0.3)];
        let peers = rounds.iter().map(|round| round.peer.clone()).collect();
        let bench = Bench::new(peers, Effort { rounds: 1, per_scenario: Duration::from_secs(1) }, rounds);
        let table = bench.to_string();
        for row in [
            "| | direct | bare hyper, work stealing | gate |",
            "| REST requests/s, 64 connections | 199,103 (3.80x) | 52,343 | 41,874 (0.80x) |",
            "| CPU ms per 1,000 of them | - | 12.3 | 12.3 (1.00x) |",
            "| LLM at 500/s, latency p50 ms | 0.060 | 0.270 (+0.210) | 0.300 (+0.240) |",
            "| failed requests | 0 | 0 | 0 |",
        ] {
            assert!(table.contains(row), "{row}\nis not in\n{table}");
        }
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(1_234_567.0, 0), "1,234,567");
        assert_eq!(grouped(999.96, 1), "1,000.0");
        assert_eq!(grouped(-123.4, 1), "-123.4");
    }
}
