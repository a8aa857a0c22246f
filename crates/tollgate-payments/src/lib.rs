//! Payment providers behind one interface.
//!
//! A payment provider keeps payment methods and moves money; Tollgate knows what it calls them and what
//! became of a payment, and never sees the data of a real card. [`PaymentProvider`] is the interface;
//! each payment provider is a module with its specifics, and nothing outside of it knows them. So far
//! there is one: the [`Simulator`], with a test card for every outcome.
//!
//! Three answers are possible, and the third is the one that is forgotten: the money moved, it did not,
//! or *nobody knows yet* ([`Reply`]). Whoever does not know asks again under the same idempotency key
//! and cannot pay twice.

mod card;
mod provider;
mod simulator;

pub use card::{BadCard, Card};
pub use provider::{
    Authorized, Charged, Decline, Instrument, MoneyKind, Order, PaymentProvider, Pending, Reply, SavedMethod,
};
pub use simulator::{Simulator, TEST_CARDS, TestCard};
