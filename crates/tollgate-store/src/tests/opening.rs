//! Opening a database: beside a running Tollgate, to migrate it, and where there is none.

use std::sync::Arc;

use tollgate_core::time::ManualClock;

use super::engines::{NOW, on_both, options};
use crate::{Migrated, Store, StoreError, migrate};

#[test]
fn a_database_is_migrated_when_nobody_serves_from_it() {
    on_both(|bench| async move {
        let beside = Store::open_beside(options(&bench.url, &bench.clock)).await.unwrap();
        assert!(beside.verify().await.unwrap().is_sound());
        beside.db.pool.close().await;
        let refused = Store::migrate(options(&bench.url, &bench.clock)).await;
        assert!(matches!(refused, Err(StoreError::InUse(_))), "{refused:?}");

        let (url, clock) = (bench.url.clone(), Arc::clone(&bench.clock));
        bench.store.db.pool.close().await;
        drop(bench);
        let newest = migrate::newest();
        let done = Store::migrate(options(&url, &clock)).await.unwrap();
        assert_eq!(done, Migrated { from: newest, to: newest });
    });
}

#[test]
fn a_schema_of_another_version_is_not_verified() {
    on_both(|bench| async move {
        bench.tamper("DELETE FROM _sqlx_migrations").await;
        let refused = Store::open_beside(options(&bench.url, &bench.clock)).await.map(drop);
        assert!(matches!(refused, Err(StoreError::Schema(_))), "{refused:?}");
    });
}

#[tokio::test]
async fn looking_at_a_database_does_not_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("typo.db");
    let (url, clock) = (format!("sqlite:{}", path.display()), Arc::new(ManualClock::at(NOW)));
    let refused = Store::open_beside(options(&url, &clock)).await.map(drop);
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    assert!(!path.exists());

    let done = Store::migrate(options(&url, &clock)).await.unwrap();
    assert_eq!(done, Migrated { from: 0, to: migrate::newest() });
}
