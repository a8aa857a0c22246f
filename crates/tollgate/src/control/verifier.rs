//! Verification of valuable requests: an authorization of the payment method on file.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tollgate_core::id::CustomerId;
use tollgate_core::money::Money;
use tollgate_gateway::{Verification, Verifier};
use tollgate_payments::{Instrument, Order, PaymentProvider, Reply};
use tollgate_store::{Store, StoreError};
use tracing::warn;

/// Takes authorizations at the payment provider in use.
pub(crate) struct ProviderVerifier {
    pub(crate) store: Store,
    pub(crate) provider: Arc<dyn PaymentProvider>,
}

impl ProviderVerifier {
    async fn try_authorize(&self, customer: CustomerId, amount: Money) -> Result<Verification, StoreError> {
        let methods = self.store.payment_methods(customer).await?;
        // The one that is charged comes first; one that another payment provider keeps cannot be asked.
        let Some(method) = methods.into_iter().next().filter(|method| method.provider == self.provider.name()) else {
            return Ok(Verification::Declined);
        };
        let order = Order {
            from: Instrument::OnFile(method.provider_reference),
            money: amount,
            purpose: "verification of a request".to_owned(),
            // Each request is an intention of its own; nothing is taken, so nothing has to happen once.
            idempotency_key: self.store.mint::<tollgate_core::id::PaymentKind>().to_string(),
        };
        Ok(match self.provider.authorize(&order).await {
            Reply::Done(authorized) => Verification::Authorized(authorized.reference),
            Reply::Declined(_) => Verification::Declined,
            Reply::Unknown => Verification::Unavailable,
        })
    }
}

impl Verifier for ProviderVerifier {
    fn authorize(
        &self,
        customer: CustomerId,
        amount: Money,
    ) -> Pin<Box<dyn Future<Output = Verification> + Send + '_>> {
        Box::pin(async move {
            self.try_authorize(customer, amount).await.unwrap_or_else(|error| {
                warn!(%customer, %error, "The payment methods of a customer could not be read");
                Verification::Unavailable
            })
        })
    }

    fn release(&self, reference: String) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if self.provider.release(&reference).await != Reply::Done(()) {
                warn!(reference, "An authorization could not be released; it ends by itself");
            }
        })
    }
}
