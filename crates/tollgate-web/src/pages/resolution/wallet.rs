//! Prepaid money: a top-up, and the price of a single request.

use tollgate_core::money::{Money, Nanos};
use tollgate_store::definition::Text;
use tollgate_store::grants::{NewGrant, Origin};

use super::paying::{self, Afterwards, Price};
use crate::pages::done::Done;
use crate::pages::form::{Fields, Token};
use crate::pages::order::Order;
use crate::pages::sheet::{Field, Sheet};
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;

/// What is offered where nothing says how much is needed.
const USUAL: Nanos = Nanos::units(10);

/// What is in the wallet, and what the request needs.
struct Need {
    available: Nanos,
    /// The least that lets the request through; zero if nothing says so or enough is there.
    least: Nanos,
    required: Option<Money>,
}

async fn need(visit: &Visit) -> Result<Need, Stop> {
    let currency = visit.customer.currency.0;
    let (total, held) = visit.standing().await?.wallet.balance(visit.web.store().now());
    let available = total.saturating_minus(held);
    Ok(Need {
        available,
        least: visit.incident.missing(available, currency).unwrap_or(Nanos::ZERO),
        required: visit.incident.required(currency),
    })
}

impl Need {
    fn sentence(&self, visit: &Visit) -> String {
        let balance = Money::new(self.available, visit.customer.currency.0);
        match &self.required {
            Some(required) => format!("The balance is {balance}; the refused request needs {required}."),
            None => format!("The balance is {balance}."),
        }
    }
}

pub(super) async fn top_up_sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let need = need(visit).await?;
    let currency = visit.customer.currency.0;
    let amount = if need.least.is_positive() { need.least } else { USUAL };
    let hint = match need.least.is_positive() {
        true => {
            format!("At least {} for this request; more is kept for the next ones.", Money::new(need.least, currency))
        }
        false => "Any amount; it is kept for the next requests.".to_owned(),
    };
    Ok(Sheet {
        title: "Add credit".to_owned(),
        text: vec![need.sentence(visit)],
        code: Vec::new(),
        fields: vec![Field::Amount {
            name: "amount",
            label: "Amount".to_owned(),
            value: amount.to_string(),
            currency: currency.to_string(),
            hint,
        }],
        payment: Some(paying::ways(visit, need.least).await?),
        button: Some("Pay and add credit".to_owned()),
    })
}

pub(super) async fn top_up(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    let currency = visit.customer.currency.0;
    let expected = || "an amount such as 12.50".to_owned();
    let amount: Nanos = fields.get("amount").parse().map_err(|_| Stop::invalid("amount", expected()))?;
    let least = need(visit).await?.least;
    // What may have been paid is carried out, however things stand now.
    if amount < least && Order::placed(&visit.web, token).await?.is_none() {
        let least = Money::new(least, currency);
        return Err(Stop::invalid("amount", format!("at least {least}, or the request would be refused again")));
    }
    add(visit, fields, token, (amount, least)).await
}

pub(super) async fn pay_request_sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let need = need(visit).await?;
    if !need.least.is_positive() {
        let text = "The wallet covers this request. Send it again.";
        return Ok(Sheet::notice("Nothing to pay", vec![need.sentence(visit), text.to_owned()]));
    }
    let (price, currency) = (need.least, visit.customer.currency.0);
    Ok(Sheet {
        title: "Pay for this request".to_owned(),
        text: vec![
            need.sentence(visit),
            format!(
                "You pay {} into the wallet. The request takes it from there when it is sent again.",
                Money::new(price, currency)
            ),
        ],
        code: Vec::new(),
        fields: Vec::new(),
        payment: Some(paying::ways(visit, need.least).await?),
        button: Some(format!("Pay {}", Money::new(price, currency))),
    })
}

pub(super) async fn pay_request(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    let least = need(visit).await?.least;
    let amount = Order::placed(&visit.web, token).await?.map_or(least, |order| order.money().amount);
    if !amount.is_positive() {
        return Err(Stop::Impossible("The wallet covers this request. Send it again.".to_owned()));
    }
    add(visit, fields, token, (amount, least)).await
}

/// Pays `amount` into the wallet, of which the request needs `least`.
async fn add(visit: &Visit, fields: &Fields, token: &Token, (amount, least): (Nanos, Nanos)) -> Result<Done, Stop> {
    let web = &visit.web;
    let currency = visit.customer.currency.0;
    if amount.ceil_to_minor(currency) != amount {
        return Err(Stop::invalid("amount", "no fractions of the smallest coin"));
    }
    let new = NewGrant {
        amount: Text(amount),
        priority: 50,
        scope: Vec::new(),
        effective_at: None,
        expires_at: None,
        note: format!("paid on the page of {}", visit.incident.id),
    };
    // What the wallet would refuse must not be paid first.
    new.check(web.store().now())?;
    let money = Money::new(amount, currency);
    let price = Price { money, purpose: "Top-up", needed: least, afterwards: Afterwards::Forget };
    let paid = paying::pay(visit, fields, token, price).await?;
    let mut change = visit.change().await?;
    let origin = Origin::Paid { provider: &paid.payment.provider };
    change.add_grant(visit.id(), origin, &new).await?;
    paid.record(visit, &mut change).await?;
    Done::new(format!("{money} added"), vec!["It is in the wallet and can be spent at once.".to_owned()])
        .commit(change, token)
        .await
}
