//! What the tests stand on: a running Tollgate, an administrator, a client.

mod admin;
mod call;
mod demo;
mod postgres;
mod process;
mod raw;
mod site;

use std::future::Future;
use std::time::{Duration, Instant};

pub(crate) use admin::{Admin, Buyer, nanos};
pub(crate) use call::{Answer, Call, Connection};
pub(crate) use demo::{Demo, Scenario};
pub(crate) use postgres::fresh_database;
pub(crate) use process::{Ended, Node, Process};
pub(crate) use raw::{Raw, handshake};
pub(crate) use site::Site;

/// The longest that anything here is waited for. Nothing takes long; a busy machine may.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until `look` finds something.
pub(crate) async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for this: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for `work`, but not for ever.
pub(crate) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("waited {PATIENCE:?} for this: {what}"),
    }
}

/// Numbers that follow from a seed (SplitMix64), so that a failure can be seen again.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// The next number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
