//! Real-time payment verification: an authorization at the payment provider before a valuable request.

use std::future::Future;
use std::pin::Pin;

use tollgate_core::id::CustomerId;
use tollgate_core::money::Money;

/// What the payment provider said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// The amount is authorized under this reference.
    Authorized(String),
    /// It is not.
    Declined,
    /// The payment provider did not answer.
    Unavailable,
}

/// Takes authorizations at a payment provider.
pub trait Verifier: Send + Sync {
    /// Takes an authorization of `amount` from the payment method of `customer`.
    fn authorize(&self, customer: CustomerId, amount: Money)
    -> Pin<Box<dyn Future<Output = Verification> + Send + '_>>;

    /// Lets go of an authorization: the request was settled from the wallet or did not run.
    fn release(&self, reference: String) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// No payment provider: nothing can be verified, so nothing that asks for it is served.
#[derive(Debug, Clone, Copy)]
pub struct NoVerifier;

impl Verifier for NoVerifier {
    fn authorize(&self, _: CustomerId, _: Money) -> Pin<Box<dyn Future<Output = Verification> + Send + '_>> {
        Box::pin(std::future::ready(Verification::Unavailable))
    }

    fn release(&self, _: String) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}
