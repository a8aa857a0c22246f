//! Which requests a rule is about, and what a route asks for.

use std::sync::Arc;
use std::time::Duration;

use super::Price;
use crate::money::Nanos;

/// Which requests a quota or rate limit counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selector {
    /// All of them.
    #[default]
    All,
    /// Those to these APIs.
    Apis(Box<[Box<str>]>),
    /// Those to these routes.
    Routes(Box<[Box<str>]>),
    /// Those for these models.
    Models(Box<[Box<str>]>),
}

impl Selector {
    /// Whether a request to `route`, perhaps for `model`, is meant.
    #[must_use]
    pub fn matches(&self, route: &RouteTerms, model: Option<&str>) -> bool {
        let among = |names: &[Box<str>], name: &str| names.iter().any(|n| **n == *name);
        match self {
            Self::All => true,
            Self::Apis(names) => among(names, &route.api),
            Self::Routes(names) => names.iter().any(|name| route.is_named(name)),
            Self::Models(names) => model.is_some_and(|model| among(names, model)),
        }
    }
}

/// The models a plan opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelAccess {
    /// Every priced model.
    All,
    /// Only these, by exact id.
    Only(Box<[Box<str>]>),
}

impl ModelAccess {
    /// Whether `model` is open.
    #[must_use]
    pub fn includes(&self, model: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(models) => models.iter().any(|m| **m == *model),
        }
    }
}

/// What a route asks of its callers: the part of its configuration that the decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTerms {
    /// The stable name of the route, `api.route`; of a tool with terms of its own, `api.route:tool`.
    pub key: Box<str>,
    /// The API it belongs to.
    pub api: Box<str>,
    /// The feature a plan or add-on must include.
    pub feature: Option<Box<str>>,
    /// How it is paid for.
    pub charge: Charge,
    /// From this cost on, an authorization is taken at the payment provider first.
    pub verify_from: Option<Nanos>,
    /// The longest its upstream may work; bounds what compute time can cost.
    pub time_max: Duration,
}

impl RouteTerms {
    /// Whether `name` means this route: its own name, or for a tool of a route (`api.route:tool`) that of the
    /// route.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }
}

/// How a request to a route is paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    /// Not at all, and said so.
    Free,
    /// At this price; a plan may have another for it.
    Price(Arc<Price>),
    /// At the price of the model it names.
    Model,
    /// Each request by itself, before it runs, with or without a plan.
    PerRequest(Arc<Price>),
    /// Nobody set a price: refused until the operator does.
    Unpriced,
}
