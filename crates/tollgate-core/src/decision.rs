//! The decision: may this request run, and what does it hold while it does?
//!
//! [`decide`] is a pure function of a [`Standing`](crate::standing::Standing) and an [`Ask`]. What it
//! admits is placed as a [`Hold`] under the same lock, so decision and hold cannot disagree. A hold
//! ends in [`settle`] or [`release`], never otherwise.

mod ask;
mod claims;
mod cost;
mod decide;
mod denial;
mod explain;
mod hold;
mod offer;
mod reason;
mod settle;
mod terms;

pub use ask::{Ask, ModelAsk, OutputBound, Precision};
pub use cost::{CostError, quote};
pub use decide::decide;
pub use denial::{Denial, Facts, OpenBill, PayingHelps, QuotaFacts, RateFacts, Shortage};
pub use explain::{Retry, explain, retry};
pub use hold::{Hold, Notices, place};
pub use offer::{Offer, Offers, offers};
pub use reason::{Action, Reason, RetryClass, Who};
pub use settle::{CapUse, QuotaUse, Settled, TierUse, release, settle};
pub use terms::{Decision, Terms};

#[cfg(test)]
mod tests;
