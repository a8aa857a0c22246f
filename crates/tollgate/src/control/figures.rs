//! Figures of what was served and refused, for Prometheus. They are counted from settlements that are
//! durable: what they say happened.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tollgate_core::meter::Meter;
use tollgate_store::settlement::{CallEntry, Entry, Observer};

/// From a tenth of a millisecond to a minute.
const SECONDS: [f64; 13] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    route: String,
    status: u16,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByMeter {
    route: String,
    meter: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCurrency {
    currency: String,
}

/// Figures of what was served and refused.
pub(crate) struct Figures {
    requests: Family<Outcome, Counter>,
    gate_seconds: Family<ByRoute, Histogram>,
    seconds: Family<ByRoute, Histogram>,
    usage: Family<ByMeter, Counter>,
    charged_nanos: Family<ByCurrency, Counter>,
    lost_nanos: Family<ByCurrency, Counter>,
    routes: Mutex<HashMap<String, RouteFigures>>,
}

/// The figures of one route, found once: a family looks its labels up each time.
struct RouteFigures {
    outcomes: Vec<(u16, String, Counter)>,
    gate_seconds: Histogram,
    seconds: Histogram,
    usage: Vec<(u8, Counter)>,
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Figures {
    pub(crate) fn new() -> Self {
        Self {
            requests: Family::default(),
            gate_seconds: Family::new_with_constructor(histogram),
            seconds: Family::new_with_constructor(histogram),
            usage: Family::default(),
            charged_nanos: Family::default(),
            lost_nanos: Family::default(),
            routes: Mutex::default(),
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("requests", "Requests by route, status and reason of the refusal", self.requests.clone());
        let gate = "From the arrival of a request until it was forwarded or refused";
        registry.register_with_unit("gate", gate, Unit::Seconds, self.gate_seconds.clone());
        let whole = "From the arrival of a request until its answer was complete";
        registry.register_with_unit("request", whole, Unit::Seconds, self.seconds.clone());
        registry.register("usage", "What was metered, by route and meter", self.usage.clone());
        let charged = "What customers were charged, in nano-units of the currency";
        registry.register("charged_nanos", charged, self.charged_nanos.clone());
        let lost = "What was used beyond what could be charged, in nano-units of the currency";
        registry.register("lost_nanos", lost, self.lost_nanos.clone());
    }

    fn route(&self, route: &str) -> RouteFigures {
        let label = ByRoute { route: route.to_owned() };
        RouteFigures {
            outcomes: Vec::new(),
            gate_seconds: self.gate_seconds.get_or_create_owned(&label),
            seconds: self.seconds.get_or_create_owned(&label),
            usage: Vec::new(),
        }
    }

    fn count(&self, figures: &mut RouteFigures, call: &CallEntry<'_>) {
        let outcomes = &mut figures.outcomes;
        let known = outcomes.iter().position(|(status, reason, _)| *status == call.status && reason == call.reason);
        let at = known.unwrap_or_else(|| {
            let (route, reason) = (call.route.to_owned(), call.reason.to_owned());
            let counter = self.requests.get_or_create_owned(&Outcome { route, status: call.status, reason });
            outcomes.push((call.status, call.reason.to_owned(), counter));
            outcomes.len() - 1
        });
        outcomes[at].2.inc();
        figures.gate_seconds.observe(seconds(call.gate_us));
        figures.seconds.observe(seconds(call.total_us));
        for &(meter, quantity) in &call.usage {
            let known = figures.usage.iter().position(|(code, _)| *code == meter);
            let at = known.unwrap_or_else(|| {
                let name = Meter::from_code(meter).map_or("unknown", Meter::name);
                let counter = self.usage.get_or_create_owned(&ByMeter { route: call.route.to_owned(), meter: name });
                figures.usage.push((meter, counter));
                figures.usage.len() - 1
            });
            figures.usage[at].1.inc_by(quantity);
        }
        for (amount, family) in [(call.cost, &self.charged_nanos), (call.loss, &self.lost_nanos)] {
            if let Ok(amount @ 1..) = u64::try_from(amount) {
                family.get_or_create(&ByCurrency { currency: call.currency.to_owned() }).inc_by(amount);
            }
        }
    }
}

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}

impl Observer for Figures {
    fn committed(&self, entry: &Entry<'_>) {
        let Entry::Call(call) = entry else { return };
        // Nothing in here leaves the figures half-counted in a way that matters.
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(figures) = routes.get_mut(call.route) {
            return self.count(figures, call);
        }
        let mut figures = self.route(call.route);
        self.count(&mut figures, call);
        routes.insert(call.route.to_owned(), figures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_settled_is_counted() {
        let figures = Figures::new();
        let served = CallEntry {
            route: "rest.calls",
            status: 200,
            gate_us: 200,
            total_us: 3_000,
            usage: vec![(Meter::Calls.code(), 1)],
            currency: "USD",
            cost: 1_000_000,
            ..CallEntry::default()
        };
        let refused =
            CallEntry { route: "rest.calls", status: 402, reason: "payment_required", ..CallEntry::default() };
        for call in [served.clone(), served, refused] {
            figures.committed(&Entry::Call(call));
        }
        let mut registry = Registry::with_prefix("tollgate");
        figures.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "tollgate_requests_total{route=\"rest.calls\",status=\"200\",reason=\"\"} 2",
            "tollgate_requests_total{route=\"rest.calls\",status=\"402\",reason=\"payment_required\"} 1",
            "tollgate_usage_total{route=\"rest.calls\",meter=\"calls\"} 2",
            "tollgate_charged_nanos_total{currency=\"USD\"} 2000000",
            "tollgate_request_seconds_count{route=\"rest.calls\"} 3",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
