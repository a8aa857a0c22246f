//! Add-ons, bought singly.

use tollgate_core::money::{Money, Nanos};
use tollgate_store::catalogue::Versioned;
use tollgate_store::definition::AddOnDefinition;

use super::Wish;
use super::paying;
use crate::pages::done::Done;
use crate::pages::form::{Fields, Token};
use crate::pages::order::Order;
use crate::pages::sheet::{Choice, Field, Sheet};
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;

/// What was paid, in a sentence.
pub(super) fn receipt(price: Money) -> String {
    if price.amount.is_positive() { format!("{price} was paid.") } else { "Nothing was charged.".to_owned() }
}

/// The add-ons that end the refusal, or all that there are if it does not say which.
async fn candidates(visit: &Visit) -> Result<Vec<Versioned<AddOnDefinition>>, Stop> {
    let store = visit.web.store();
    let subscription = store.subscriptions(visit.id()).await?.into_iter().next();
    let Some(subscription) = subscription else {
        return Err(Stop::Impossible("An add-on needs a plan, and there is none yet.".to_owned()));
    };
    let ending = visit.incident.offered("/plan/addons", "addon");
    let mut found = store.published::<AddOnDefinition>().await?;
    found.retain(|add_on| {
        let key = &add_on.definition.key;
        add_on.definition.currency == visit.customer.currency
            && subscription.add_ons.iter().all(|had| had.key != *key)
            && (ending.is_empty() || ending.contains(&key.as_str()))
    });
    found.sort_by_key(|add_on| add_on.definition.price.0);
    Ok(found)
}

fn value(add_on: &Versioned<AddOnDefinition>) -> String {
    format!("{}@{}", add_on.definition.key, add_on.version)
}

fn price(add_on: &AddOnDefinition) -> Money {
    Money::new(add_on.price.0.ceil_to_minor(add_on.currency.0), add_on.currency.0)
}

pub(super) async fn add_on_sheet(visit: &Visit, wish: &Wish) -> Result<Sheet, Stop> {
    let candidates = candidates(visit).await?;
    if candidates.is_empty() {
        let text = "You have every add-on that would end this refusal. Send your request again.";
        return Ok(Sheet::notice("Nothing to add", vec![text.to_owned()]));
    }
    let wished = candidates.iter().position(|add_on| add_on.definition.key == wish.item).unwrap_or(0);
    let options = candidates.iter().enumerate().map(|(index, add_on)| Choice {
        value: value(add_on),
        label: add_on.definition.name.clone(),
        note: format!("{} a billing period", price(&add_on.definition)),
        chosen: index == wished,
    });
    Ok(Sheet {
        title: "Buy an add-on".to_owned(),
        text: vec!["It comes on top of your plan, and is paid now.".to_owned()],
        code: Vec::new(),
        fields: vec![Field::Choice { name: "add_on", label: "Add-on".to_owned(), options: options.collect() }],
        payment: Some(paying::ways(visit, Nanos::ZERO).await?),
        button: Some("Buy".to_owned()),
    })
}

pub(super) async fn buy_add_on(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    let definition = match Order::placed(&visit.web, token).await? {
        Some(_) => ordered(visit, fields.get("add_on")).await?,
        None => chosen(visit, fields.get("add_on")).await?,
    };
    let (price, purpose) = (price(&definition), format!("Add-on {}", definition.name));
    let paid = paying::buy(visit, fields, token, (price, &purpose)).await?;
    let mut change = visit.change().await?;
    if let Some(paid) = &paid {
        paid.book(visit, &mut change).await?;
    }
    change.buy_add_on(visit.id(), &definition.key).await?;
    let text = vec![format!("{} is yours from now on.", definition.name), receipt(price)];
    Done::new(purpose, text).commit(change, token).await
}

/// The add-on called `name`, of those that are offered.
async fn chosen(visit: &Visit, name: &str) -> Result<AddOnDefinition, Stop> {
    let chosen = candidates(visit).await?.into_iter().find(|add_on| value(add_on) == name);
    let expected = || Stop::invalid("add_on", "one of the add-ons as they are on sale now");
    Ok(chosen.ok_or_else(expected)?.definition)
}

/// The add-on called `name` that may have been paid: it is carried out, however things stand now.
async fn ordered(visit: &Visit, name: &str) -> Result<AddOnDefinition, Stop> {
    let (key, version) = named(name).ok_or(Stop::Outdated)?;
    Ok(visit.web.store().item(key, Some(version)).await?.definition)
}

/// Key and version in the value of a choice.
pub(super) fn named(value: &str) -> Option<(&str, u32)> {
    let (key, version) = value.rsplit_once('@')?;
    Some((key, version.parse().ok()?))
}
