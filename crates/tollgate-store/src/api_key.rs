//! API keys: their text, and how a secret is recognised without being kept.
//!
//! `tg_live_4f8Kq0ZbX2aP_` + 43 characters of secret + 6 of checksum. The public part may be logged.
//! The secret has 256 random bits, so a plain SHA-256 of it cannot be guessed backwards; a slow hash
//! would only slow the gateway. The checksum tells a mistyped key from an unknown one without a look
//! at the database.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

/// Whether a key belongs to real customers or to tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `tg_live_`.
    Live,
    /// `tg_test_`.
    Test,
}

impl Mode {
    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// What its keys begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "tg_live_",
            Self::Test => "tg_test_",
        }
    }
}

impl std::str::FromStr for Mode {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, &'static str> {
        match name {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err("expected live or test"),
        }
    }
}

const PUBLIC: usize = 12;
const SECRET: usize = 43;
const CHECKSUM: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key as it was sent: its parts, not yet believed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Presented<'a> {
    /// The part that finds the row and may be logged.
    pub public_id: &'a str,
    secret: &'a str,
    checksum: &'a str,
}

impl<'a> Presented<'a> {
    /// Takes a text apart; `None` if it cannot be a key.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(Mode::Live.prefix()).or_else(|| text.strip_prefix(Mode::Test.prefix()))?;
        if rest.len() != PUBLIC + 1 + SECRET + CHECKSUM || !rest.is_ascii() {
            return None;
        }
        let (public_id, rest) = rest.split_at(PUBLIC);
        let (secret, checksum) = rest.strip_prefix('_')?.split_at(SECRET);
        public_id.bytes().all(|b| b.is_ascii_alphanumeric()).then_some(Self { public_id, secret, checksum })
    }

    /// Whether the checksum is right: a wrong one was mistyped or cut, and needs no look-up.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        checksum(self.public_id, self.secret) == self.checksum.as_bytes()
    }

    /// Whether the secret is the one behind `hash`. Takes the same time wherever they differ.
    #[must_use]
    pub fn matches(&self, hash: &[u8]) -> bool {
        verify_slices_are_equal(&hash_secret(self.secret), hash).is_ok()
    }
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Presented({})", self.public_id)
    }
}

/// A key that was just made. Its text is shown once and then gone.
pub struct NewKey {
    /// The whole text.
    pub text: String,
    /// The part that finds the row.
    pub public_id: String,
    /// The hash of the secret.
    pub secret_hash: [u8; 32],
    /// What may be shown later: prefix and last four characters.
    pub hint: String,
}

/// Makes a key out of random bits.
#[must_use]
pub fn generate(mode: Mode, random: &dyn tollgate_core::id::Ids) -> NewKey {
    let public_id = base62(PUBLIC, random);
    let secret = base62(SECRET, random);
    let checksum = checksum(&public_id, &secret);
    let checksum = checksum.map(char::from).iter().collect::<String>();
    let text = format!("{}{public_id}_{secret}{checksum}", mode.prefix());
    let hint = format!("{}...{}", mode.prefix(), &checksum[CHECKSUM - 4..]);
    NewKey { secret_hash: hash_secret(&secret), text, public_id, hint }
}

fn hash_secret(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

fn checksum(public_id: &str, secret: &str) -> [u8; CHECKSUM] {
    let hash = digest(&SHA256, format!("tollgate {public_id} {secret}").as_bytes());
    let mut characters = [0; CHECKSUM];
    for (character, byte) in characters.iter_mut().zip(hash.as_ref()) {
        *character = BASE62[usize::from(*byte) % 62];
    }
    characters
}

/// `length` random characters. Values that would favour some characters are thrown away.
fn base62(length: usize, random: &dyn tollgate_core::id::Ids) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // 80 random bits are ten bytes; six bits of each make a character.
        for byte in random.random().to_le_bytes().iter().take(10) {
            let value = usize::from(byte & 63);
            if value < 62 && text.len() < length {
                text.push(char::from(BASE62[value]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Counting(AtomicU64);
    impl tollgate_core::id::Ids for Counting {
        fn random(&self) -> u128 {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 16 | u128::from(n)
        }
    }

    #[test]
    fn a_new_key_is_recognised_and_every_change_to_it_is_not() {
        let key = generate(Mode::Test, &Counting(AtomicU64::new(5)));
        let presented = Presented::parse(&key.text).unwrap();
        assert_eq!(presented.public_id, key.public_id);
        assert!(presented.is_well_formed() && presented.matches(&key.secret_hash));
        for place in "tg_test_".len()..key.text.len() {
            let mut text = key.text.clone().into_bytes();
            text[place] = if text[place] == b'x' { b'y' } else { b'x' };
            let text = String::from_utf8(text).unwrap();
            let believed = Presented::parse(&text)
                .is_some_and(|p| p.public_id == key.public_id && p.is_well_formed() && p.matches(&key.secret_hash));
            assert!(!believed, "{text}");
        }
        assert!(!format!("{presented:?}").contains(&key.text[25..40]), "the secret is not printed");
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in ["", "tg_live_", "sk-abc", "tg_prod_4f8Kq0ZbX2aP_x", &"tg_live_é".repeat(20)] {
            assert!(Presented::parse(text).is_none(), "{text}");
        }
    }
}
