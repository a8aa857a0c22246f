//! Invoices.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use tollgate_core::money::Money;
use tollgate_store::definition::{CustomerIdText, InvoiceIdText};
use tollgate_store::invoices::{InvoiceRow, InvoiceStatus, NewInvoice};
use tollgate_store::payments::PaymentRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::source::Source;
use super::{Answer, Asked, Deed, Failures, Members, Named, Page, Part, Problem, Sent, deed};
use crate::Web;
use crate::payment::Bill;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(create_invoice, list_invoices)).routes(routes!(pay_invoice))
}

/// Make an invoice that is to be paid.
#[utoipa::path(
    post, path = "/customers/{customer}/invoices", tag = "invoices", request_body = NewInvoice,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses((status = 201, description = "The invoice, with its number.", body = InvoiceRow), Failures)
)]
async fn create_invoice(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    sent: Sent<NewInvoice>,
) -> Answer {
    let mut deed = Deed::begin(&web, sent.once).await?;
    let invoice = deed.change().create_invoice(customer.0, &sent.value).await?;
    deed.created(&invoice).await
}

/// List the invoices of a customer, newest first.
#[utoipa::path(
    get, path = "/customers/{customer}/invoices", tag = "invoices",
    params(("customer" = String, Path, description = "`cus_...`"), Part),
    responses((status = 200, description = "A page of them.", body = Page<InvoiceRow>), Failures)
)]
async fn list_invoices(
    State(web): State<Web>,
    Named(customer): Named<CustomerIdText>,
    Asked(part): Asked<Part>,
) -> Result<Page<InvoiceRow>, Problem> {
    web.store().customer(customer.0).await?;
    Page::cut(web.store().invoices(customer.0).await?, &part, |invoice| invoice.id.0.to_string())
}

/// How an invoice is paid.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Paying {
    /// Where the money comes from; `manual` if absent.
    #[serde(default)]
    source: Source,
    /// What the bank calls the payment, with `source: manual`.
    #[serde(default)]
    reference: String,
}

/// An invoice that was paid.
#[derive(Serialize, utoipa::ToSchema)]
struct PaidInvoice {
    /// The invoice.
    invoice: InvoiceRow,
    /// The payment.
    payment: PaymentRow,
}

/// Pay an open invoice.
#[utoipa::path(
    post, path = "/customers/{customer}/invoices/{invoice}/pay", tag = "invoices", request_body = Paying,
    params(
        ("customer" = String, Path, description = "`cus_...`"),
        ("invoice" = String, Path, description = "`inv_...`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses(
        (status = 200, description = "It is paid, and the next request is judged by it.", body = PaidInvoice),
        (status = 402, description = "The payment provider declined.", body = Members, content_type = "application/problem+json"),
        Failures
    )
)]
async fn pay_invoice(
    State(web): State<Web>,
    Named((customer, id)): Named<(CustomerIdText, InvoiceIdText)>,
    sent: Sent<Paying>,
) -> Answer {
    deed::not_done(&web, &sent.once).await?;
    let _lane = web.enter(customer.0).await;
    let invoices = web.store().invoices(customer.0).await?;
    let invoice = invoices.into_iter().find(|invoice| invoice.id == id);
    let invoice = invoice.ok_or_else(|| Problem::not_found("invoice", &id.0.to_string()))?;
    if invoice.status != InvoiceStatus::Open {
        return Err(Problem::conflict(format!("invoice {} is not open", invoice.number)).into());
    }
    let money = Money::new(invoice.amount.0, invoice.currency.0);
    let purpose = format!("Invoice {}", invoice.number);
    let bill = Bill { customer: customer.0, money, purpose, once: String::new() };
    let payment = sent.value.source.collect(&web, bill, &sent.value.reference, &sent.once).await?;
    let mut deed = Deed::begin(&web, sent.once).await?;
    let invoice = deed.change().pay_invoice(customer.0, id.0, &payment.provider).await?;
    deed.change().record_payment(&payment).await?;
    deed.done(&PaidInvoice { invoice, payment }).await
}
