//! What is sold: plans in versions, add-ons, prices, quotas, rate limits.
//!
//! Everything here is immutable once published. A change is a new version; whoever bought the old
//! one keeps it until moved.

mod access;
mod plan;
mod price;
mod quota;
mod rate_limit;
mod spend_cap;

pub use access::{Charge, ModelAccess, RouteTerms, Selector};
pub use plan::{AddOn, CallerLeft, Disclosure, PaymentTerms, Plan, Requirement};
pub use price::{Component, Level, Price, PriceModel, Tier};
pub use quota::{Coverage, Degradation, PastLimit, Quota, QuotaPeriod};
pub use rate_limit::{RateLimit, RatePer, RateUnit, WhenTooFast};
pub use spend_cap::{CapPeriod, CapScope, SpendCap};

use std::sync::Arc;

/// The offers that exist now: what a refused caller can be pointed to.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// The newest version of every plan that can be bought, cheapest first.
    pub plans: Vec<Arc<Plan>>,
    /// The newest version of every add-on that can be bought, cheapest first.
    pub add_ons: Vec<Arc<AddOn>>,
}
