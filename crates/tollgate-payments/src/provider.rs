//! The interface that every payment provider is behind.

use std::future::Future;
use std::pin::Pin;

use tollgate_core::money::Money;

use crate::Card;

/// What a payment provider answers with, when it has.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Reply<T>> + Send + 'a>>;

/// Keeps payment methods and moves money.
///
/// Everything that moves money carries an idempotency key: the same order under the same key happens
/// once and is answered alike each time.
pub trait PaymentProvider: Send + Sync {
    /// Its stable name: it names the ledger account of its money and stands beside every payment.
    fn name(&self) -> &'static str;

    /// Whether what it moves is money.
    fn money_kind(&self) -> MoneyKind;

    /// Puts a payment method on file there.
    fn save_method<'a>(&'a self, instrument: &'a Instrument) -> Pending<'a, SavedMethod>;

    /// Takes money.
    fn charge<'a>(&'a self, order: &'a Order) -> Pending<'a, Charged>;

    /// Makes sure of money without taking it.
    fn authorize<'a>(&'a self, order: &'a Order) -> Pending<'a, Authorized>;

    /// Lets go of an authorization.
    fn release<'a>(&'a self, reference: &'a str) -> Pending<'a, ()>;
}

/// Whether what a payment provider moves is money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyKind {
    /// It is.
    Real,
    /// It is not: outside of a sandbox nothing may be sold for it.
    Simulated,
}

/// What became of what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<T> {
    /// It is done.
    Done(T),
    /// It is not done and will not be.
    Declined(Decline),
    /// The payment provider did not answer: it may be done or not. Ask again under the same key.
    Unknown,
}

/// Why a payment provider declines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decline {
    /// The payment provider's word for it, for example `insufficient_funds`.
    pub code: String,
    /// The same for the person who pays.
    pub message: String,
}

/// What money is taken from.
#[derive(Debug, Clone)]
pub enum Instrument {
    /// A payment method on file, by what the payment provider calls it.
    OnFile(String),
    /// What the payment provider's own form in the browser made of a card.
    Token(String),
    /// A test card as it was typed; only a simulator takes one.
    TestCard(Card),
}

/// A payment to be made.
#[derive(Debug, Clone)]
pub struct Order {
    /// From what.
    pub from: Instrument,
    /// How much, in whole minor units.
    pub money: Money,
    /// What for, as it may stand on a statement.
    pub purpose: String,
    /// The name of this intention.
    pub idempotency_key: String,
}

/// A payment method on file: what it is called there, and what may be shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedMethod {
    /// What the payment provider calls it.
    pub reference: String,
    /// `visa`, `mastercard`, ...
    pub brand: String,
    /// Its last four digits.
    pub last4: String,
    /// The last year and month in which it is valid.
    pub expires: Option<(i16, i8)>,
}

/// Money that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// What the payment provider calls the payment.
    pub reference: String,
}

/// Money that is made sure of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// What the payment provider calls the authorization.
    pub reference: String,
}

impl Decline {
    pub(crate) fn new(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned() }
    }
}
