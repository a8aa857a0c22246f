//! What is owed: overdue invoices, a failed renewal, the rest of a minimum.

use tollgate_core::money::{Money, Nanos};
use tollgate_store::Change;
use tollgate_store::customers::{CommitmentDue, CustomerPatch};
use tollgate_store::definition::Text;
use tollgate_store::invoices::{InvoiceRow, InvoiceStatus, NewInvoice};
use tollgate_store::subscriptions::{State, SubscriptionRow, SuspendedByName};

use super::paying::{self, Afterwards, Paid, Price};
use crate::pages::done::Done;
use crate::pages::form::{Fields, Token};
use crate::pages::sheet::Sheet;
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;

/// What a customer owes.
pub(super) struct Debt {
    /// Invoices to be paid, oldest first.
    invoices: Vec<InvoiceRow>,
    /// What a subscription waits for and no invoice says.
    rest: Nanos,
    /// Both, in whole minor units.
    pub(super) total: Money,
    subscription: Option<SubscriptionRow>,
}

/// What has to be paid for a subscription before it gives access again.
fn due(state: &State) -> Nanos {
    match state {
        State::PastDue { amount_due, .. } => amount_due.0,
        State::Suspended { amount_due, by: SuspendedByName::Dunning, .. } => amount_due.0,
        State::Suspended { by: SuspendedByName::Operator | SuspendedByName::Customer, .. }
        | State::Trialing { .. }
        | State::Active
        | State::Expired { .. }
        | State::Canceled { .. } => Nanos::ZERO,
    }
}

/// Whether access stopped in a way that ends when everything is paid.
const fn waits_for_payment(state: &State) -> bool {
    matches!(
        state,
        State::PastDue { .. } | State::Suspended { by: SuspendedByName::Dunning | SuspendedByName::Customer, .. }
    )
}

impl Debt {
    pub(super) async fn of(visit: &Visit) -> Result<Self, Stop> {
        let store = visit.web.store();
        let (now, currency) = (store.now(), visit.customer.currency.0);
        let subscription = store.subscriptions(visit.id()).await?.into_iter().next();
        let due = subscription.as_ref().map_or(Nanos::ZERO, |subscription| due(&subscription.state));
        let mut invoices = store.invoices(visit.id()).await?;
        invoices.retain(|invoice| invoice.status == InvoiceStatus::Open);
        invoices.reverse();
        if !due.is_positive() && invoices.iter().any(|invoice| invoice.blocks_at.0 <= now) {
            invoices.retain(|invoice| invoice.blocks_at.0 <= now);
        }
        let invoiced: Nanos = invoices.iter().map(|invoice| invoice.amount.0).sum();
        let total = invoiced.max(due).ceil_to_minor(currency);
        Ok(Self { invoices, rest: total.saturating_minus(invoiced), total: Money::new(total, currency), subscription })
    }

    /// What has to be paid for the subscription alone.
    pub(super) fn blocks_subscription(&self) -> bool {
        self.subscription.as_ref().is_some_and(|subscription| due(&subscription.state).is_positive())
    }

    /// What is asked of somebody who pays all of it.
    pub(super) const fn price(&self) -> Price<'static> {
        let (money, purpose, needed) = (self.total, "Open invoices", self.total.amount);
        Price { money, purpose, needed, afterwards: Afterwards::Keep }
    }

    fn sentences(&self) -> Vec<String> {
        let mut text: Vec<String> = self
            .invoices
            .iter()
            .map(|invoice| {
                let money = Money::new(invoice.amount.0, invoice.currency.0);
                format!("Invoice {} ({}): {money}.", invoice.number, invoice.purpose)
            })
            .collect();
        if self.rest.is_positive() {
            let rest = Money::new(self.rest, self.total.currency);
            text.push(format!("Open for the subscription: {rest}."));
        }
        text
    }

    /// Pays everything with `paid`, and gives access back.
    pub(super) async fn settle(&self, visit: &Visit, change: &mut Change, paid: Option<&Paid>) -> Result<(), Stop> {
        if let Some(Paid { payment, .. }) = paid {
            for invoice in &self.invoices {
                change.pay_invoice(visit.id(), invoice.id.0, &payment.provider).await?;
            }
            if self.rest.is_positive() {
                let plan = self.subscription.as_ref().map_or("", |subscription| &subscription.plan);
                let purpose = format!("Subscription {plan}");
                let new = NewInvoice { purpose, amount: Text(self.rest), due_at: None, grace_days: 0 };
                let invoice = change.create_invoice(visit.id(), &new).await?;
                change.pay_invoice(visit.id(), invoice.id.0, &payment.provider).await?;
            }
        }
        if self.subscription.as_ref().is_some_and(|subscription| waits_for_payment(&subscription.state)) {
            change.set_subscription_state(visit.id(), &State::Active).await?;
        }
        Ok(())
    }

    fn suspended_by(&self) -> Option<SuspendedByName> {
        match self.subscription.as_ref()?.state {
            State::Suspended { by, .. } => Some(by),
            State::Trialing { .. }
            | State::Active
            | State::PastDue { .. }
            | State::Expired { .. }
            | State::Canceled { .. } => None,
        }
    }
}

pub(super) async fn sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let debt = Debt::of(visit).await?;
    let has_debt = debt.total.amount.is_positive();
    let mut sheet = match (has_debt, debt.suspended_by()) {
        (false, Some(SuspendedByName::Customer)) => Sheet {
            button: Some("Resume the subscription".to_owned()),
            ..Sheet::notice(
                "Resume the subscription",
                vec!["The subscription is paused, and nothing is open.".to_owned()],
            )
        },
        (false, Some(SuspendedByName::Operator)) => return Ok(by_operator()),
        (false, _) => {
            return Ok(Sheet::notice(
                "Nothing is open",
                vec!["Everything is paid. Send your request again.".to_owned()],
            ));
        }
        (true, _) => Sheet {
            payment: Some(paying::ways(visit, debt.total.amount).await?),
            button: Some(format!("Pay {}", debt.total)),
            ..Sheet::notice(&format!("Pay {}", debt.total), debt.sentences())
        },
    };
    if debt.suspended_by() == Some(SuspendedByName::Operator) {
        sheet.text.push("The operator has suspended access as well; only they can lift that.".to_owned());
    }
    Ok(sheet)
}

fn by_operator() -> Sheet {
    let text =
        "The operator of this API has suspended the subscription. Only they can lift it; please contact support.";
    Sheet::notice("Suspended by the operator", vec![text.to_owned()])
}

pub(super) async fn act(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    let debt = Debt::of(visit).await?;
    let is_paused = debt.suspended_by() == Some(SuspendedByName::Customer);
    if !debt.total.amount.is_positive() && !is_paused {
        return Err(Stop::Impossible("Nothing is open.".to_owned()));
    }
    let paid = match debt.total.amount.is_positive() {
        true => Some(paying::pay(visit, fields, token, debt.price()).await?),
        false => None,
    };
    let mut change = visit.change().await?;
    debt.settle(visit, &mut change, paid.as_ref()).await?;
    if let Some(paid) = &paid {
        paid.record(visit, &mut change).await?;
    }
    let (title, text) = match &paid {
        Some(_) => (format!("{} paid", debt.total), "Nothing is open any more, and access is back."),
        None => ("Resumed".to_owned(), "The subscription runs again."),
    };
    Done::new(title, vec![text.to_owned()]).commit(change, token).await
}

/// The rest of the minimum of a period.
fn minimum(visit: &Visit) -> Option<(CommitmentDue, Money)> {
    let currency = visit.customer.currency.0;
    let due = visit.customer.commitment?;
    let rest = due.minimum.0.saturating_minus(due.paid.0).ceil_to_minor(currency);
    rest.is_positive().then(|| (due, Money::new(rest, currency)))
}

pub(super) async fn minimum_sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let Some((due, rest)) = minimum(visit) else {
        return Ok(Sheet::notice("Nothing is open", vec!["The minimum is paid. Send your request again.".to_owned()]));
    };
    let (minimum, paid) = (Money::new(due.minimum.0, rest.currency), Money::new(due.paid.0, rest.currency));
    Ok(Sheet {
        payment: Some(paying::ways(visit, rest.amount).await?),
        button: Some(format!("Pay {rest}")),
        ..Sheet::notice(
            &format!("Pay {rest}"),
            vec![format!("{minimum} were agreed for this period, and {paid} were paid.")],
        )
    })
}

pub(super) async fn pay_minimum(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    let (due, rest) = minimum(visit).ok_or_else(|| Stop::Impossible("The minimum is paid.".to_owned()))?;
    let purpose = "Rest of the period's minimum";
    let price = Price { money: rest, purpose, needed: rest.amount, afterwards: Afterwards::Keep };
    let paid = paying::pay(visit, fields, token, price).await?;
    let mut change = visit.change().await?;
    paid.book(visit, &mut change).await?;
    let commitment = Some(Some(CommitmentDue { paid: due.minimum, ..due }));
    change.update_customer(visit.id(), &CustomerPatch { commitment, ..CustomerPatch::default() }).await?;
    Done::new(format!("{rest} paid"), vec!["The minimum of this period is paid.".to_owned()])
        .commit(change, token)
        .await
}
