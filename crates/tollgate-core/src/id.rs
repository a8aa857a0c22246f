//! Identifiers: 128 bits, written with a prefix that names the kind (`cus_`, `key_`, `req_`).
//!
//! The first 48 bits are the milliseconds at which the id was made, so ids sort by age and a
//! request id says which day's log holds it. The rest is random. Ids are made by the program
//! ([`Ids`]), never by a database.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::time::Timestamp;

/// Where ids come from: the operating system's randomness in a server, a seed in a simulation.
pub trait Ids: Send + Sync {
    /// 80 random bits in the low end of the result; the rest is ignored.
    fn random(&self) -> u128;
}

/// Ids from a seed: the same seed makes the same ids in the same order. For tests and simulations; what
/// can be predicted is no secret.
#[derive(Debug)]
pub struct SeededIds(AtomicU64);

impl SeededIds {
    /// Ids from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Ids for SeededIds {
    fn random(&self) -> u128 {
        (u128::from(self.next()) << 64) | u128::from(self.next())
    }
}

/// Makes a fresh id of kind `K` at `now`.
pub fn mint<K: Kind>(ids: &dyn Ids, now: Timestamp) -> Id<K> {
    let millis = u128::from(now.unix_millis().max(0).unsigned_abs());
    let random = ids.random() & ((1 << 80) - 1);
    Id::from_bits((millis << 80) | random)
}

/// What an id names; gives it its prefix.
pub trait Kind {
    /// The prefix with its underscore, for example `cus_`.
    const PREFIX: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $alias:ident, $prefix:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $kind {}
            impl Kind for $kind { const PREFIX: &'static str = $prefix; }
            $(#[$doc])*
            pub type $alias = Id<$kind>;
        )*
    };
}

kinds! {
    /// A customer: the party that pays.
    CustomerKind, CustomerId, "cus_";
    /// An application: a customer's program, owner of API keys.
    ApplicationKind, ApplicationId, "app_";
    /// An API key (not its secret).
    KeyKind, KeyId, "key_";
    /// A subscription.
    SubscriptionKind, SubscriptionId, "sub_";
    /// An invoice.
    InvoiceKind, InvoiceId, "inv_";
    /// A wallet grant: one amount of prepaid or promotional credit.
    GrantKind, GrantId, "grn_";
    /// A payment method on file.
    PaymentMethodKind, PaymentMethodId, "pm_";
    /// A payment: money collected, or one attempt at it.
    PaymentKind, PaymentId, "pay_";
    /// One request through the gateway.
    RequestKind, RequestId, "req_";
    /// A ledger transfer.
    TransferKind, TransferId, "txf_";
    /// An event: a crossed threshold, an audit entry.
    EventKind, EventId, "evt_";
}

/// An identifier of kind `K`. Two words, so it has no padding inside larger structures.
pub struct Id<K> {
    high: u64,
    low: u64,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// The id with these bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "splits the 128 bits into halves")]
        let (high, low) = ((bits >> 64) as u64, bits as u64);
        Self { high, low, kind: PhantomData }
    }

    /// The 128 bits of this id.
    #[must_use]
    pub const fn bits(self) -> u128 {
        ((self.high as u128) << 64) | self.low as u128
    }

    /// The bits as bytes, most significant first, for storage.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.bits().to_be_bytes()
    }

    /// The id with these bytes, as written by [`Id::to_bytes`].
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_bits(u128::from_be_bytes(bytes))
    }

    /// When the id was made, to the millisecond.
    #[must_use]
    pub fn minted_at(self) -> Timestamp {
        let millis = i64::try_from(self.high >> 16).unwrap_or(i64::MAX);
        Timestamp::from_unix_millis(millis)
    }
}

/// Crockford's base 32 in lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS: usize = 26;

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.bits();
        let mut text = [0_u8; DIGITS];
        for (place, digit) in text.iter_mut().rev().enumerate() {
            let value = usize::try_from((bits >> (place * 5)) & 31).unwrap_or(0);
            *digit = ALPHABET[value];
        }
        f.write_str(K::PREFIX)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id that starts with `{prefix}` followed by 26 letters and digits")]
pub struct InvalidId {
    prefix: &'static str,
}

impl<K: Kind> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { prefix: K::PREFIX };
        let digits = text.strip_prefix(K::PREFIX).ok_or_else(|| invalid.clone())?;
        if digits.len() != DIGITS {
            return Err(invalid);
        }
        let mut bits: u128 = 0;
        for byte in digits.bytes() {
            let value = ALPHABET.iter().position(|&a| a == byte).ok_or_else(|| invalid.clone())?;
            // 26 digits carry 130 bits: the first one may only use three of its five.
            if bits >> 123 != 0 {
                return Err(invalid);
            }
            bits = (bits << 5) | u128::try_from(value).unwrap_or(0);
        }
        Ok(Self::from_bits(bits))
    }
}

// Written out, because derives would ask for the same traits of `K`.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.high == other.high && self.low == other.low
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bits().cmp(&other.bits())
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The low word is random already.
        state.write_u64(self.low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u128);
    impl Ids for Fixed {
        fn random(&self) -> u128 {
            self.0
        }
    }

    #[test]
    fn an_id_survives_its_text_and_its_bytes() {
        let at = Timestamp::from_unix_millis(1_795_255_200_123);
        for random in [0, 1, u128::MAX, 0x1234_5678_9abc_def0_1122] {
            let id: CustomerId = mint(&Fixed(random), at);
            assert_eq!(id.to_string().parse::<CustomerId>(), Ok(id));
            assert_eq!(CustomerId::from_bytes(id.to_bytes()), id);
            assert_eq!(id.minted_at(), at);
        }
    }

    #[test]
    fn other_kinds_and_damaged_texts_are_refused() {
        let id: CustomerId = mint(&Fixed(7), Timestamp::from_unix_millis(1));
        let text = id.to_string();
        assert!(text.parse::<KeyId>().is_err());
        assert!(text[..text.len() - 1].parse::<CustomerId>().is_err());
        assert!(text.to_uppercase().parse::<CustomerId>().is_err());
        assert!("cus_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<CustomerId>().is_err());
    }

    #[test]
    fn ids_sort_by_age() {
        let early: RequestId = mint(&Fixed(u128::MAX), Timestamp::from_unix_millis(1_000));
        let late: RequestId = mint(&Fixed(0), Timestamp::from_unix_millis(1_001));
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }
}
