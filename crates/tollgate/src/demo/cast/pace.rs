//! 402 and 429: how much and how fast.

use tollgate_core::decision::Reason;
use tollgate_store::StoreError;

use super::{Cast, Request, Scenario, Stage, call};

/// The calls in a month of the free plan.
const FREE_CALLS: usize = 3;

pub(super) async fn cast(stage: &mut Stage, cast: &mut Cast) -> Result<(), StoreError> {
    let busy = stage.customer("Busy").await?;
    stage.subscribe(&busy, "free", None).await?;
    let refused = Scenario::refused(
        Reason::QuotaExceeded,
        "the free plan has 3 calls a month, and they were made",
        call().with(&busy.key),
    );
    cast.warm_up.extend(std::iter::repeat_n(refused.clone(), FREE_CALLS));
    cast.scenarios.push(refused);

    for (reason, name, plan, story) in [
        (Reason::RateLimitUpgrade, "Hasty", "daily-paid", "one request a day was made; a larger plan has more"),
        (Reason::RateLimited, "Steady", "daily", "one request a day was made"),
    ] {
        let actor = stage.subscriber(name, plan).await?;
        let refused = Scenario::refused(reason, story, call().with(&actor.key));
        cast.warm_up.push(refused.clone());
        cast.scenarios.push(refused);
    }

    let talkative = stage.subscriber("Talkative", "daily-tokens").await?;
    let long = "Tell me everything about lighthouses. ".repeat(80);
    let request = Request::chat("sandbox-small", &long, 300).with(&talkative.key);
    let refused =
        Scenario::refused(Reason::TokenRateLimited, "a thousand tokens a day, and half of them were used", request);
    cast.warm_up.push(refused.clone());
    cast.scenarios.push(refused);

    let parallel = stage.subscriber("Parallel", "single").await?;
    let request = || Request::get("/rest/endless").with(&parallel.key);
    cast.endless.push(Scenario::served("a request that never ends", request()));
    cast.scenarios.push(Scenario::refused(
        Reason::ConcurrencyLimited,
        "one request at a time, and one is running",
        request(),
    ));
    Ok(())
}
