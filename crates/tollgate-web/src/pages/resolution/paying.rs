//! Paying on a page: with the payment method on file, or with a card that is entered.
//!
//! Cards are entered here in a sandbox only, and only test cards. A payment provider that moves real money
//! has a form of its own; card data never comes here.

use tollgate_core::money::{Money, Nanos};
use tollgate_payments::{Card, Instrument, Reply, TEST_CARDS};
use tollgate_store::Change;
use tollgate_store::definition::Text;
use tollgate_store::invoices::NewInvoice;
use tollgate_store::payments::{NewPaymentMethod, PaymentMethodRow, PaymentRow};

use crate::pages::form::{Fields, Token};
use crate::pages::order::{self, Order, Source};
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

/// What is asked of somebody who pays.
pub(super) struct Price<'a> {
    pub(super) money: Money,
    pub(super) purpose: &'a str,
    /// What the refused request misses, or what is owed already: a restricted key takes no more off the
    /// payment method on file.
    pub(super) needed: Nanos,
    pub(super) afterwards: Afterwards,
}

/// How the visitor can pay; `needed` as in [`Price`].
///
/// # Errors
/// [`Stop::Impossible`] where nothing can be paid.
pub(super) async fn ways(visit: &Visit, needed: Nanos) -> Result<Payment, Stop> {
    let now = visit.web.store().now();
    let on_file = payment::on_file(&visit.web, visit.id()).await?;
    let on_file = on_file.filter(|method| method.to_core().expires_at.is_none_or(|at| at > now));
    let note = on_file.as_ref().and_then(|_| restriction(visit, needed));
    let on_file = on_file.filter(|_| !visit.is_restricted() || needed.is_positive());
    let entering = entering(visit);
    if on_file.is_none() && entering.test_cards.is_empty() {
        let nothing = "Nothing can be paid on this page. Please contact support.";
        return Err(Stop::Impossible(note.unwrap_or_else(|| nothing.to_owned())));
    }
    Ok(Payment { on_file_chosen: on_file.is_some(), on_file: on_file.as_ref().map(shown), note, ..entering })
}

/// What the visitor's key may not pay with the payment method on file, in a sentence. A key that is
/// restricted sits in a program: who finds it there must not be able to spend its owner's money.
fn restriction(visit: &Visit, needed: Nanos) -> Option<String> {
    let money = Money::new(needed, visit.customer.currency.0);
    visit.is_restricted().then(|| match needed.is_positive() {
        true => format!(
            "The key that you signed in with is restricted: it pays up to {money} with the card on file, which is \
             what is missing."
        ),
        false => "The key that you signed in with is restricted: it cannot pay this with the card on file. Sign in \
                  with a key without restrictions."
            .to_owned(),
    })
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

/// How a card is entered again that `order` was paid with, if it was one.
pub(super) fn entering_again(visit: &Visit, order: &Order) -> Option<Payment> {
    let Source::Card { last4, .. } = order.from() else { return None };
    let mut payment = entering(visit);
    let (same, others): (Vec<_>, Vec<_>) =
        payment.test_cards.into_iter().partition(|card| card.number.ends_with(last4.as_str()));
    payment.test_cards = same.into_iter().chain(others).collect();
    Some(payment)
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

/// Takes what `price` says, once under the name of the form.
///
/// # Errors
/// [`Stop`] if the payment provider declines or does not answer, or if what was entered is no card.
pub(super) async fn pay(visit: &Visit, fields: &Fields, token: &Token, price: Price<'_>) -> Result<Paid, Stop> {
    let web = &visit.web;
    let Price { money, purpose, needed, afterwards } = price;
    let bill = Bill { customer: visit.id(), money, purpose: purpose.to_owned(), once: order::once(token) };
    let placed = Order::placed(web, token).await?;
    if placed.as_ref().is_some_and(|order| order.money() != money) {
        let detail =
            "What is open has changed since this form was sent, and it may have been paid. Please contact support.";
        return Err(Stop::Impossible(detail.to_owned()));
    }
    if fields.get("pay_with") == "on_file" {
        let reference = match placed.as_ref().map(Order::from) {
            Some(Source::OnFile(reference)) => reference.clone(),
            Some(Source::Card { .. }) | None => on_file(visit, money, needed).await?,
        };
        Order::new(money, purpose, Source::OnFile(reference.clone()), fields).place(web, token).await?;
        return Ok(Paid { payment: payment::take(web, &bill, Instrument::OnFile(reference)).await?, kept: None });
    }
    let card = entered_card(visit, fields)?;
    Order::new(money, purpose, Source::card(web, &card, fields), fields).place(web, token).await?;
    let payment = payment::take(web, &bill, Instrument::TestCard(card.clone())).await?;
    // Paid is paid: a card that cannot be kept is only not kept.
    let kept = match afterwards {
        Afterwards::Keep => save(visit, card).await.ok(),
        Afterwards::Forget => None,
    };
    Ok(Paid { payment, kept })
}

/// What the payment provider calls the payment method on file, if the visitor may charge it with `money`.
async fn on_file(visit: &Visit, money: Money, needed: Nanos) -> Result<String, Stop> {
    let web = &visit.web;
    if let Some(restriction) = restriction(visit, needed).filter(|_| money.amount > needed) {
        return Err(Stop::Impossible(restriction));
    }
    let nothing = || Stop::invalid("pay_with", "a card: there is no payment method on file");
    let method = payment::on_file(web, visit.id()).await?.ok_or_else(nothing)?;
    if method.to_core().expires_at.is_some_and(|at| at <= web.store().now()) {
        return Err(Stop::invalid("pay_with", "a card that is valid: the one on file has expired"));
    }
    Ok(method.provider_reference)
}

/// Takes the price of something that is bought: an invoice is made of it with [`Paid::book`]. `None` if it
/// costs nothing.
///
/// # Errors
/// As [`pay`], or [`Stop::Invalid`] if the books would refuse the invoice: it must not be paid first.
pub(super) async fn buy(
    visit: &Visit,
    fields: &Fields,
    token: &Token,
    (money, purpose): (Money, &str),
) -> Result<Option<Paid>, Stop> {
    if !money.amount.is_positive() {
        return Ok(None);
    }
    invoice(money.amount, purpose).check()?;
    // The refused request misses an offer and no amount: a restricted key buys none with the card on file.
    let price = Price { money, purpose, needed: Nanos::ZERO, afterwards: Afterwards::Keep };
    Ok(Some(pay(visit, fields, token, price).await?))
}

/// The invoice of what is paid at once.
fn invoice(amount: Nanos, purpose: &str) -> NewInvoice {
    NewInvoice { purpose: purpose.to_owned(), amount: Text(amount), due_at: None, grace_days: 0 }
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

    /// Books something that was paid at once: its invoice, and the payment.
    pub(super) async fn book(&self, visit: &Visit, change: &mut Change) -> Result<(), Stop> {
        let new = invoice(self.payment.amount.0, &self.payment.purpose);
        let invoice = change.create_invoice(visit.id(), &new).await?;
        change.pay_invoice(visit.id(), invoice.id.0, &self.payment.provider).await?;
        self.record(visit, change).await
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
