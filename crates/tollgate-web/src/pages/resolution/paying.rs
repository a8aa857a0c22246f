//! Paying on a page: with the payment method on file, or with a card that is entered.
//!
//! Cards are entered here in a sandbox only, and only test cards. A payment provider that moves real money
//! has a form of its own; card data never comes here.

use tollgate_core::money::Money;
use tollgate_payments::{Card, Instrument, Reply, TEST_CARDS};
use tollgate_store::Change;
use tollgate_store::definition::Text;
use tollgate_store::invoices::NewInvoice;
use tollgate_store::payments::{NewPaymentMethod, PaymentMethodRow, PaymentRow};

use crate::pages::form::{Fields, Token};
use crate::pages::sheet::{Payment, ShownCard};
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;
use crate::payment::{self, Bill};

/// Whether a card that is entered is kept for the next payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Afterwards {
    Keep,
    Forget,
}

/// A payment that was taken, to be written down with what it is for.
pub(super) struct Paid {
    pub(super) payment: PaymentRow,
    kept: Option<NewPaymentMethod>,
}

/// How the visitor can pay.
///
/// # Errors
/// [`Stop::Impossible`] where nothing can be paid.
pub(super) async fn ways(visit: &Visit) -> Result<Payment, Stop> {
    let now = visit.web.store().now();
    let on_file = payment::on_file(&visit.web, visit.id()).await?;
    let on_file = on_file.filter(|method| method.to_core().expires_at.is_none_or(|at| at > now));
    let entering = entering(visit);
    if on_file.is_none() && entering.test_cards.is_empty() {
        return Err(Stop::Impossible("Nothing can be paid on this page. Please contact support.".to_owned()));
    }
    Ok(Payment { on_file_chosen: on_file.is_some(), on_file: on_file.as_ref().map(shown), ..entering })
}

/// How a card can be entered.
pub(super) fn entering(visit: &Visit) -> Payment {
    let takes_cards = visit.web.is_sandbox() && visit.web.payments().is_some();
    let cards = TEST_CARDS.iter().map(|card| ShownCard { number: gapped(card.number), does: card.does });
    Payment {
        test_cards: if takes_cards { cards.collect() } else { Vec::new() },
        card_expires: "12/34".to_owned(),
        ..Payment::default()
    }
}

/// A card number in groups, as it stands on the card.
fn gapped(number: &str) -> String {
    let groups: Vec<&str> = match number.len() {
        15 => vec![&number[..4], &number[4..10], &number[10..]],
        _ => (0..number.len()).step_by(4).map(|at| &number[at..(at + 4).min(number.len())]).collect(),
    };
    groups.join(" ")
}

/// What may be shown of a payment method.
pub(super) fn shown(method: &PaymentMethodRow) -> String {
    let expires = method.expires_year.zip(method.expires_month);
    let until = expires.map_or_else(String::new, |(year, month)| format!(", valid until {month:02}/{year}"));
    format!("{} ending {}{until}", brand(&method.brand), method.last4)
}

fn brand(brand: &str) -> &str {
    match brand {
        "visa" => "Visa",
        "mastercard" => "Mastercard",
        "amex" => "American Express",
        other => other,
    }
}

/// The card that was entered.
///
/// # Errors
/// [`Stop::Invalid`] naming the field, without what was entered.
pub(super) fn entered_card(visit: &Visit, fields: &Fields) -> Result<Card, Stop> {
    if !visit.web.is_sandbox() {
        return Err(Stop::invalid("pay_with", "the payment method on file: cards are not entered here"));
    }
    Card::parse(fields.get("card_number"), fields.get("card_expires"))
        .map_err(|bad| Stop::invalid(bad.field, bad.expected))
}

/// Takes `money`, once under the name of the form.
///
/// # Errors
/// [`Stop`] if the payment provider declines or does not answer, or if what was entered is no card.
pub(super) async fn pay(
    visit: &Visit,
    fields: &Fields,
    token: &Token,
    (money, purpose): (Money, &str),
    afterwards: Afterwards,
) -> Result<Paid, Stop> {
    let web = &visit.web;
    let bill =
        Bill { customer: visit.id(), money, purpose: purpose.to_owned(), once: format!("page {}", token.nonce()) };
    if fields.get("pay_with") == "on_file" {
        let nothing = || Stop::invalid("pay_with", "a card: there is no payment method on file");
        let method = payment::on_file(web, visit.id()).await?.ok_or_else(nothing)?;
        if method.to_core().expires_at.is_some_and(|at| at <= web.store().now()) {
            return Err(Stop::invalid("pay_with", "a card that is valid: the one on file has expired"));
        }
        let from = Instrument::OnFile(method.provider_reference);
        return Ok(Paid { payment: payment::take(web, &bill, from).await?, kept: None });
    }
    let card = entered_card(visit, fields)?;
    let payment = payment::take(web, &bill, Instrument::TestCard(card.clone())).await?;
    // Paid is paid: a card that cannot be kept is only not kept.
    let kept = match afterwards {
        Afterwards::Keep => save(visit, card).await.ok(),
        Afterwards::Forget => None,
    };
    Ok(Paid { payment, kept })
}

/// Lets the payment provider keep a card.
///
/// # Errors
/// [`Stop`] if it declines or does not answer.
pub(super) async fn save(visit: &Visit, card: Card) -> Result<NewPaymentMethod, Stop> {
    let provider = visit.web.payments().ok_or(payment::NotPaid::NoProvider)?;
    match provider.save_method(&Instrument::TestCard(card)).await {
        Reply::Done(saved) => Ok(NewPaymentMethod {
            provider: provider.name().to_owned(),
            provider_reference: saved.reference,
            brand: saved.brand,
            last4: saved.last4,
            expires_year: saved.expires.map(|(year, _)| year),
            expires_month: saved.expires.map(|(_, month)| month),
        }),
        Reply::Declined(decline) => Err(Stop::Declined(decline)),
        Reply::Unknown => Err(Stop::PaymentUnknown),
    }
}

impl Paid {
    /// Writes the payment down, and the card that is kept.
    pub(super) async fn record(&self, visit: &Visit, change: &mut Change) -> Result<(), Stop> {
        if let Some(kept) = &self.kept {
            change.add_payment_method(visit.id(), kept).await?;
        }
        Ok(change.record_payment(&self.payment).await?)
    }

    /// Books a purchase that was paid at once: an invoice, and its payment.
    pub(super) async fn book(&self, visit: &Visit, change: &mut Change, money: Money) -> Result<(), Stop> {
        let new = NewInvoice {
            purpose: self.payment.purpose.clone(),
            amount: Text(money.amount),
            due_at: None,
            grace_days: 0,
        };
        let invoice = change.create_invoice(visit.id(), &new).await?;
        change.pay_invoice(visit.id(), invoice.id.0, &self.payment.provider).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_as_on_the_card() {
        assert_eq!(gapped("4242424242424242"), "4242 4242 4242 4242");
        assert_eq!(gapped("378282246310005"), "3782 822463 10005");
    }
}
