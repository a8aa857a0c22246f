//! The comparison of everything with the auditor's maps.

use std::collections::BTreeMap;

use tollgate_core::id::GrantId;
use tollgate_core::time::Timestamp;

use super::model::{Customer, Model};
use super::node::Node;

/// What the node believes: wallets, debts and quotas of every customer.
pub(crate) async fn memory(node: &mut Node, model: &Model) {
    let now = node.now();
    for (&id, expected) in &model.customers {
        let standing = node.standing(id).await;
        let mut grants: BTreeMap<GrantId, (i128, i128)> = BTreeMap::new();
        for grant in standing.wallet.grants() {
            assert!(grant.remaining.get() >= 0 && grant.held.get() >= 0, "below zero: {grant:?}");
            let (left, held) = (i128::from(grant.remaining.get()), i128::from(grant.held.get()));
            // Of a grant that was taken back only what is held counts.
            let is_void = expected.grants.get(&grant.id).is_some_and(|grant| grant.is_void);
            grants.insert(grant.id, (if is_void { held } else { left }, held));
        }
        grants.retain(|_, (left, held)| *left != 0 || *held != 0);
        assert_eq!(grants, left_and_held(expected), "grants of {id}");
        assert_eq!(i128::from(standing.owed.get()), expected.owed, "owed by {id}");
        assert_eq!(i128::from(standing.owed_held.get()), expected.owed_held(), "on its way to be owed by {id}");

        let plan = standing.subscription.as_ref().map(|subscription| subscription.plan.key.to_string());
        assert_eq!(plan.as_deref(), Some(expected.plan.key), "the plan of {id}");
        let quotas: Vec<_> = standing.quotas.iter().map(|window| (window.used, window.held)).collect();
        let expected = expected.plan.quota.iter().map(|(name, length, _)| {
            let period = (*name, length.start(now.unix_micros()));
            let used = expected.counters.get(&period).copied().unwrap_or(0);
            (u64::try_from(used).unwrap(), u64::try_from(expected.runs_in(period)).unwrap())
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(quotas, expected, "used and held of the quotas of {id}");
    }
}

fn left_and_held(customer: &Customer) -> BTreeMap<GrantId, (i128, i128)> {
    let grants = customer.grants.iter().map(|(id, grant)| (*id, (grant.left, grant.held)));
    grants.filter(|(_, (left, held))| *left != 0 || *held != 0).collect()
}

/// What is written down: grants, debts, counters, roll-ups, and that the ledger is sound.
pub(crate) async fn books(node: &Node, model: &Model) {
    for (&id, expected) in &model.customers {
        let grants = node.store.grants(id).await.unwrap();
        let booked: BTreeMap<GrantId, i128> =
            grants.iter().map(|grant| (grant.id.0, i128::from(grant.remaining.0.get()))).collect();
        let left = expected.grants.iter().filter(|(_, grant)| !grant.is_void && grant.left != 0);
        assert_eq!(booked, left.map(|(id, grant)| (*id, grant.left)).collect(), "booked grants of {id}");

        let standing = node.store.load_standing(id).await.unwrap();
        assert_eq!(i128::from(standing.owed.get()), expected.owed, "booked debt of {id}");

        let mut usage: BTreeMap<(i64, String), (i128, i128)> = BTreeMap::new();
        for row in node.store.usage(id, Timestamp::MIN, Timestamp::MAX, 1_000_000).await.unwrap() {
            let sum = usage.entry((row.hour.0.unix_micros(), row.outcome)).or_default();
            sum.0 += i128::from(row.requests);
            sum.1 += i128::from(row.cost.0.get());
        }
        assert_eq!(usage, expected.usage, "roll-ups of {id}");
    }
    let report = node.store.verify().await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
}

/// What each kind of transfer has moved since the beginning.
pub(crate) async fn transfers(node: &Node, model: &Model) {
    let mut moved: BTreeMap<&str, i128> = BTreeMap::new();
    for posted in node.store.transfers(None, None, i64::MAX).await.unwrap() {
        *moved.entry(posted.transfer.kind.name()).or_default() += i128::from(posted.transfer.amount);
    }
    let expected: BTreeMap<&str, i128> =
        model.moved.iter().filter(|(_, sum)| **sum != 0).map(|(k, v)| (*k, *v)).collect();
    assert_eq!(moved, expected, "transfers by kind");
}
