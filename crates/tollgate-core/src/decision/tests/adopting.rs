//! What a standing keeps when its definitions are read again.

use std::time::Duration;

use super::fixtures::*;
use crate::catalogue::*;
use crate::fraud::{FraudRules, Velocity};
use crate::standing::*;

fn frozen(known_by: KnownBy) -> Freeze {
    Freeze { case: "case_1".into(), since: NOW, expected_by: None, known_by }
}

#[test]
fn a_freeze_that_is_not_in_the_books_yet_outlives_a_refresh() {
    let mut standing = customer(plan(), "10");
    standing.rare_mut().frozen = Some(frozen(KnownBy::ThisNode));
    standing.adopt(customer(plan(), "10"));
    assert!(standing.rare_mut().frozen.is_some());
}

#[test]
fn a_freeze_that_was_lifted_in_the_books_is_lifted() {
    let mut standing = customer(plan(), "10");
    standing.rare_mut().frozen = Some(frozen(KnownBy::ThisNode));
    let mut written_down = customer(plan(), "10");
    written_down.rare_mut().frozen = Some(frozen(KnownBy::Everybody));
    standing.adopt(written_down);
    assert!(standing.rare_mut().frozen.is_some());
    standing.adopt(customer(plan(), "10"));
    assert!(standing.rare_mut().frozen.is_none());
}

#[test]
fn what_runs_stays_held_and_what_was_used_stays_used() {
    let limited = || Plan { quotas: Box::new([quota(3, PastLimit::Block)]), ..plan() };
    let mut standing = customer(limited(), "10");
    let route = route("1.00");
    let _running = admitted(&mut standing, &ask(&route));
    let before = standing.wallet.balance(NOW);
    // A fresh plan of the same key: another version, or read from the catalogue again.
    standing.adopt(customer(limited(), "10"));
    assert_eq!(standing.wallet.balance(NOW), before, "the hold is still there");
    assert_eq!(standing.quotas[0].held, 1);
    assert_eq!(decided(&standing, &ask(&route)).split(' ').next(), Some("admit,"));
}

#[test]
fn fraud_rules_remember_across_a_refresh() {
    let velocity = Velocity { requests_max: 2, window: Duration::from_secs(60) };
    let rules = FraudRules { velocity: Some(velocity), ..FraudRules::default() };
    let mut standing = customer(plan(), "10");
    let key = ask(&route("1")).key;
    assert_eq!(standing.rare_mut().fraud.observe(&rules, key, 1, NOW), None);
    assert_eq!(standing.rare_mut().fraud.observe(&rules, key, 1, NOW), None);
    standing.adopt(customer(plan(), "10"));
    assert!(standing.rare_mut().fraud.observe(&rules, key, 1, NOW).is_some(), "the third request of a minute");
}
