//! A blueprint: the catalogue compiled as the gateway does it, and nobody is served by it. For whoever wants
//! to know before whether a catalogue can be used, and what a request would cost by it.

use std::sync::Arc;

use tollgate_core::catalogue::Plan;
use tollgate_core::decision::{Ask, ModelAsk, OutputBound, Precision, quote};
use tollgate_core::id::{ApplicationId, CustomerId, KeyId};
use tollgate_core::meter::{Meter, MeterSet, Usage};
use tollgate_core::money::{Currency, Money};
use tollgate_core::standing::Standing;
use tollgate_store::Store;

use crate::estimate::bound_of_rest;
use crate::route::Route;
use crate::snapshot::{Setup, Snapshot, SnapshotError};

/// A compiled catalogue that nobody is served by.
pub struct Blueprint(Snapshot);

/// Why a request has no cost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoQuote {
    /// There is no such route.
    #[error("there is no route {0}")]
    NoRoute(String),
    /// No route leads to the model at a price.
    #[error("no route serves the model {0} at a price")]
    NoModel(String),
    /// The model, the route or a meter has no price.
    #[error("it has no cost: {0}")]
    Unpriced(String),
}

impl Blueprint {
    /// Compiles what is published.
    ///
    /// # Errors
    /// Everything that is wrong with the routes.
    pub async fn read(store: &Store, setup: Setup) -> Result<Self, SnapshotError> {
        Snapshot::read(store, setup).await.map(Self)
    }

    /// Whether a route of `provider` could serve `model`: whether it has a price.
    #[must_use]
    pub fn is_priced(&self, provider: &str, model: &str) -> bool {
        self.0.model(provider, model).is_some()
    }

    /// How many models of `provider` have a price.
    #[must_use]
    pub fn models(&self, provider: &str) -> usize {
        self.0.models(provider).count()
    }

    /// What a request costs at most for a new customer of `plan`.
    ///
    /// # Errors
    /// If there is nothing of that name or it has no price.
    pub fn quote(&self, what: Quoted<'_>, plan: Option<&Plan>) -> Result<Money, NoQuote> {
        let route = self.route(what)?;
        let (model, bound) = match what {
            Quoted::Route(_) => (None, bound_of_rest(route, 0)),
            Quoted::Model { id, prompt_tokens, answer_tokens } => {
                let bound =
                    Usage::ONE_CALL.with(Meter::InputTokens, prompt_tokens).with(Meter::OutputTokens, answer_tokens);
                let (prompt_meters, answer_meters) = (MeterSet::EMPTY, MeterSet::EMPTY);
                let price = route.models.as_ref().and_then(|models| models.price(id, &self.0));
                let output = OutputBound::Adjustable;
                (Some(ModelAsk { id, price, prompt_tokens, prompt_meters, answer_meters, output }), bound)
            }
        };
        let ask = Ask {
            route: &route.terms,
            model,
            key: KeyId::from_bits(0),
            application: ApplicationId::from_bits(0),
            bound,
            precision: Precision::Counted,
        };
        let currency = plan.map_or(Currency::USD, |plan| plan.currency);
        let stranger = Standing::new(CustomerId::from_bits(0), currency, jiff::tz::TimeZone::UTC);
        let cost = quote(&ask, plan, &stranger).map_err(|error| NoQuote::Unpriced(error.to_string()))?;
        Ok(Money::new(cost, currency))
    }

    fn route(&self, what: Quoted<'_>) -> Result<&Arc<Route>, NoQuote> {
        let mut routes = self.0.routes.list.iter();
        match what {
            Quoted::Route(key) => {
                routes.find(|route| *route.terms.key == *key).ok_or_else(|| NoQuote::NoRoute(key.to_owned()))
            }
            Quoted::Model { id: model, .. } => routes
                .find(|route| route.models.as_ref().is_some_and(|models| models.price(model, &self.0).is_some()))
                .ok_or_else(|| NoQuote::NoModel(model.to_owned())),
        }
    }
}

/// What a cost is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoted<'a> {
    /// A route by its name, `api.route`.
    Route(&'a str),
    /// A model, for a prompt and an answer of so many tokens.
    Model {
        /// The id that requests name.
        id: &'a str,
        /// Tokens of the prompt.
        prompt_tokens: u64,
        /// Tokens of the answer.
        answer_tokens: u64,
    },
}
