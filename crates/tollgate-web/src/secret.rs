//! Random texts, fingerprints, and comparing secrets without telling where they differ.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A text of 256 random bits that nobody guesses.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; 32];
    // Without randomness sessions could be guessed: nothing may go on.
    assert!(rand::fill(&mut bytes).is_ok(), "the operating system gives no random numbers");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The SHA-256 of several parts, with their borders.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> String {
    let mut whole = Vec::new();
    for part in parts {
        whole.extend_from_slice(&part.len().to_be_bytes());
        whole.extend_from_slice(part);
    }
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &whole))
}

/// Whether two secrets are the same. Takes the same time wherever they differ, and whatever their length.
pub(crate) fn is_same(given: &str, wanted: &str) -> bool {
    let hash = |text: &str| digest(&SHA256, text.as_bytes());
    verify_slices_are_equal(hash(given).as_ref(), hash(wanted).as_ref()).is_ok()
}

/// Signs texts that come back from browsers.
pub(crate) struct Signer(hmac::Key);

impl Signer {
    /// Who signs with the same `key` makes the same signatures: forms outlive the process that made them.
    pub(crate) fn new(key: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))
    }

    /// What proves that `text` was made here.
    pub(crate) fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_the_same() {
        assert!(is_same("a secret", "a secret"));
        assert!(!is_same("a secret", "a secreT") && !is_same("", "a secret") && !is_same("a secret", ""));
    }

    #[test]
    fn random_texts_differ_and_signatures_do_not() {
        assert_ne!(random_text(), random_text());
        assert_eq!(Signer::new("key").sign("x"), Signer::new("key").sign("x"));
        assert_ne!(Signer::new("key").sign("x"), Signer::new("other").sign("x"));
    }

    #[test]
    fn borders_count() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    }
}
