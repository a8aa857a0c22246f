//! What ends a refusal. One file for what people do together: its `sheet` says what is asked, its `act`
//! does it. `act` runs while no other payment of the customer does, and commits one change.

mod access;
mod cap;
mod debt;
mod elsewhere;
mod key;
mod method;
mod paying;
mod plan;
mod purchase;
mod review;
mod wallet;

use tollgate_core::decision::Action;

use super::done::Done;
use super::form::{Fields, Token};
use super::order::Order;
use super::sheet::Sheet;
use super::stop::Stop;
use super::visit::Visit;
use plan::Intent;

/// What is asked for, besides the request that it is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// The plan or add-on that a link names.
    pub(crate) item: String,
}

/// The action whose id is `id`.
pub(crate) fn named(id: &str) -> Option<Action> {
    Action::ALL.iter().copied().find(|action| action.id() == id)
}

/// What the page of `action` asks.
pub(crate) async fn sheet(visit: &Visit, action: Action, wish: &Wish) -> Result<Sheet, Stop> {
    match action {
        Action::TopUp => wallet::top_up_sheet(visit).await,
        Action::PayRequest => wallet::pay_request_sheet(visit).await,
        Action::Subscribe => plan::sheet(visit, Intent::Subscribe, wish).await,
        Action::Renew => plan::sheet(visit, Intent::Renew, wish).await,
        Action::Upgrade => plan::sheet(visit, Intent::Upgrade, wish).await,
        Action::BuyAddOn => purchase::add_on_sheet(visit, wish).await,
        Action::AddPaymentMethod | Action::UpdatePaymentMethod => method::sheet(visit).await,
        Action::PayInvoice | Action::RetryPayment => debt::sheet(visit).await,
        Action::PayMinimum => debt::minimum_sheet(visit).await,
        Action::RaiseCap => cap::sheet(visit).await,
        Action::ChangeKey => key::change_sheet(visit).await,
        Action::CreateKey => key::create_sheet(visit).await,
        Action::RequestAccess => access::sheet(visit).await,
        Action::Verify => review::sheet(visit),
        Action::SendKey
        | Action::SmallerRequest
        | Action::Wait
        | Action::SetPrice
        | Action::Troubleshoot
        | Action::ContactSupport => {
            Ok(elsewhere::sheet(action, &visit.web, &visit.incident, Some(visit.customer.currency.0)))
        }
    }
}

/// What the page asks while nobody knows what became of `order`: to send it again, and nothing else.
pub(crate) fn repeat_sheet(visit: &Visit, order: &Order) -> Sheet {
    let payment = paying::entering_again(visit, order);
    Sheet {
        payment,
        button: Some("Send it again".to_owned()),
        ..Sheet::notice("Not confirmed yet", vec![order.sentence()])
    }
}

/// Does what was asked.
pub(crate) async fn act(visit: &Visit, action: Action, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    visit.must_be_open()?;
    match action {
        Action::TopUp => wallet::top_up(visit, fields, token).await,
        Action::PayRequest => wallet::pay_request(visit, fields, token).await,
        Action::Subscribe => plan::act(visit, Intent::Subscribe, fields, token).await,
        Action::Renew => plan::act(visit, Intent::Renew, fields, token).await,
        Action::Upgrade => plan::act(visit, Intent::Upgrade, fields, token).await,
        Action::BuyAddOn => purchase::buy_add_on(visit, fields, token).await,
        Action::AddPaymentMethod | Action::UpdatePaymentMethod => method::act(visit, fields, token).await,
        Action::PayInvoice | Action::RetryPayment => debt::act(visit, fields, token).await,
        Action::PayMinimum => debt::pay_minimum(visit, fields, token).await,
        Action::RaiseCap => cap::act(visit, fields, token).await,
        Action::ChangeKey => key::change(visit, fields, token).await,
        Action::CreateKey => key::create(visit, fields, token).await,
        Action::RequestAccess => access::act(visit, fields, token).await,
        Action::Verify => review::act(visit, token).await,
        Action::SendKey
        | Action::SmallerRequest
        | Action::Wait
        | Action::SetPrice
        | Action::Troubleshoot
        | Action::ContactSupport => Err(Stop::Impossible("There is nothing to send on this page.".to_owned())),
    }
}

/// What an action needs nobody's right for: it explains and changes nothing.
pub(crate) fn explanation(action: Action, web: &crate::Web, incident: &super::incident::Incident) -> Option<Sheet> {
    match action {
        Action::SendKey | Action::Wait | Action::SetPrice | Action::ContactSupport | Action::Troubleshoot => {
            Some(elsewhere::sheet(action, web, incident, None))
        }
        _ => None,
    }
}
