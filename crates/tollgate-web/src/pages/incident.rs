//! The request that a link names, as the call log has it.

use std::time::Duration;

use serde_json::Value;
use tollgate_core::decision::{Action, Reason};
use tollgate_core::id::RequestId;
use tollgate_core::money::{Currency, Money, Nanos};
use tollgate_store::StoreError;
use tollgate_store::calls::Call;

use super::stop::Stop;
use crate::Web;

/// A request, and what its caller was told.
#[derive(Debug, Clone)]
pub(crate) struct Incident {
    pub(crate) id: RequestId,
    pub(crate) call: Call,
    /// Why it was refused, if that is one of the catalogue's reasons.
    pub(crate) reason: Option<Reason>,
    problem: Value,
}

/// A request that was answered a moment ago is in the log with the next group.
const JUST_NOW: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);

const UNKNOWN: &str = "There is no request with this id. Check that all of the link was copied; requests are kept for a \
                       limited time.";

impl Incident {
    /// The request whose id is `text`.
    ///
    /// # Errors
    /// [`Stop::NotFound`] if it is not in the log.
    pub(crate) async fn find(web: &Web, text: &str) -> Result<Self, Stop> {
        let id: RequestId = text.parse().map_err(|_| Stop::NotFound(UNKNOWN))?;
        let call = Self::wait_for(web, id).await?;
        let reason = call.reason.as_deref().and_then(|code| code.parse().ok());
        let problem = call.problem.clone().unwrap_or(Value::Null);
        Ok(Self { id, call, reason, problem })
    }

    async fn wait_for(web: &Web, id: RequestId) -> Result<Call, Stop> {
        let now = web.store().now();
        let is_new = id.minted_at() <= now + JUST_NOW && now.since(id.minted_at()) <= JUST_NOW;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match web.store().call(id).await {
                Ok(call) => return Ok(call),
                Err(StoreError::NotFound { .. }) if is_new && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(StoreError::NotFound { .. }) => return Err(Stop::NotFound(UNKNOWN)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A text of what the caller was told: `/title`.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.problem.pointer(pointer)?.as_str()
    }

    /// An amount of what the caller was told.
    pub(crate) fn amount(&self, pointer: &str) -> Option<Nanos> {
        self.text(pointer)?.parse().ok()
    }

    /// The ways out that the caller was given, the best first, with the words on the button.
    pub(crate) fn ways_out(&self) -> Vec<(Action, String)> {
        let told = self.problem.pointer("/actions").and_then(Value::as_array);
        let known = |id: &str| Action::ALL.iter().copied().find(|action| action.id() == id);
        match (told, self.reason) {
            (Some(told), _) => told
                .iter()
                .filter_map(|action| Some((known(action["id"].as_str()?)?, action["title"].as_str()?.to_owned())))
                .collect(),
            (None, Some(reason)) => {
                reason.actions().iter().map(|action| (*action, action.title().to_owned())).collect()
            }
            (None, None) => Vec::new(),
        }
    }

    /// The keys of the plans or add-ons that would end the refusal, cheapest first.
    pub(crate) fn offered(&self, list: &str, member: &str) -> Vec<&str> {
        let offers = self.problem.pointer(list).and_then(Value::as_array);
        offers.into_iter().flatten().filter_map(|offer| offer[member].as_str()).collect()
    }

    /// The API that was called.
    pub(crate) fn api(&self) -> &str {
        self.call.route.split_once('.').map_or("", |(api, _)| api)
    }

    /// The route of it.
    pub(crate) fn route(&self) -> &str {
        self.call.route.split_once('.').map_or("", |(_, route)| route)
    }

    /// What has to be in the wallet beyond what was there, and the whole of what is needed.
    pub(crate) fn missing(&self, available: Nanos, currency: Currency) -> Option<Nanos> {
        let required = self.amount("/required/amount")?;
        let then = self.amount("/shortfall/amount").unwrap_or(Nanos::ZERO);
        Some(required.saturating_minus(available).max(then).at_least_zero().ceil_to_minor(currency))
    }

    /// What the request costs at most, if the caller was told.
    pub(crate) fn required(&self, currency: Currency) -> Option<Money> {
        Some(Money::new(self.amount("/required/amount")?, currency))
    }
}
