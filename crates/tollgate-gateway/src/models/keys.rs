//! The keys of an upstream: they take turns, and one that is refused rests.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use http::HeaderValue;
use tollgate_core::time::Timestamp;

/// The keys of one upstream; none if its headers say who calls.
#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: Box<[Key]>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Key {
    value: HeaderValue,
    /// Until when it rests, in microseconds since 1970.
    rests_until: AtomicI64,
}

/// A key that was chosen for one request.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) index: usize,
    pub(super) value: HeaderValue,
}

impl Keys {
    /// Keys as their header has them.
    pub(super) fn new(values: Vec<HeaderValue>) -> Self {
        let keys = values.into_iter().map(|value| Key { value, rests_until: AtomicI64::new(i64::MIN) }).collect();
        Self { keys, next: AtomicUsize::new(0) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The next key that does not rest.
    pub(super) fn choose(&self, now: Timestamp) -> Option<Chosen> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        (0..self.keys.len()).find_map(|step| {
            let index = first.wrapping_add(step) % self.keys.len();
            let key = self.keys.get(index)?;
            let is_awake = key.rests_until.load(Ordering::Relaxed) <= now.unix_micros();
            is_awake.then(|| Chosen { index, value: key.value.clone() })
        })
    }

    /// Whether one of them could be chosen.
    pub(super) fn is_one_awake(&self, now: Timestamp) -> bool {
        self.keys.iter().any(|key| key.rests_until.load(Ordering::Relaxed) <= now.unix_micros())
    }

    /// Lets a key rest. True if it did not already.
    pub(super) fn rest(&self, index: usize, until: Timestamp, now: Timestamp) -> bool {
        let Some(key) = self.keys.get(index) else { return false };
        key.rests_until.fetch_max(until.unix_micros(), Ordering::Relaxed) <= now.unix_micros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_take_turns_and_one_that_was_refused_rests() {
        let keys = Keys::new(["a", "b", "c"].map(HeaderValue::from_static).to_vec());
        let at = Timestamp::from_unix_seconds;
        let chosen = |second| keys.choose(at(second)).map(|key| key.value);
        assert_eq!([chosen(0), chosen(0), chosen(0), chosen(0)].map(Option::unwrap), ["a", "b", "c", "a"]);
        assert!(keys.rest(1, at(30), at(0)));
        assert!(!keys.rest(1, at(30), at(1)), "it rests already");
        assert_eq!([chosen(1), chosen(1), chosen(30)].map(Option::unwrap), ["c", "c", "a"]);
        assert!(keys.rest(0, at(90), at(31)) && keys.rest(1, at(90), at(31)) && keys.rest(2, at(90), at(31)));
        assert!(chosen(40).is_none() && !keys.is_one_awake(at(40)));
        assert!(chosen(90).is_some() && keys.is_one_awake(at(90)));
    }
}
