//! Fraud rules: patterns that put a customer under review before the damage is large.
//!
//! A rule that fires freezes the customer (402 `account_under_review`) until a person lifts it. The
//! caller is never told which rule it was. The state is bounded: a few counters, and for each key at
//! most one address more than the rule allows.

use std::time::Duration;

use crate::id::KeyId;
use crate::money::Nanos;
use crate::time::Timestamp;

/// When a customer is put under review. Each rule is optional.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FraudRules {
    /// More requests in a window than any honest use.
    pub velocity: Option<Velocity>,
    /// Far more spending in an hour than the hours before.
    pub spike: Option<Spike>,
    /// One key used from many places.
    pub sharing: Option<Sharing>,
}

/// So many requests in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Velocity {
    /// The most requests.
    pub requests_max: u64,
    /// In this time.
    pub window: Duration,
}

/// Spending of an hour against the average of the hours before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spike {
    /// So many times the average.
    pub factor: u32,
    /// Hours that spend less than this never count as a spike.
    pub floor: Nanos,
    /// Hours of history below which the rule keeps silent.
    pub history_hours_min: u32,
}

/// So many addresses on one key in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// The most addresses.
    pub addresses_max: u16,
    /// In this time.
    pub window: Duration,
}

/// The rule that fired. For operators and the audit trail, never for callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FraudRule {
    /// [`FraudRules::velocity`].
    Velocity,
    /// [`FraudRules::spike`].
    Spike,
    /// [`FraudRules::sharing`].
    Sharing,
}

impl FraudRule {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Velocity => "velocity",
            Self::Spike => "spike",
            Self::Sharing => "sharing",
        }
    }
}

/// What the rules remember about one customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FraudState {
    window_start: Option<Timestamp>,
    requests: u64,
    hour_start: Option<Timestamp>,
    hour_spent: Nanos,
    /// Average of the finished hours, and how many they were.
    hours_average: Nanos,
    hours: u32,
    keys: Vec<Seen>,
}

/// The addresses one key was used from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    key: KeyId,
    addresses: Vec<(u64, Timestamp)>,
}

const HOUR: Duration = Duration::from_secs(3_600);

impl FraudState {
    /// Takes note of a request from `address` (a hash of the network address) and says which rule,
    /// if any, it breaks.
    pub fn observe(&mut self, rules: &FraudRules, key: KeyId, address: u64, now: Timestamp) -> Option<FraudRule> {
        if let Some(rule) = rules.velocity
            && self.requests_in(rule.window, now) > rule.requests_max
        {
            return Some(FraudRule::Velocity);
        }
        if let Some(rule) = rules.sharing
            && self.addresses_of(key, address, rule, now) > usize::from(rule.addresses_max)
        {
            return Some(FraudRule::Sharing);
        }
        None
    }

    /// Takes note of `cost` and says whether the hour is a spike.
    pub fn spent(&mut self, rules: &FraudRules, cost: Nanos, now: Timestamp) -> Option<FraudRule> {
        let rule = rules.spike?;
        self.turn_hour(now);
        self.hour_spent = self.hour_spent.saturating_plus(cost);
        let usual = self.hours_average.get().saturating_mul(i64::from(rule.factor));
        let is_spike =
            self.hours >= rule.history_hours_min && self.hour_spent >= rule.floor && self.hour_spent.get() > usual;
        is_spike.then_some(FraudRule::Spike)
    }

    /// Counts this request and returns how many the window has seen.
    fn requests_in(&mut self, window: Duration, now: Timestamp) -> u64 {
        let fresh = self.window_start.is_none_or(|start| now.since(start) >= window || now < start);
        if fresh {
            self.window_start = Some(now);
            self.requests = 0;
        }
        self.requests = self.requests.saturating_add(1);
        self.requests
    }

    /// Notes `address` for `key` and returns how many addresses the window has seen.
    fn addresses_of(&mut self, key: KeyId, address: u64, rule: Sharing, now: Timestamp) -> usize {
        let index = match self.keys.iter().position(|seen| seen.key == key) {
            Some(index) => index,
            None => {
                self.keys.push(Seen { key, addresses: Vec::new() });
                self.keys.len() - 1
            }
        };
        let addresses = &mut self.keys[index].addresses;
        addresses.retain(|&(_, last)| now.since(last) < rule.window);
        if let Some((_, last)) = addresses.iter_mut().find(|(known, _)| *known == address) {
            *last = now;
        } else if addresses.len() <= usize::from(rule.addresses_max) {
            addresses.push((address, now));
        }
        addresses.len()
    }

    /// Closes the hour if it is over and lets it enter the average of the last days.
    #[expect(clippy::integer_division, reason = "an average of amounts, compared with a threshold")]
    fn turn_hour(&mut self, now: Timestamp) {
        const REMEMBERED_HOURS: u32 = 7 * 24;
        let Some(start) = self.hour_start else {
            self.hour_start = Some(now);
            return;
        };
        let elapsed = now.since(start);
        if elapsed < HOUR {
            return;
        }
        let passed = u32::try_from(elapsed.as_secs() / HOUR.as_secs()).unwrap_or(u32::MAX).min(REMEMBERED_HOURS);
        for finished in 0..passed {
            // Only the first of them was spent in; the rest were idle.
            let spent = if finished == 0 { self.hour_spent.get() } else { 0 };
            let weight = i64::from(self.hours.min(REMEMBERED_HOURS - 1));
            let average = i128::from(self.hours_average.get()) * i128::from(weight) + i128::from(spent);
            self.hours_average = Nanos::try_from(average / i128::from(weight + 1)).unwrap_or(Nanos::MAX);
            self.hours = self.hours.saturating_add(1);
        }
        self.hour_start = Some(start + HOUR * passed);
        self.hour_spent = Nanos::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_seconds(1_795_262_400);

    fn key(n: u128) -> KeyId {
        KeyId::from_bits(n)
    }

    #[test]
    fn velocity_fires_on_the_request_after_the_last_allowed_one() {
        let rules = FraudRules {
            velocity: Some(Velocity { requests_max: 3, window: Duration::from_secs(60) }),
            ..FraudRules::default()
        };
        let mut state = FraudState::default();
        let fired: Vec<bool> = (0..4).map(|_| state.observe(&rules, key(1), 0, NOON).is_some()).collect();
        assert_eq!(fired, [false, false, false, true]);
        assert_eq!(state.observe(&rules, key(1), 0, NOON + Duration::from_secs(61)), None);
    }

    #[test]
    fn sharing_counts_addresses_of_one_key_within_the_window() {
        let rules = FraudRules {
            sharing: Some(Sharing { addresses_max: 2, window: Duration::from_secs(600) }),
            ..FraudRules::default()
        };
        let mut state = FraudState::default();
        for (address, owner) in [(1, 1), (2, 1), (3, 2), (1, 1)] {
            assert_eq!(state.observe(&rules, key(owner), address, NOON), None);
        }
        assert_eq!(state.observe(&rules, key(1), 9, NOON), Some(FraudRule::Sharing));
        let later = NOON + Duration::from_secs(601);
        assert_eq!(state.observe(&rules, key(1), 9, later), None, "the old addresses have aged out");
    }

    #[test]
    fn a_spike_needs_history_and_a_floor() {
        let rules = FraudRules {
            spike: Some(Spike { factor: 10, floor: Nanos::units(5), history_hours_min: 24 }),
            ..FraudRules::default()
        };
        let mut state = FraudState::default();
        let mut now = NOON;
        for _ in 0..48 {
            assert_eq!(state.spent(&rules, Nanos::units(1), now), None);
            now = now + HOUR;
        }
        assert_eq!(state.spent(&rules, Nanos::units(4), now), None, "below the floor");
        assert_eq!(state.spent(&rules, Nanos::units(5), now), None, "nine times the average");
        assert_eq!(state.spent(&rules, Nanos::units(2), now), Some(FraudRule::Spike));
        let mut fresh = FraudState::default();
        assert_eq!(fresh.spent(&rules, Nanos::units(1_000), NOON), None, "no history, no verdict");
    }
}
