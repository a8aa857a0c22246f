//! Taking a payment: at the payment provider first, then in the books together with what it is for.
//!
//! Between the two a process can stop. The payment then exists at the payment provider under its
//! idempotency key; whoever repeats the request with that key gets the same payment and books it.

use tollgate_core::id::CustomerId;
use tollgate_core::money::Money;
use tollgate_payments::{Decline, Instrument, Order, Reply};
use tollgate_store::StoreError;
use tollgate_store::definition::Text;
use tollgate_store::idempotency::StoredAnswer;
use tollgate_store::payments::{PaymentMethodRow, PaymentRow, PaymentStatus};
use tracing::warn;

use crate::Web;

/// Who changes something in the course of a payment, in the audit trail.
const ACTOR: &str = "payments";

/// Where declines are kept, by the name of the payment.
const DECLINES: &str = "decline";

/// What is to be paid.
#[derive(Debug, Clone)]
pub(crate) struct Bill {
    pub(crate) customer: CustomerId,
    pub(crate) money: Money,
    pub(crate) purpose: String,
    /// The name of the intention: the same one is paid once.
    pub(crate) once: String,
}

/// Why nothing was paid.
#[derive(Debug)]
pub(crate) enum NotPaid {
    /// The payment provider declined.
    Declined(Decline),
    /// Nobody knows: asking again under the same name is safe.
    Unknown,
    /// There is nobody to pay through.
    NoProvider,
}

/// Takes a payment. The row is not written down yet: that belongs to the change that the payment is for.
///
/// # Errors
/// [`NotPaid`]; a decline is written down.
pub(crate) async fn take(web: &Web, bill: &Bill, from: Instrument) -> Result<PaymentRow, NotPaid> {
    let provider = web.payments().ok_or(NotPaid::NoProvider)?;
    let order = Order { from, money: bill.money, purpose: bill.purpose.clone(), idempotency_key: bill.once.clone() };
    match provider.charge(&order).await {
        Reply::Done(charged) => Ok(row(web, bill, provider.name(), charged.reference, PaymentStatus::Succeeded, None)),
        Reply::Declined(decline) => {
            let code = Some(decline.code.clone());
            let declined = row(web, bill, provider.name(), String::new(), PaymentStatus::Declined, code);
            if let Err(error) = write_down_decline(web, bill, &declined).await {
                warn!(customer = %bill.customer, %error, "A declined payment could not be written down");
            }
            Err(NotPaid::Declined(decline))
        }
        Reply::Unknown => Err(NotPaid::Unknown),
    }
}

/// Money that came in without a payment provider: by bank transfer, in cash.
pub(crate) fn manual(web: &Web, bill: &Bill, reference: &str) -> PaymentRow {
    row(web, bill, "manual", reference.to_owned(), PaymentStatus::Succeeded, None)
}

/// The payment method that is charged, if it is kept by the payment provider in use.
pub(crate) async fn on_file(web: &Web, customer: CustomerId) -> Result<Option<PaymentMethodRow>, StoreError> {
    let Some(provider) = web.payments() else { return Ok(None) };
    let methods = web.store().payment_methods(customer).await?;
    Ok(methods.into_iter().next().filter(|method| method.provider == provider.name()))
}

fn row(
    web: &Web,
    bill: &Bill,
    provider: &str,
    provider_reference: String,
    status: PaymentStatus,
    decline_code: Option<String>,
) -> PaymentRow {
    PaymentRow {
        id: Text(web.store().mint()),
        customer: Text(bill.customer),
        provider: provider.to_owned(),
        provider_reference,
        purpose: bill.purpose.clone(),
        amount: Text(bill.money.amount),
        currency: Text(bill.money.currency),
        status,
        decline_code,
        created_at: Text(web.store().now()),
    }
}

/// Whether the payment under this name was declined.
pub(crate) async fn was_declined(web: &Web, once: &str) -> Result<bool, StoreError> {
    Ok(web.store().stored_answer(DECLINES, once, "").await?.is_some())
}

/// A decline that is repeated under its name is the same decline.
async fn write_down_decline(web: &Web, bill: &Bill, declined: &PaymentRow) -> Result<(), StoreError> {
    let mut change = web.store().change(ACTOR).await?;
    let answer = StoredAnswer { status: 402, body: String::new() };
    match change.store_answer(DECLINES, &bill.once, "", &answer).await {
        Ok(()) => (),
        Err(StoreError::Conflict(_)) => return Ok(()),
        Err(error) => return Err(error),
    }
    change.record_payment(declined).await?;
    change.commit().await
}
