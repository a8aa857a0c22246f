//! What answers waited for is settled after a crash, also where the log never had it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollgate_core::time::ManualClock;

use super::engines::*;
use super::settling::{call, paying_customer, settling};
use crate::settlement::{Entry, JournalPlace, Settlement, Settler, Settling};
use crate::{Store, StoreError};

/// The database and what stands beside it, as it is at this moment.
fn copy_as_of_now(store: &Store, to: &Path) -> String {
    let from = store.db.sqlite_path();
    for suffix in ["", "-wal", "-settlements"] {
        let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        std::fs::copy(with(&from), with(to)).unwrap();
    }
    format!("sqlite:{}", to.display())
}

async fn durable(settler: &Settler, entry: &Entry<'_>) {
    let ticket = settler.submit(entry);
    let listening = settler.clone();
    let listener = tokio::spawn(async move { listening.listen(0).await });
    settler.durable(ticket, 0).await.unwrap();
    listener.abort();
}

async fn open(url: &str) -> Store {
    Store::open(options(url, &Arc::new(ManualClock::at(NOW)))).await.unwrap()
}

#[test]
fn answers_wait_for_the_journal_and_a_crash_loses_nothing_of_it() {
    on_sqlite(|bench| async move {
        let folder = tempfile::tempdir().unwrap();
        let who = paying_customer(&bench.store, "10").await;
        let settler = bench.store.start_settling(settling(1)).await.unwrap();
        durable(&settler, &Entry::Call(call(&bench.store, &who, 1_000_000_000))).await;
        bench.store.fold().await.unwrap();
        // Nothing reaches the log from here on, and yet it is durable.
        let lane = bench.store.db.write_lane().await;
        for _ in 0..3 {
            durable(&settler, &Entry::Call(call(&bench.store, &who, 1_000_000_000))).await;
        }
        let url = copy_as_of_now(&bench.store, &folder.path().join("copy.db"));
        drop(lane);

        for settlement in [Settlement::Relaxed, Settlement::Strict] {
            let store = open(&url).await;
            let _settler = store.start_settling(Settling { settlement, ..settling(1) }).await.unwrap();
            let left = store.grants(who.customer).await.unwrap()[0].remaining.0;
            assert_eq!(left.to_string(), "6.00", "{settlement:?}");
            assert_eq!(store.verify().await.unwrap().problems, Vec::<String>::new());
            store.stop_settling().await;
            store.db.pool.close().await;
        }
    });
}

#[test]
fn a_journal_is_gone_after_a_stop_in_good_order() {
    on_sqlite(|bench| async move {
        let who = paying_customer(&bench.store, "10").await;
        let settler = bench.store.start_settling(settling(1)).await.unwrap();
        durable(&settler, &Entry::Call(call(&bench.store, &who, 1))).await;
        let journal = PathBuf::from(format!("{}-settlements", bench.store.db.sqlite_path().display()));
        assert!(journal.exists());
        bench.store.stop_settling().await;
        assert!(!journal.exists());
    });
}

#[test]
fn a_database_older_than_its_journal_is_not_served_from() {
    on_sqlite(|bench| async move {
        let folder = tempfile::tempdir().unwrap();
        let who = paying_customer(&bench.store, "10").await;
        let settler = bench.store.start_settling(settling(1)).await.unwrap();
        bench.store.fold().await.unwrap();
        let copy = folder.path().join("copy.db");
        let url = copy_as_of_now(&bench.store, &copy);
        for _ in 0..2 {
            durable(&settler, &Entry::Call(call(&bench.store, &who, 1))).await;
            bench.store.fold().await.unwrap();
        }
        let lane = bench.store.db.write_lane().await;
        durable(&settler, &Entry::Call(call(&bench.store, &who, 1))).await;
        let late = folder.path().join("late.db");
        copy_as_of_now(&bench.store, &late);
        drop(lane);
        let journal = |path: &Path| PathBuf::from(format!("{}-settlements", path.display()));
        std::fs::copy(journal(&late), journal(&copy)).unwrap();

        let store = open(&url).await;
        let refused = store.start_settling(settling(1)).await.err().unwrap();
        assert!(matches!(&refused, StoreError::Corrupt(_)), "{refused}");
        assert!(refused.to_string().contains("older than the journal"), "{refused}");
    });
}

/// What the writer takes before the journal has seen it is told to nobody before the log has it.
#[test]
fn a_group_that_the_journal_did_not_see_leaves_no_hole() {
    on_sqlite(|bench| async move {
        let folder = tempfile::tempdir().unwrap();
        let who = paying_customer(&bench.store, "10").await;
        let settler = bench.store.start_settling(settling(1)).await.unwrap();
        durable(&settler, &Entry::Call(call(&bench.store, &who, 1_000_000_000))).await;
        bench.store.fold().await.unwrap();
        let url = copy_as_of_now(&bench.store, &folder.path().join("copy.db"));
        bench.store.stop_settling().await;

        let store = open(&url).await;
        // Group 2 was on its way to the log and in no journal; group 3 was promised.
        let mut payload = Vec::new();
        minicbor::encode(Entry::Call(call(&bench.store, &who, 2_000_000_000)), &mut payload).unwrap();
        let place = JournalPlace::of(&store, "n1").await.unwrap().unwrap();
        place.create().unwrap().append(3, &payload, 1).unwrap();
        let left_behind = format!("{}-settlements", store.db.sqlite_path().display());
        let journal = std::fs::read(&left_behind).unwrap();
        let mut store = store;
        for _ in 0..3 {
            // As if a crash had come between the log and a new journal.
            std::fs::write(&left_behind, &journal).unwrap();
            let _settler = store.start_settling(settling(1)).await.unwrap();
            assert_eq!(store.grants(who.customer).await.unwrap()[0].remaining.0.to_string(), "7.00");
            assert_eq!(store.verify().await.unwrap().problems, Vec::<String>::new());
            store.stop_settling().await;
            store.db.pool.close().await;
            drop(store);
            store = open(&url).await;
        }
    });
}
