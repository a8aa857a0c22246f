//! Properties of decisions and settlements under any interleaving.

use std::time::Duration;

use proptest::prelude::*;

use super::fixtures::*;
use crate::catalogue::*;
use crate::decision::*;
use crate::gcra::Pace;
use crate::meter::Usage;
use crate::money::Nanos;
use crate::standing::*;

fn some_plan(quota_limit: u64, rate: u64) -> Plan {
    Plan {
        quotas: Box::new([quota(quota_limit, PastLimit::Overage(None))]),
        rate_limits: Box::new([limit(RateUnit::Requests(Pace::new(rate, Duration::from_secs(1), rate)))]),
        ..plan()
    }
}

proptest! {
    /// More balance never turns an admission into a denial.
    #[test]
    fn decisions_are_monotonic_in_balance(price in 0_i64..5_000, less in 0_i64..5_000, more in 0_i64..5_000, quota_limit in 0_u64..3) {
        let route = route(&Nanos::new(price).to_string());
        let with = |balance: i64| customer(some_plan(quota_limit, 10), &Nanos::new(balance).to_string());
        let poor = decide(&with(less.min(more)), &ask(&route), NOW);
        let rich = decide(&with(less.max(more)), &ask(&route), NOW);
        prop_assert!(!matches!((poor, rich), (Decision::Admit(_), Decision::Deny(_))));
    }

    /// However requests interleave, end and overrun: money is conserved, the balance never falls below
    /// zero, what is held is exactly what runs, and a cost never exceeds its hold.
    #[test]
    fn any_interleaving_conserves_money(
        balance in 0_i64..2_000,
        steps in prop::collection::vec((0_u8..3, 0_i64..300, 0_u64..4, 0_usize..8), 1..120),
    ) {
        let start = Nanos::new(balance);
        let mut standing = customer(some_plan(5, 1_000), &start.to_string());
        let cap = SpendCap { scope: CapScope::Customer, period: CapPeriod::Total, amount: Nanos::new(1_500) };
        standing.rare_mut().caps = vec![CapState { cap, window: Window::default() }];
        standing.advance(NOW);
        let (mut running, mut paid, mut used) = (Vec::new(), Nanos::ZERO, 0_u64);
        for (action, price, calls, which) in steps {
            let new_route = route(&Nanos::new(price).to_string());
            if action == 0 || running.is_empty() {
                if let Decision::Admit(terms) = decide(&standing, &ask(&new_route), NOW) {
                    let hold = place(&mut standing, &ask(&new_route), terms, NOW);
                    running.push((new_route, hold));
                }
            } else {
                let (route, hold) = running.swap_remove(which % running.len());
                if action == 1 {
                    let usage = Usage::NONE.with(crate::meter::Meter::Calls, calls);
                    let settled = settle(&mut standing, &ask(&route), &hold, usage, NOW);
                    prop_assert!(settled.cost <= hold.terms.amount);
                    prop_assert_eq!(settled.draws.total().saturating_plus(settled.on_account), settled.cost);
                    paid = paid.saturating_plus(settled.cost);
                    used += calls;
                } else {
                    release(&mut standing, &ask(&route), &hold, NOW);
                }
            }
            let (left, held) = standing.wallet.balance(NOW);
            prop_assert_eq!(left.saturating_plus(paid), start);
            prop_assert!(!left.get().is_negative() && held <= left);
            prop_assert_eq!(held, running.iter().map(|(_, hold)| hold.draws.total()).sum::<Nanos>());
            prop_assert_eq!(standing.quotas[0].used, used);
            prop_assert_eq!(standing.quotas[0].held, running.len() as u64);
            prop_assert_eq!(standing.caps()[0].spent(), paid);
            prop_assert!(paid <= Nanos::new(1_500), "the cap holds");
        }
    }
}
