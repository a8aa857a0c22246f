//! The payment method on file: adding one, replacing one, and paying with it what waits for it.

use super::debt::Debt;
use super::paying;
use crate::pages::done::Done;
use crate::pages::form::{Fields, Token};
use crate::pages::sheet::Sheet;
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;
use crate::payment;

pub(super) async fn sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let entering = paying::entering(visit);
    if entering.test_cards.is_empty() {
        return Err(Stop::Impossible("Cards cannot be entered on this page. Please contact support.".to_owned()));
    }
    let mut text = match payment::on_file(&visit.web, visit.id()).await? {
        Some(method) => vec![format!("On file is {}. The new card takes its place.", paying::shown(&method))],
        None => vec!["No card is on file yet.".to_owned()],
    };
    let debt = Debt::of(visit).await?;
    let button = if debt.blocks_subscription() {
        text.push(format!("{} is open; the new card is charged with it now.", debt.total));
        format!("Save the card and pay {}", debt.total)
    } else {
        text.push("Nothing is charged now.".to_owned());
        "Save the card".to_owned()
    };
    Ok(Sheet { payment: Some(entering), button: Some(button), ..Sheet::notice("Your card", text) })
}

pub(super) async fn act(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    let debt = Debt::of(visit).await?;
    let card = paying::entered_card(visit, fields)?;
    let shown = format!("The card ending {} is on file.", card.last4());
    if debt.blocks_subscription() {
        let paid = paying::pay(visit, fields, token, debt.price()).await?;
        let mut change = visit.change().await?;
        debt.settle(visit, &mut change, Some(&paid)).await?;
        paid.record(visit, &mut change).await?;
        let text = vec![shown, format!("{} was paid; nothing is open any more.", debt.total)];
        return Done::new("Card saved and charged", text).commit(change, token).await;
    }
    let method = paying::save(visit, card).await?;
    let mut change = visit.change().await?;
    change.add_payment_method(visit.id(), &method).await?;
    Done::new("Card saved", vec![shown]).commit(change, token).await
}
