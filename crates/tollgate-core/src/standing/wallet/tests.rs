//! Burn order, provenance, and golden vectors G1 to G17 as far as they speak of wallets.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::catalogue::Charge;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_262_400);

fn route() -> RouteTerms {
    RouteTerms {
        key: "rest.echo".into(),
        api: "rest".into(),
        feature: None,
        charge: Charge::Unpriced,
        verify_from: None,
        time_max: Duration::from_secs(30),
    }
}

fn grant(id: u128, units: i64) -> Grant {
    Grant {
        id: GrantId::from_bits(id),
        provenance: Provenance::Paid,
        priority: 0,
        scope: None,
        effective_at: Timestamp::MIN,
        expires_at: Timestamp::MAX,
        remaining: Nanos::units(units),
        held: Nanos::ZERO,
    }
}

fn wallet(grants: impl IntoIterator<Item = Grant>) -> Wallet {
    let mut wallet = Wallet::default();
    grants.into_iter().for_each(|grant| wallet.insert(grant));
    wallet
}

/// What is left of each grant, by ascending id.
fn left(wallet: &Wallet, ids: &[u128]) -> Vec<i64> {
    let units = |id: &u128| wallet.get(GrantId::from_bits(*id)).map_or(0, |g| g.remaining.get());
    ids.iter().map(|id| units(id) / Nanos::PER_UNIT).collect()
}

fn spend(wallet: &mut Wallet, units: i64) -> Nanos {
    let held = wallet.hold(Nanos::units(units), &route(), NOW);
    let found = held.total();
    wallet.settle(&held, found);
    found
}

fn order(wallet: &Wallet) -> Vec<u128> {
    wallet.grants().iter().map(|grant| grant.id.bits()).collect()
}

#[test]
fn g1_lower_priority_numbers_burn_first() {
    let mut wallet = wallet([Grant { priority: 2, ..grant(2, 100) }, Grant { priority: 1, ..grant(1, 100) }]);
    spend(&mut wallet, 120);
    assert_eq!(left(&wallet, &[1, 2]), [0, 80]);
}

#[test]
fn g2_of_equal_priority_the_sooner_expiry_burns_first() {
    let soon = NOW + Duration::from_secs(60);
    let mut wallet = wallet([grant(1, 100), Grant { expires_at: soon, ..grant(2, 100) }]);
    spend(&mut wallet, 120);
    assert_eq!(left(&wallet, &[2, 1]), [0, 80]);
}

#[test]
fn g3_without_a_grant_nothing_is_found() {
    assert_eq!(spend(&mut Wallet::default(), 50), Nanos::ZERO);
}

#[test]
fn g6_a_hundred_thousand_grants_cost_no_more_than_the_first() {
    let sooner = Grant { expires_at: NOW + Duration::from_secs(1), ..grant(7, 100) };
    let later = |id| Grant { expires_at: NOW + Duration::from_secs(86_400), ..grant(id, 100) };
    let mut wallet = Wallet((1_000..101_000).map(later).collect());
    wallet.insert(sooner);
    spend(&mut wallet, 99);
    assert_eq!(left(&wallet, &[7]), [1]);
    assert!(wallet.grants()[1..].iter().all(|g| g.remaining == Nanos::units(100)));
}

#[test]
fn g10_given_before_bought_and_older_before_newer() {
    let days_ago = |days: u64| NOW - Duration::from_secs(days * 86_400);
    let promotional = Provenance::Promotional;
    let wallet = wallet([
        Grant { priority: 10, provenance: promotional, ..grant(4, 1) },
        Grant { priority: 5, effective_at: days_ago(2), ..grant(3, 1) },
        Grant { priority: 5, provenance: promotional, effective_at: days_ago(3), ..grant(1, 1) },
        Grant { priority: 5, provenance: promotional, effective_at: days_ago(1), ..grant(2, 1) },
    ]);
    assert_eq!(order(&wallet), [1, 2, 3, 4]);
}

#[test]
fn g11_priority_beats_expiry_and_promotional_beats_paid() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (a, b, c) = (1, 2, 3);
    let first_of_september = at("2026-09-01T00:00:00Z");
    let wallet = wallet([
        Grant { priority: 1, expires_at: first_of_september, ..grant(a, 50) },
        Grant { priority: 1, expires_at: first_of_september, provenance: Provenance::Promotional, ..grant(b, 20) },
        Grant {
            priority: 2,
            expires_at: at("2026-08-15T00:00:00Z"),
            provenance: Provenance::Promotional,
            ..grant(c, 100)
        },
    ]);
    assert_eq!(order(&wallet), [b, a, c]);
}

#[test]
fn g14_g15_what_is_not_used_returns_to_where_it_came_from() {
    let mut wallet = wallet([Grant { priority: 1, ..grant(1, 600) }, Grant { priority: 2, ..grant(2, 600) }]);
    let held = wallet.hold(Nanos::units(1_000), &route(), NOW);
    // A grant that arrives in between and would burn first must not be touched.
    wallet.insert(Grant { priority: 0, ..grant(3, 600) });
    let taken = wallet.settle(&held, Nanos::units(743));
    assert_eq!(taken.total(), Nanos::units(743));
    assert_eq!(left(&wallet, &[1, 2, 3]), [0, 457, 600]);
    assert!(wallet.grants().iter().all(|g| g.held.is_zero()));
}

#[test]
fn g16_g17_held_money_cannot_be_held_again() {
    let mut wallet = wallet([grant(1, 5_000)]);
    let found: Vec<bool> =
        (0..6).map(|_| wallet.hold(Nanos::units(1_000), &route(), NOW).total() == Nanos::units(1_000)).collect();
    assert_eq!(found, [true, true, true, true, true, false]);
}

#[test]
fn restricted_credit_burns_first_and_only_where_it_may() {
    let scope = |route: &str| Some(Arc::new(GrantScope { routes: Box::new([route.into()]) }));
    let mut wallet = wallet([
        grant(1, 10),
        Grant { scope: scope("rest"), priority: 9, ..grant(2, 5) },
        Grant { scope: scope("llm"), ..grant(3, 50) },
    ]);
    assert_eq!(wallet.available(&route(), NOW), Nanos::units(15));
    spend(&mut wallet, 6);
    assert_eq!(left(&wallet, &[1, 2, 3]), [9, 0, 50]);
}

#[test]
fn credit_is_usable_from_its_first_instant_until_just_before_its_last() {
    let (from, to) = (NOW, NOW + Duration::from_secs(10));
    let wallet = wallet([Grant { effective_at: from, expires_at: to, ..grant(1, 5) }]);
    let available = |at| wallet.available(&route(), at).get();
    assert_eq!(available(from - Duration::from_micros(1)), 0);
    assert_eq!(available(from), Nanos::units(5).get());
    assert_eq!(available(to), 0);
}

proptest! {
    /// Against a naive model: however holds end, nothing is created, nothing is lost, and no grant
    /// is held beyond what it has.
    #[test]
    fn holds_conserve_money(
        amounts in prop::collection::vec(0_i64..50, 1..6),
        steps in prop::collection::vec((0_i64..40, 0_u8..=100, any::<bool>()), 1..60),
    ) {
        let start: i64 = amounts.iter().sum();
        let mut wallet = wallet(amounts.iter().zip(1_u128..).map(|(&units, id)| grant(id, units)));
        let (mut running, mut spent) = (Vec::new(), Nanos::ZERO);
        for (units, percent, finish_first) in steps {
            let want = Nanos::units(units);
            let covered = wallet.covers(want, &route(), NOW);
            prop_assert_eq!(covered, wallet.available(&route(), NOW) >= want);
            if covered {
                running.push((wallet.hold(want, &route(), NOW), percent));
            }
            if finish_first && !running.is_empty() {
                let (held, percent) = running.remove(0);
                let cost = Nanos::new(held.total().get() / 100 * i64::from(percent));
                spent = spent.saturating_plus(wallet.settle(&held, cost).total());
            }
            let (total, held) = wallet.balance(NOW);
            prop_assert_eq!(total.saturating_plus(spent), Nanos::units(start));
            prop_assert_eq!(held, running.iter().map(|(held, _)| held.total()).sum::<Nanos>());
            prop_assert!(wallet.grants().iter().all(|g| g.held <= g.remaining && !g.held.get().is_negative()));
        }
    }
}
