//! Entries of the settlement log, and their bytes.
//!
//! CBOR with numbered fields: a field is only ever added, with the next number, and older entries are
//! read as if it were absent. The log is kept for as long as the operator wants to look back.

use minicbor::{Decode, Decoder, Encode};

use crate::{Corrupt, StoreError};

/// The 128 bits of an id; all zero for nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Bits(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl From<[u8; 16]> for Bits {
    fn from(bits: [u8; 16]) -> Self {
        Self(bits)
    }
}

impl Bits {
    /// The bits, unless they stand for nobody.
    #[must_use]
    pub fn somebody(self) -> Option<[u8; 16]> {
        (self.0 != [0; 16]).then_some(self.0)
    }
}

/// One entry of the settlement log.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
#[expect(clippy::large_enum_variant, reason = "nearly every entry is a call; a box would cost each of them")]
pub enum Entry<'a> {
    /// A request, served or refused.
    #[n(0)]
    Call(#[b(0)] CallEntry<'a>),
    /// Credit expired unused.
    #[n(1)]
    Expiry(#[b(0)] ExpiryEntry<'a>),
}

/// A request, served or refused, and what it came to.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct CallEntry<'a> {
    /// The request's id.
    #[n(0)]
    pub request: Bits,
    /// When it arrived, in microseconds since 1970.
    #[n(1)]
    pub started_at: i64,
    /// From its arrival until its answer was complete but for the last frame, in microseconds.
    #[n(2)]
    pub total_us: u64,
    /// Of that, spent judging it.
    #[n(3)]
    pub gate_us: u64,
    /// Of that, spent waiting for the upstream.
    #[n(4)]
    pub upstream_us: u64,
    /// Who pays; all zero if nobody was recognised.
    #[n(5)]
    pub customer: Bits,
    /// The application.
    #[n(6)]
    pub application: Bits,
    /// The key.
    #[n(7)]
    pub key: Bits,
    /// `api.route`; empty if none matched.
    #[b(8)]
    pub route: &'a str,
    /// The model asked for; empty if none.
    #[b(9)]
    pub model: &'a str,
    /// The method.
    #[b(10)]
    pub method: &'a str,
    /// The path without its query.
    #[b(11)]
    pub path: &'a str,
    /// The status of the answer.
    #[n(12)]
    pub status: u16,
    /// Why it was refused; empty if it was served.
    #[b(13)]
    pub reason: &'a str,
    /// What the caller was told, as JSON; empty if it was served.
    #[b(14)]
    pub problem: &'a str,
    /// Quantities by meter code.
    #[n(15)]
    pub usage: Vec<(u8, u64)>,
    /// `reported`, `counted`, `estimated`; empty if nothing was metered.
    #[b(16)]
    pub usage_source: &'a str,
    /// The currency of the amounts.
    #[b(17)]
    pub currency: &'a str,
    /// What the customer pays, in nano-units.
    #[n(18)]
    pub cost: i64,
    /// Of that, what the wallet pays, grant by grant.
    #[n(19)]
    pub draws: Vec<Draw>,
    /// Of that, what goes on account.
    #[n(20)]
    pub on_account: i64,
    /// What the use was worth beyond the hold.
    #[n(21)]
    pub loss: i64,
    /// What counts against quotas, caps and tiers.
    #[b(22)]
    pub counters: Vec<Counter<'a>>,
    /// Bytes of the request body.
    #[n(23)]
    pub bytes_in: u64,
    /// Bytes of the response body.
    #[n(24)]
    pub bytes_out: u64,
    /// What else is to be said.
    #[n(25)]
    pub flags: Flags,
    /// How often the client has retried it before, as it says itself.
    #[n(26)]
    pub retry: u32,
}

/// What one grant paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Draw {
    /// The grant.
    #[n(0)]
    pub grant: Bits,
    /// Nano-units.
    #[n(1)]
    pub amount: i64,
}

/// What counts in a period.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Counter<'a> {
    /// What kind of counter.
    #[n(0)]
    pub kind: CounterKind,
    /// The quota's id, or a name from [`counter_names`](super::counter_names).
    #[b(1)]
    pub name: &'a str,
    /// The start of the period, in microseconds since 1970.
    #[n(2)]
    pub period_start: i64,
    /// Units; nano-units for spend caps.
    #[n(3)]
    pub quantity: u64,
    /// For quotas: the name of what they count.
    #[b(4)]
    pub meter: &'a str,
    /// For quotas: the warning stage that was crossed; 0 for none.
    #[n(5)]
    pub crossed: u8,
    /// For tiers: charged, in whole nano-units.
    #[n(6)]
    pub charged_nanos: i64,
    /// For tiers: charged beyond that, in 10⁻¹² units.
    #[n(7)]
    pub charged_picos: i64,
}

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum CounterKind {
    /// Use of a quota.
    #[n(0)]
    Quota,
    /// Spending under a cap.
    #[n(1)]
    Cap,
    /// Progress in a cumulative price.
    #[n(2)]
    Tier,
}

/// What else is to be said about a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Flags(#[n(0)] pub u32);

impl Flags {
    /// The answer was streamed.
    pub const STREAMED: Self = Self(1);
    /// The caller left before the answer was complete.
    pub const CALLER_LEFT: Self = Self(2);
    /// The upstream failed before the answer was complete.
    pub const UPSTREAM_FAILED: Self = Self(4);
    /// The output bound was lowered to what the balance covers.
    pub const CLAMPED: Self = Self(8);
    /// It was served with less, past a soft limit.
    pub const DEGRADED: Self = Self(16);

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is said.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Credit that expired unused.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct ExpiryEntry<'a> {
    /// The grant.
    #[n(0)]
    pub grant: Bits,
    /// Whose.
    #[n(1)]
    pub customer: Bits,
    /// What was left, in nano-units.
    #[n(2)]
    pub amount: i64,
    /// Of what.
    #[b(3)]
    pub currency: &'a str,
    /// When, in microseconds since 1970.
    #[n(4)]
    pub at: i64,
}

impl Entry<'_> {
    /// When it began, in microseconds since 1970.
    #[must_use]
    pub const fn started_at(&self) -> i64 {
        match self {
            Self::Call(call) => call.started_at,
            Self::Expiry(expiry) => expiry.at,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn customer(&self) -> [u8; 16] {
        match self {
            Self::Call(call) => call.customer.0,
            Self::Expiry(expiry) => expiry.customer.0,
        }
    }
}

/// The entries of a group, one after the other.
pub fn decode_all(payload: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, StoreError>> {
    let mut decoder = Decoder::new(payload);
    std::iter::from_fn(move || {
        if decoder.position() >= payload.len() {
            return None;
        }
        let entry = decoder.decode().map_err(|error| {
            decoder.set_position(payload.len());
            StoreError::from(Corrupt(format!("an entry of the settlement log cannot be read: {error}")))
        });
        Some(entry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_survive_their_bytes() {
        let call = CallEntry {
            request: [7; 16].into(),
            route: "rest.search",
            usage: vec![(0, 1), (4, 1_000)],
            draws: vec![Draw { grant: [9; 16].into(), amount: 1_300_000_000 }],
            counters: vec![Counter {
                kind: CounterKind::Quota,
                name: "calls-month",
                period_start: -5,
                quantity: 1,
                meter: "calls",
                crossed: 80,
                charged_nanos: 0,
                charged_picos: 0,
            }],
            flags: Flags::STREAMED.with(Flags::CLAMPED),
            ..CallEntry::default()
        };
        let expiry = ExpiryEntry { grant: [1; 16].into(), customer: [2; 16].into(), amount: 5, currency: "USD", at: 9 };
        let entries = [Entry::Call(call), Entry::Expiry(expiry)];
        let mut payload = Vec::new();
        for entry in &entries {
            minicbor::encode(entry, &mut payload).unwrap();
        }
        let read: Vec<Entry<'_>> = decode_all(&payload).map(Result::unwrap).collect();
        assert_eq!(read, entries);
    }

    #[test]
    fn damaged_bytes_are_reported_and_end_the_group() {
        let mut payload = Vec::new();
        minicbor::encode(Entry::Call(CallEntry::default()), &mut payload).unwrap();
        payload.truncate(payload.len() - 3);
        let read: Vec<_> = decode_all(&payload).collect();
        assert_eq!(read.len(), 1);
        assert!(read[0].is_err());
    }
}
