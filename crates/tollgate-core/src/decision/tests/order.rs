//! The documented order: of everything that is wrong, the first row of the table is said.

use std::sync::Arc;
use std::time::Duration;

use super::fixtures::*;
use crate::catalogue::*;
use crate::gcra::Pace;
use crate::meter::Meter;
use crate::money::Nanos;
use crate::standing::*;

/// A customer for whom everything is wrong; each repair uncovers the next reason.
#[test]
fn reasons_come_in_the_documented_order() {
    let crowded = limit(RateUnit::Concurrency(0));
    let everything = Plan {
        quotas: Box::new([Quota { coverage: Coverage::CeilingOnly, ..quota(0, PastLimit::Block) }]),
        rate_limits: Box::new([limit(RateUnit::Requests(Pace::new(1, Duration::from_secs(60), 1))), crowded]),
        ..plan()
    };
    let mut standing = customer(everything, "0");
    standing.subscription.as_mut().unwrap().state = SubscriptionState::Expired { ended_at: NOW };
    let cap = SpendCap { scope: CapScope::Customer, period: CapPeriod::Total, amount: Nanos::ZERO };
    let rare = standing.rare_mut();
    rare.frozen = Some(Freeze { case: "case".into(), since: NOW, expected_by: None, known_by: KnownBy::Everybody });
    rare.caps = vec![CapState { cap, window: Window::default() }];
    standing.advance(NOW);
    let mut route = RouteTerms { feature: Some("export".into()), charge: Charge::Unpriced, ..route("1") };

    let mut seen = vec![reason(&standing, &ask(&route))];
    standing.rare_mut().frozen = None;
    seen.push(reason(&standing, &ask(&route)));
    standing.subscription.as_mut().unwrap().state = SubscriptionState::Active;
    seen.push(reason(&standing, &ask(&route)));
    route.feature = None;
    seen.push(reason(&standing, &ask(&route)));
    route.charge = Charge::Price(Arc::new(Price::flat("search", amount("1"))));
    seen.push(reason(&standing, &ask(&route)));
    edit_plan(&mut standing, |plan| plan.quotas[0].limit = 10);
    seen.push(reason(&standing, &ask(&route)));
    standing.rare_mut().caps.clear();
    seen.push(reason(&standing, &ask(&route)));
    standing.wallet.insert(grant(9, "5"));
    seen.push(reason(&standing, &ask(&route)));
    edit_plan(&mut standing, |plan| plan.rate_limits = Box::default());
    seen.push(reason(&standing, &ask(&route)));

    assert_eq!(
        seen,
        [
            "account_under_review",
            "subscription_expired",
            "feature_not_in_plan",
            "model_not_priced",
            "quota_exceeded",
            "spend_cap_reached",
            "insufficient_balance",
            "concurrency_limited",
            "admit"
        ]
    );
}

fn edit_plan(standing: &mut Standing, edit: impl FnOnce(&mut Plan)) {
    let subscription = standing.subscription.as_mut().unwrap();
    edit(Arc::make_mut(&mut subscription.plan));
}

#[test]
fn a_refused_request_takes_nothing() {
    let tight = Plan {
        quotas: Box::new([quota(10, PastLimit::Block)]),
        rate_limits: Box::new([limit(RateUnit::Requests(Pace::new(1, Duration::from_secs(60), 1)))]),
        ..plan()
    };
    let mut standing = customer(tight, "1");
    let route = route("1");
    admitted(&mut standing, &ask(&route));
    let before = format!("{standing:?}");
    for _ in 0..5 {
        assert_eq!(reason(&standing, &ask(&route)), "rate_limited");
    }
    assert_eq!(format!("{standing:?}"), before);
    assert_eq!(standing.quotas[0].held, 1);
    assert_eq!(Meter::Calls.code(), 0);
}
