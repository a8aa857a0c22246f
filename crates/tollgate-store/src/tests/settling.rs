//! From the queue to balances, counters and roll-ups.

use tollgate_core::id::{ApplicationId, CustomerId, GrantId, KeyId, RequestId};
use tollgate_core::time::Timestamp;

use super::engines::*;
use crate::calls::CallFilter;
use crate::settlement::{CallEntry, Counter, CounterKind, Draw, Entry, ExpiryEntry, Settlement, Settling};
use crate::{Store, StoreError};

/// A writer for a gateway with `cores`.
pub(super) fn settling(cores: usize) -> Settling {
    Settling { node: "n1".to_owned(), cores, settlement: Settlement::Strict, observer: None }
}

pub(super) struct Who {
    pub(super) customer: CustomerId,
    pub(super) application: ApplicationId,
    pub(super) key: KeyId,
    pub(super) grant: GrantId,
}

pub(super) async fn paying_customer(store: &Store, balance: &str) -> Who {
    let (customer, application, key) = customer(store).await;
    let grant = top_up(store, customer, balance).await;
    Who { customer, application, key, grant }
}

/// A call that cost `nanos`.
pub(super) fn call(store: &Store, who: &Who, nanos: i64) -> CallEntry<'static> {
    CallEntry {
        request: store.mint::<tollgate_core::id::RequestKind>().to_bytes().into(),
        started_at: store.now().unix_micros(),
        total_us: 1_500,
        customer: who.customer.to_bytes().into(),
        application: who.application.to_bytes().into(),
        key: who.key.to_bytes().into(),
        route: "rest.search",
        method: "GET",
        path: "/search",
        status: 200,
        usage: vec![(0, 1), (2, 512)],
        usage_source: "reported",
        currency: "USD",
        cost: nanos,
        draws: vec![Draw { grant: who.grant.to_bytes().into(), amount: nanos }],
        counters: vec![Counter {
            kind: CounterKind::Quota,
            name: "calls-month",
            period_start: 1_793_487_600_000_000,
            quantity: 1,
            meter: "calls",
            crossed: 0,
            charged_nanos: 0,
            charged_picos: 0,
        }],
        ..CallEntry::default()
    }
}

async fn left(store: &Store, who: &Who) -> String {
    let grants = store.grants(who.customer).await.unwrap();
    grants.iter().map(|grant| grant.remaining.0).sum::<tollgate_core::money::Nanos>().to_string()
}

#[test]
fn what_was_used_arrives_in_every_book() {
    on_both(|bench| async move {
        let store = &bench.store;
        let who = paying_customer(store, "10").await;
        let settler = store.start_settling(settling(2)).await.unwrap();
        let mut tickets = Vec::new();
        for core in 0..2 {
            let settler = settler.clone();
            tokio::spawn(async move { settler.listen(core).await });
        }
        for _ in 0..100 {
            tickets.push(settler.submit(&Entry::Call(call(store, &who, 20_000_000))));
        }
        let crossing = Counter { crossed: 80, ..call(store, &who, 0).counters[0].clone() };
        let crossing = CallEntry { counters: vec![crossing], ..call(store, &who, 0) };
        tickets.push(settler.submit(&Entry::Call(crossing)));
        for (index, ticket) in tickets.into_iter().enumerate() {
            settler.durable(ticket, index % 2).await.unwrap();
        }

        assert_eq!(left(store, &who).await, "8.00");
        let usage = store.usage(who.customer, Timestamp::MIN, Timestamp::MAX, 10).await.unwrap();
        assert_eq!((usage.len(), usage[0].requests, usage[0].cost.0.to_string()), (1, 101, "2.00".to_owned()));
        assert_eq!(usage[0].usage["bytes_out"], 101 * 512);
        let crossed = store.crossed_thresholds(who.customer, 10).await.unwrap();
        assert_eq!((crossed.len(), crossed[0].stage), (1, 80));
        let report = store.verify().await.unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        assert!(report.settlement_groups >= 1 && report.transfers >= 3);
    });
}

#[test]
fn every_request_is_found_by_its_id_and_by_what_became_of_it() {
    on_both(|bench| async move {
        let store = &bench.store;
        let who = paying_customer(store, "10").await;
        let settler = store.start_settling(settling(1)).await.unwrap();
        let served = call(store, &who, 5);
        let refused = CallEntry {
            status: 402,
            reason: "insufficient_balance",
            problem: r#"{"reason":"insufficient_balance"}"#,
            cost: 0,
            draws: Vec::new(),
            ..call(store, &who, 0)
        };
        for entry in [&served, &refused] {
            let _ = settler.submit(&Entry::Call(entry.clone()));
        }
        store.fold().await.unwrap();
        let found = store.call(RequestId::from_bytes(served.request.0)).await.unwrap();
        assert_eq!((found.status, found.cost.0.get()), (200, 5));
        let found = store.call(RequestId::from_bytes(refused.request.0)).await.unwrap();
        assert_eq!(found.problem.unwrap()["reason"], "insufficient_balance");
        let filter = CallFilter { reason: Some("insufficient_balance".to_owned()), ..CallFilter::default() };
        assert_eq!(store.calls(&filter, 10).await.unwrap().len(), 1);
        assert_eq!(store.calls(&CallFilter::default(), 10).await.unwrap().len(), 2);
        assert_eq!(store.calls(&CallFilter::default(), 1).await.unwrap()[0].status, 402, "the newest first");
        let mut pages = Vec::new();
        let mut after = None;
        while pages.len() < 3 {
            let page = store.calls_page(&CallFilter::default(), after, 1).await.unwrap();
            pages.extend(page.calls.iter().map(|call| call.status));
            let Some(next) = page.next else { break };
            after = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(pages, [402, 200], "page by page each is found once");
        let unknown = store.call(store.mint()).await;
        assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    });
}

/// What was committed before a crash and not folded is folded once, by the next start.
#[test]
fn a_crash_between_commit_and_fold_loses_and_repeats_nothing() {
    on_both(|bench| async move {
        let who = paying_customer(&bench.store, "10").await;
        // As a writer leaves it that was killed right after its commits.
        let mut link = crate::chain::Link::START;
        for _ in 0..3 {
            let mut payload = Vec::new();
            for _ in 0..10 {
                minicbor::encode(Entry::Call(call(&bench.store, &who, 10_000_000)), &mut payload).unwrap();
            }
            link = link.next(&payload);
            sqlx::query("INSERT INTO settlements VALUES ('n1', $1, 5, 1, 9, 10, $2, $3)")
                .bind(link.seq)
                .bind(&payload[..])
                .bind(&link.hash)
                .execute(&bench.store.db.pool)
                .await
                .unwrap();
        }
        assert_eq!(left(&bench.store, &who).await, "10.00");
        let mut bench = bench;
        for _ in 0..3 {
            let settler = bench.store.start_settling(settling(1)).await.unwrap();
            assert_eq!(left(&bench.store, &who).await, "9.70");
            let report = bench.store.verify().await.unwrap();
            assert_eq!(report.problems, Vec::<String>::new());
            drop(settler);
            bench = bench.reopened().await;
        }
    });
}

#[test]
fn the_log_goes_on_where_it_ended() {
    on_both(|bench| async move {
        let who = paying_customer(&bench.store, "10").await;
        let mut bench = bench;
        for round in 1..=3_u32 {
            let settler = bench.store.start_settling(settling(1)).await.unwrap();
            for _ in 0..20 {
                let _ = settler.submit(&Entry::Call(call(&bench.store, &who, 1_000_000)));
            }
            bench = bench.reopened().await;
            let expected = tollgate_core::money::Nanos::new(10_000_000_000 - i64::from(round) * 20_000_000);
            assert_eq!(left(&bench.store, &who).await, expected.to_string());
            assert_eq!(bench.store.verify().await.unwrap().problems, Vec::<String>::new());
        }
    });
}

#[test]
fn use_of_a_grant_that_was_voided_meanwhile_is_the_operators_loss() {
    on_both(|bench| async move {
        let store = &bench.store;
        let who = paying_customer(store, "10").await;
        let settler = store.start_settling(settling(1)).await.unwrap();
        let mut change = store.change("admin").await.unwrap();
        change.void_grant(who.customer, who.grant).await.unwrap();
        change.commit().await.unwrap();
        let _ = settler.submit(&Entry::Call(call(store, &who, 3_000_000_000)));
        store.fold().await.unwrap();
        let kinds: Vec<&str> =
            store.transfers(None, None, 10).await.unwrap().iter().map(|p| p.transfer.kind.name()).collect();
        assert_eq!(kinds, ["quota_used", "loss", "grant_voided", "top_up"]);
        assert_eq!(store.verify().await.unwrap().problems, Vec::<String>::new());
    });
}

#[test]
fn expired_credit_becomes_breakage_and_never_more_than_is_left() {
    on_both(|bench| async move {
        let store = &bench.store;
        let who = paying_customer(store, "10").await;
        let settler = store.start_settling(settling(1)).await.unwrap();
        let _ = settler.submit(&Entry::Call(call(store, &who, 4_000_000_000)));
        let expiry = ExpiryEntry {
            grant: who.grant.to_bytes().into(),
            customer: who.customer.to_bytes().into(),
            amount: 10_000_000_000,
            currency: "USD",
            at: NOW.unix_micros(),
        };
        let _ = settler.submit(&Entry::Expiry(expiry));
        assert_eq!(left(store, &who).await, "0.00");
        let posted = store.transfers(None, None, 10).await.unwrap();
        let breakage = posted.iter().find(|p| p.transfer.kind.name() == "expiry").unwrap();
        assert_eq!(breakage.transfer.amount, 6_000_000_000);
        assert_eq!(store.verify().await.unwrap().problems, Vec::<String>::new());
    });
}
