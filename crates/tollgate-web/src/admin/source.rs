//! Where the money of a top-up or of a paid invoice comes from.

use serde::Deserialize;
use tollgate_payments::Instrument;
use tollgate_store::payments::PaymentRow;

use super::{Once, Problem, Stop, deed};
use crate::Web;
use crate::payment::{self, Bill, NotPaid};

/// Where money comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// It has come already: by bank transfer, in cash.
    #[default]
    Manual,
    /// From the payment method on file; it is charged now. Needs an `Idempotency-Key`.
    PaymentMethod,
}

impl Source {
    /// The payment of `bill`, to be written down with what it is for.
    ///
    /// # Errors
    /// 402 if the payment provider declines, 409 without a payment method, 503 if nobody knows.
    pub(super) async fn collect(
        self,
        web: &Web,
        mut bill: Bill,
        reference: &str,
        once: &Once,
    ) -> Result<PaymentRow, Stop> {
        if reference.chars().count() > 200 || reference.chars().any(char::is_control) {
            return Err(Problem::invalid("reference", "at most 200 characters without control characters").into());
        }
        match self {
            Self::Manual => Ok(payment::manual(web, &bill, reference)),
            Self::PaymentMethod => {
                // Without a name, a repetition after a lost answer would be paid again.
                let name = once.name.as_ref().ok_or_else(|| {
                    Problem::invalid("Idempotency-Key", "a name, because a payment method is charged")
                })?;
                deed::not_done(web, once).await?;
                bill.once = format!("admin {name}");
                let method = payment::on_file(web, bill.customer).await?;
                let method = method
                    .ok_or_else(|| Problem::conflict("there is no payment method on file that can be charged"))?;
                if method.to_core().expires_at.is_some_and(|at| at <= web.store().now()) {
                    return Err(Problem::declined("expired_card", "the payment method on file has expired").into());
                }
                let paid = payment::take(web, &bill, Instrument::OnFile(method.provider_reference)).await;
                Ok(paid.map_err(|not_paid| match not_paid {
                    NotPaid::Declined(decline) => Problem::declined(&decline.code, &decline.message),
                    NotPaid::Unknown => Problem::payment_unknown(),
                    NotPaid::NoProvider => Problem::conflict("no payment provider is connected"),
                })?)
            }
        }
    }
}
