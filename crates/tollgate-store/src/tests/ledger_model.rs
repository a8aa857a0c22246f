//! The durable ledger against the naive one: the same transfers are accepted and refused, and the same
//! balances come out.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use tollgate_core::id::{CustomerId, GrantId, TransferId};
use tollgate_core::ledger::{Applied, Book, LedgerAccount, Transfer, TransferKind, Unit};
use tollgate_core::money::Currency;

use super::engines::*;
use crate::Store;

fn accounts() -> Vec<LedgerAccount> {
    vec![
        LedgerAccount::Cash("simulator".into()),
        LedgerAccount::Grant(GrantId::from_bits(1)),
        LedgerAccount::Grant(GrantId::from_bits(2)),
        LedgerAccount::Receivable(CustomerId::from_bits(3)),
        LedgerAccount::UsageRevenue,
    ]
}

fn transfer(step: (u128, usize, usize, i64)) -> Transfer {
    let (id, debit, credit, amount) = step;
    Transfer {
        id: TransferId::from_bits(id),
        kind: TransferKind::TopUp,
        debit: accounts()[debit].clone(),
        credit: accounts()[credit].clone(),
        amount,
        unit: Unit::Currency(Currency::USD),
        at: NOW,
        reference: "model".into(),
    }
}

/// Posts each transfer in a change of its own, as administrators do.
async fn post_each(store: &Store, steps: &[(u128, usize, usize, i64)]) -> Vec<bool> {
    let mut accepted = Vec::new();
    for step in steps {
        let mut change = store.change("model").await.unwrap();
        match change.post(&[transfer(*step)]).await {
            Ok(()) => {
                change.commit().await.unwrap();
                accepted.push(true);
            }
            Err(_) => accepted.push(false),
        }
    }
    accepted
}

#[test]
fn the_durable_ledger_agrees_with_the_naive_one() {
    let step = (0_u128..60, 0_usize..5, 0_usize..5, 1_i64..100).prop_filter("two accounts", |s| s.1 != s.2);
    let steps = prop::collection::vec(step, 1..60);
    let runner = std::cell::RefCell::new(TestRunner::new(Config { cases: 12, ..Config::default() }));
    on_both(|bench| {
        let cases: Vec<Vec<_>> = (0..12).map(|_| steps.new_tree(&mut runner.borrow_mut()).unwrap().current()).collect();
        async move {
            // One database, one growing book: later cases meet the transfers of earlier ones.
            let mut book = Book::default();
            for (case, steps) in cases.into_iter().enumerate() {
                let steps: Vec<_> =
                    steps.into_iter().map(|(id, d, c, a)| (id + (case as u128) * 40, d, c, a)).collect();
                let expected: Vec<bool> = steps
                    .iter()
                    .map(|step| matches!(book.apply(&transfer(*step)), Ok(Applied::Now | Applied::Before)))
                    .collect();
                assert_eq!(post_each(&bench.store, &steps).await, expected, "{steps:?}");
                assert_eq!(bench.store.verify().await.unwrap().problems, Vec::<String>::new());
            }
            let mut connection = bench.store.db.pool.acquire().await.unwrap();
            for account in accounts().iter().filter(|a| crate::ledger::is_balanced(a)) {
                let unit = Unit::Currency(Currency::USD);
                let (debits, credits) = crate::ledger::balance(&mut connection, account, &unit).await.unwrap();
                let model = book.balance(account, &unit);
                assert_eq!((i128::from(debits), i128::from(credits)), (model.debits, model.credits));
            }
        }
    });
}
