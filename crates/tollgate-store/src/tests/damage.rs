//! Edits behind Tollgate's back are found, and databases that cannot serve are refused with a reason.

use std::sync::Arc;

use tollgate_core::time::ManualClock;

use super::engines::*;
use super::settling::{call, paying_customer};
use crate::settlement::Entry;
use crate::{Store, StoreError};

async fn with_some_history(bench: &Bench) {
    let who = paying_customer(&bench.store, "10").await;
    let settler = bench.store.start_settling(super::settling::settling(1)).await.unwrap();
    for _ in 0..5 {
        let ticket = settler.submit(&Entry::Call(call(&bench.store, &who, 1_000_000)));
        let listening = settler.clone();
        let listener = tokio::spawn(async move { listening.listen(0).await });
        settler.durable(ticket, 0).await.unwrap();
        listener.abort();
        // A group of its own for each.
        bench.store.fold().await.unwrap();
    }
    assert_eq!(bench.store.verify().await.unwrap().problems, Vec::<String>::new());
}

fn finds(statement: &'static str, expected: &'static str) {
    on_both(|bench| async move {
        with_some_history(&bench).await;
        bench.tamper(statement).await;
        let problems = bench.store.verify().await.unwrap().problems;
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{statement}: {problems:?}");
    });
}

#[test]
fn a_changed_amount_is_found() {
    finds("UPDATE transfers SET amount = amount - 1 WHERE seq = 2", "transfer 2 was changed");
}

#[test]
fn a_removed_last_transfer_is_found() {
    finds("DELETE FROM transfers WHERE seq = (SELECT max(seq) FROM transfers)", "are missing");
}

#[test]
fn a_changed_balance_is_found() {
    finds("UPDATE balances SET debits = debits - 1 WHERE account LIKE 'grant:%'", "transfers sum to");
}

#[test]
fn a_removed_balance_is_found() {
    finds("DELETE FROM balances WHERE account LIKE 'grant:%'", "has transfers and no stored balance");
}

#[test]
fn a_removed_settlement_group_is_found() {
    finds("DELETE FROM settlements WHERE seq = 3", "one is missing");
}

#[test]
fn a_changed_audit_entry_is_found() {
    finds("UPDATE audit SET actor = 'nobody' WHERE seq = 1", "audit entry 1 was changed");
}

fn open(url: String) -> Result<Store, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    runtime.block_on(Store::open(options(&url, &clock)))
}

fn refusal(url: String) -> String {
    match open(url) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.db");
    std::fs::write(&path, "this is a letter to my grandmother, and it is long enough to be mistaken".repeat(100))
        .unwrap();
    let text = refusal(format!("sqlite:{}", path.display()));
    assert!(text.contains("damaged"), "{text}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("this is a letter"), "it was left alone");
}

#[test]
fn a_second_tollgate_on_one_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("tollgate.db").display());
    let first = open(url.clone()).unwrap();
    let text = refusal(url.clone());
    assert!(text.contains("another Tollgate is using"), "{text}");
    drop(first);
    assert!(open(url).is_ok());
}

#[test]
fn other_addresses_say_what_was_expected() {
    assert!(refusal("mysql://localhost/x".to_owned()).starts_with("store.url: expected sqlite:PATH"));
    let text = refusal("sqlite:/nonexistent/folder/t.db".to_owned());
    assert!(text.contains("a file in an existing folder"), "{text}");
}
