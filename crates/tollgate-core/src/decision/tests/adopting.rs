//! What a standing keeps when its definitions are read again.

use std::sync::Arc;
use std::time::Duration;

use super::fixtures::*;
use crate::catalogue::*;
use crate::decision::*;
use crate::fraud::{FraudRules, Velocity};
use crate::meter::Usage;
use crate::money::Nanos;
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

/// The standing as it would be read now: what was used is in the books, what runs is not.
fn read_again(standing: &Standing) -> Standing {
    let mut fresh = customer(plan(), "0");
    fresh.subscription.clone_from(&standing.subscription);
    fresh.quotas = standing.quotas.iter().map(|w| Window::with_used(w.period, w.used)).collect();
    fresh.wallet = Wallet::default();
    for grant in standing.wallet.grants() {
        fresh.wallet.insert(Grant { held: Nanos::ZERO, ..grant.clone() });
    }
    fresh
}

#[test]
fn what_is_left_of_a_grant_that_was_taken_back_is_not_spent_again() {
    let (dear, cheap) = (route("3"), route("1"));
    let mut standing = customer(plan(), "10");
    let running = admitted(&mut standing, &ask(&dear));
    let mut fresh = read_again(&standing);
    fresh.wallet = Wallet::default();
    standing.adopt(fresh);
    assert_eq!(reason(&standing, &ask(&cheap)), "insufficient_balance", "what is held is not free");

    release(&mut standing, &ask(&dear), &running, NOW);
    assert_eq!(reason(&standing, &ask(&cheap)), "insufficient_balance", "nor is what was let go of");
}

#[test]
fn what_runs_on_a_grant_that_was_taken_back_is_settled_from_it() {
    let dear = route("3");
    let mut standing = customer(plan(), "10");
    let running = admitted(&mut standing, &ask(&dear));
    let mut fresh = read_again(&standing);
    fresh.wallet = Wallet::default();
    standing.adopt(fresh);
    let settled = settle(&mut standing, &ask(&dear), &running, Usage::ONE_CALL, NOW);
    assert_eq!((settled.cost, settled.draws.total()), (amount("3"), amount("3")));
}

#[test]
fn a_quota_that_comes_back_with_its_plan_is_not_new() {
    let route = route("1");
    let with_quota = || Plan { quotas: Box::new([quota(2, PastLimit::Block)]), ..plan() };
    let mut standing = customer(with_quota(), "100");
    for _ in 0..2 {
        let hold = admitted(&mut standing, &ask(&route));
        settle(&mut standing, &ask(&route), &hold, Usage::ONE_CALL, NOW);
    }
    assert_eq!(reason(&standing, &ask(&route)), "quota_exceeded");
    let booked = standing.quotas.clone();

    // To a plan without the quota and back, within one period.
    let on = |standing: &Standing, plan: Plan, quotas: Box<[Window]>| {
        let mut fresh = read_again(standing);
        if let Some(subscription) = &mut fresh.subscription {
            subscription.plan = Arc::new(plan);
        }
        Standing { quotas, ..fresh }
    };
    standing.adopt(on(&standing, plan(), Box::default()));
    standing.advance(NOW);
    assert_eq!(reason(&standing, &ask(&route)), "admit");
    standing.adopt(on(&standing, with_quota(), booked));
    standing.advance(NOW);
    assert_eq!(reason(&standing, &ask(&route)), "quota_exceeded");
}
