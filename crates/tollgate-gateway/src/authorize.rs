//! Phase: may this key call this at all. What money cures is not asked here.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::ORIGIN;
use tollgate_core::decision::Reason;
use tollgate_core::time::Timestamp;

use crate::directory::{Key, Policy};
use crate::refuse::Refusal;
use crate::route::Route;

/// Checks approval, scope and restrictions of a key.
///
/// # Errors
/// 403 with the reason.
pub(crate) fn authorize(
    key: &Key,
    route: &Route,
    headers: &HeaderMap,
    peer: IpAddr,
    now: Timestamp,
) -> Result<(), Refusal> {
    if route.approval && !among(&key.approved_apis, &route.terms.api) {
        return Err(Refusal::reason(Reason::ApiAccessNotApproved, now));
    }
    let Some(policy) = &key.policy else {
        return match &route.scope {
            None => Ok(()),
            Some(_) => Err(Refusal::reason(Reason::ScopeMissing, now)),
        };
    };
    let has_scope = route.scope.as_ref().is_none_or(|scope| among(&policy.scopes, scope));
    if !has_scope || !open(&policy.apis, &route.terms.api) {
        return Err(Refusal::reason(Reason::ScopeMissing, now));
    }
    authorize_place(key, headers, peer, now)
}

/// Checks that a key may be used from where the request comes from.
///
/// # Errors
/// 403 with the reason.
pub(crate) fn authorize_place(key: &Key, headers: &HeaderMap, peer: IpAddr, now: Timestamp) -> Result<(), Refusal> {
    match &key.policy {
        Some(policy) if !is_from_allowed_place(policy, headers, peer) => {
            Err(Refusal::reason(Reason::OriginNotAllowed, now))
        }
        _ => Ok(()),
    }
}

/// Checks that a key may name `model`.
///
/// # Errors
/// 403 with the reason.
pub(crate) fn authorize_model(key: &Key, model: &str, now: Timestamp) -> Result<(), Refusal> {
    match &key.policy {
        Some(policy) if !open(&policy.models, model) => Err(Refusal::reason(Reason::ScopeMissing, now)),
        _ => Ok(()),
    }
}

fn is_from_allowed_place(policy: &Policy, headers: &HeaderMap, peer: IpAddr) -> bool {
    // A program need not send Origin, so it protects against other web pages only; networks bind programs.
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let origin_fits = policy.origins.is_empty() || origin.is_some_and(|origin| among(&policy.origins, origin));
    let network_fits = policy.networks.is_empty() || policy.networks.iter().any(|network| contains(*network, peer));
    origin_fits && network_fits
}

fn among(names: &[Box<str>], name: &str) -> bool {
    names.iter().any(|n| **n == *name)
}

/// An empty list allows everything.
fn open(names: &[Box<str>], name: &str) -> bool {
    names.is_empty() || among(names, name)
}

/// Whether `peer` lies in the network of `address` with a prefix of `length` bits.
fn contains((address, length): (IpAddr, u8), peer: IpAddr) -> bool {
    let same_prefix = |a: u128, b: u128, bits: u32| {
        let shift = bits - u32::from(length).min(bits);
        a.checked_shr(shift).unwrap_or(0) == b.checked_shr(shift).unwrap_or(0)
    };
    match (address, peer.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same_prefix(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same_prefix(a.to_bits(), b.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let inside =
            |network: &str, length: u8, peer: &str| contains((network.parse().unwrap(), length), peer.parse().unwrap());
        assert!(inside("203.0.113.0", 24, "203.0.113.77"));
        assert!(!inside("203.0.113.0", 24, "203.0.114.1"));
        assert!(inside("0.0.0.0", 0, "8.8.8.8"));
        assert!(inside("203.0.113.7", 32, "203.0.113.7"));
        assert!(inside("203.0.113.7", 32, "::ffff:203.0.113.7"), "a mapped address is the address it maps");
        assert!(inside("2001:db8::", 32, "2001:db8:1::1"));
        assert!(inside("::", 0, "2001:db8::1"));
        assert!(!inside("2001:db8::", 32, "203.0.113.7"));
    }
}
