//! What a node does by itself, besides serving.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tollgate_gateway::{FrozenBy, Gateway};
use tollgate_store::customers::Frozen;
use tollgate_store::definition::Text;
use tollgate_store::{Store, StoreError};
use tracing::{error, warn};

/// How often SQLite's log is moved into its file.
const CHECKPOINT: Duration = Duration::from_secs(2);

/// How often expired credit is booked. What expired is not spent before that either.
const EXPIRY: Duration = Duration::from_secs(60);

/// Starts everything that a node does by itself. Dropping the result ends it.
pub(crate) fn start(store: &Store, gateway: &Gateway, frozen: mpsc::UnboundedReceiver<FrozenBy>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    jobs.spawn(checkpoint(store.clone()));
    jobs.spawn(expire(gateway.clone()));
    jobs.spawn(write_down_freezes(store.clone(), frozen));
    jobs
}

async fn checkpoint(store: Store) {
    let mut ticks = interval(CHECKPOINT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = store.checkpoint().await {
            warn!(%error, "Could not move the write-ahead log into the database; trying again");
        }
    }
}

async fn expire(gateway: Gateway) {
    let mut ticks = interval(EXPIRY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        gateway.expire_grants();
    }
}

/// A fraud rule freezes a customer at once; this makes it outlive the process.
async fn write_down_freezes(store: Store, mut frozen: mpsc::UnboundedReceiver<FrozenBy>) {
    while let Some(frozen) = frozen.recv().await {
        let mut patience = Duration::from_millis(100);
        while let Err(error) = write_down(&store, &frozen).await {
            error!(customer = %frozen.customer, %error, "Could not write down that a customer is under review");
            if !error.is_fault() {
                break;
            }
            tokio::time::sleep(patience).await;
            patience = (patience * 2).min(Duration::from_secs(10));
        }
    }
}

async fn write_down(store: &Store, frozen: &FrozenBy) -> Result<(), StoreError> {
    let mut change = store.change("system").await?;
    let review = Frozen {
        case: frozen.case.clone(),
        why: frozen.rule.to_owned(),
        since: Text(frozen.since),
        expected_by: Some(Text(frozen.since + Duration::from_secs(24 * 3_600))),
    };
    change.freeze_customer(frozen.customer, Some(review)).await?;
    change.commit().await
}
