//! Payment methods on file. Card data stays with the payment provider; what is kept here is what it calls
//! them and what may be shown.

use axum::extract::State;
use serde::Deserialize;
use tollgate_payments::{Card, Instrument, Reply};
use tollgate_store::definition::CustomerIdText;
use tollgate_store::payments::{NewPaymentMethod, PaymentMethodRow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Asked, Deed, Failures, Members, Named, Page, Part, Problem, Sent, Stop, deed};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(add_payment_method, list_payment_methods))
}

/// A payment method: exactly one of `token`, `test_card` and `kept`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMethod {
    /// What the payment provider's own form made of it.
    #[serde(default)]
    token: Option<String>,
    /// A test card, in a sandbox.
    #[serde(default)]
    test_card: Option<TestCard>,
    /// One that the payment provider keeps already.
    #[serde(default)]
    kept: Option<NewPaymentMethod>,
}

/// A test card.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TestCard {
    /// Its number.
    number: String,
    /// Its last month: `12/30`.
    expires: String,
}

/// Put a payment method on file. It is the one that is charged from now on.
#[utoipa::path(
    post, path = "/customers/{customer}/payment-methods", tag = "payments", request_body = NewMethod,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses(
        (status = 201, description = "It is on file.", body = PaymentMethodRow),
        (status = 402, description = "The payment provider declined.", body = Members, content_type = "application/problem+json"),
        Failures
    )
)]
async fn add_payment_method(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    sent: Sent<NewMethod>,
) -> Answer {
    web.store().customer(customer.0).await?;
    deed::not_done(&web, &sent.once).await?;
    let new = kept(&web, sent.value).await?;
    let mut deed = Deed::begin(&web, sent.once).await?;
    let method = deed.change().add_payment_method(customer.0, &new).await?;
    deed.created(&method).await
}

/// The payment method as the payment provider keeps it.
async fn kept(web: &Web, new: NewMethod) -> Result<NewPaymentMethod, Stop> {
    let instrument = match (new.token, new.test_card, new.kept) {
        (None, None, Some(kept)) => return Ok(kept),
        (Some(token), None, None) => Instrument::Token(token),
        (None, Some(card), None) => {
            let card = Card::parse(&card.number, &card.expires).map_err(|bad| {
                let member = if bad.field == "card_number" { "number" } else { "expires" };
                Problem::invalid(format!("test_card.{member}"), bad.expected)
            })?;
            Instrument::TestCard(card)
        }
        _ => return Err(Problem::invalid("body", "exactly one of `token`, `test_card` and `kept`").into()),
    };
    let provider = web.payments().ok_or_else(|| Problem::conflict("no payment provider is connected"))?;
    match provider.save_method(&instrument).await {
        Reply::Done(saved) => Ok(NewPaymentMethod {
            provider: provider.name().to_owned(),
            provider_reference: saved.reference,
            brand: saved.brand,
            last4: saved.last4,
            expires_year: saved.expires.map(|(year, _)| year),
            expires_month: saved.expires.map(|(_, month)| month),
        }),
        Reply::Declined(decline) => Err(Problem::declined(&decline.code, &decline.message).into()),
        Reply::Unknown => Err(Problem::payment_unknown().into()),
    }
}

/// List the payment methods of a customer; the one that is charged comes first.
#[utoipa::path(
    get, path = "/customers/{customer}/payment-methods", tag = "payments",
    params(("customer" = String, Path, description = "`cus_...`"), Part),
    responses((status = 200, description = "A page of them.", body = Page<PaymentMethodRow>), Failures)
)]
async fn list_payment_methods(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    Asked(part): Asked<Part>,
) -> Result<Page<PaymentMethodRow>, Problem> {
    web.store().customer(customer.0).await?;
    Page::cut(web.store().payment_methods(customer.0).await?, &part, |method| method.id.0.to_string())
}
