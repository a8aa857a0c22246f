//! Plans: choosing one, renewing one, moving to a larger one. The period begins anew and is paid at once.

use tollgate_core::money::{Money, Nanos};
use tollgate_core::time::Timestamp;
use tollgate_store::definition::PlanDefinition;
use tollgate_store::subscriptions::{NewSubscription, State, SubscriptionRow, SuspendedByName};

use super::debt::Debt;
use super::{Wish, paying, purchase};
use crate::pages::done::Done;
use crate::pages::form::{Fields, Token};
use crate::pages::order::Order;
use crate::pages::sheet::{Choice, Field, Sheet};
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;

/// What somebody wants with a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Subscribe,
    Renew,
    Upgrade,
}

/// A plan that can be chosen.
struct Candidate {
    definition: PlanDefinition,
    version: u32,
    /// Whether its first days are free.
    has_trial: bool,
}

impl Candidate {
    /// Names plan and version, so that what is bought is what was shown.
    fn value(&self) -> String {
        format!("{}@{}", self.definition.key, self.version)
    }

    fn price(&self) -> Money {
        let currency = self.definition.currency.0;
        let price = if self.has_trial { Nanos::ZERO } else { self.definition.base_price.0.ceil_to_minor(currency) };
        Money::new(price, currency)
    }

    fn note(&self) -> String {
        let PlanDefinition { currency, base_price, period, trial_days, .. } = &self.definition;
        let each = match (base_price.0.is_positive(), period.split_once(' ')) {
            (false, _) => "free".to_owned(),
            (true, None) => format!("{} a {period}", Money::new(base_price.0, currency.0)),
            (true, Some(_)) => format!("{} for {period}", Money::new(base_price.0, currency.0)),
        };
        if self.has_trial { format!("{trial_days} days free, then {each}") } else { each }
    }
}

/// The plans that answer `intent`; those that end the refusal come first, if it says which.
async fn candidates(visit: &Visit, intent: Intent, current: Option<&SubscriptionRow>) -> Result<Vec<Candidate>, Stop> {
    let store = visit.web.store();
    if let (Intent::Renew, Some(current)) = (intent, current) {
        // Who renews keeps what was sold, also if it is not on sale any more.
        let sold = store.item::<PlanDefinition>(&current.plan, Some(current.plan_version)).await?;
        return Ok(vec![Candidate { definition: sold.definition, version: sold.version, has_trial: false }]);
    }
    let ending = visit.incident.offered("/plan/allows", "plan");
    let mut found: Vec<Candidate> = store
        .published::<PlanDefinition>()
        .await?
        .into_iter()
        .filter(|plan| plan.definition.on_sale && plan.definition.currency == visit.customer.currency)
        .filter(|plan| intent != Intent::Upgrade || current.is_none_or(|current| current.plan != plan.definition.key))
        .filter(|plan| ending.is_empty() || ending.contains(&plan.definition.key.as_str()))
        .map(|plan| Candidate {
            has_trial: plan.definition.trial_days > 0 && current.is_none(),
            definition: plan.definition,
            version: plan.version,
        })
        .collect();
    found.sort_by_key(|candidate| candidate.definition.base_price.0);
    Ok(found)
}

/// Whether somebody in `state` is served.
fn gives_access(state: &State, now: Timestamp) -> bool {
    match state {
        State::Active => true,
        State::Trialing { ends_at } => ends_at.0 > now,
        State::PastDue { grace_until, .. } => grace_until.0 > now,
        State::Suspended { .. } | State::Expired { .. } | State::Canceled { .. } => false,
    }
}

/// Whoever opens a link that somebody else has followed already does not pay a second time.
fn must_be_needed(visit: &Visit, intent: Intent, current: Option<&SubscriptionRow>) -> Result<(), Stop> {
    let now = visit.web.store().now();
    match (intent, current) {
        (Intent::Subscribe | Intent::Renew, Some(current)) if gives_access(&current.state, now) => {
            let detail = format!("Already done: plan {} gives access. Send the request again.", current.plan);
            Err(Stop::Impossible(detail))
        }
        _ => Ok(()),
    }
}

/// A change of plan does not make anybody forget what is open.
async fn must_owe_nothing(visit: &Visit, current: Option<&SubscriptionRow>) -> Result<(), Stop> {
    if Debt::of(visit).await?.blocks_subscription() {
        let detail = format!("First pay what is open: /r/{}/pay_invoice", visit.incident.id);
        return Err(Stop::Impossible(detail));
    }
    match current.map(|current| &current.state) {
        Some(State::Suspended { by: SuspendedByName::Operator, .. }) => {
            Err(Stop::Impossible("The operator has suspended the subscription. Please contact support.".to_owned()))
        }
        _ => Ok(()),
    }
}

async fn current(visit: &Visit) -> Result<Option<SubscriptionRow>, Stop> {
    Ok(visit.web.store().subscriptions(visit.id()).await?.into_iter().next())
}

pub(super) async fn sheet(visit: &Visit, intent: Intent, wish: &Wish) -> Result<Sheet, Stop> {
    let current = current(visit).await?;
    must_owe_nothing(visit, current.as_ref()).await?;
    must_be_needed(visit, intent, current.as_ref())?;
    let candidates = candidates(visit, intent, current.as_ref()).await?;
    if candidates.is_empty() {
        let text = "No plan on sale would end this refusal. Please contact support.";
        return Ok(Sheet::notice("No such plan", vec![text.to_owned()]));
    }
    // Without a wish, the plan that was there before, if it can be chosen.
    let before = current.as_ref().map_or("", |current| &current.plan);
    let wish = if wish.item.is_empty() { before } else { &wish.item };
    let wished = candidates.iter().position(|candidate| candidate.definition.key == wish).unwrap_or(0);
    let options = candidates.iter().enumerate().map(|(index, candidate)| Choice {
        value: candidate.value(),
        label: candidate.definition.name.clone(),
        note: candidate.note(),
        chosen: index == wished,
    });
    let (title, button) = match intent {
        Intent::Subscribe => ("Choose a plan", "Start the plan"),
        Intent::Renew => ("Renew the subscription", "Renew"),
        Intent::Upgrade => ("Upgrade the plan", "Upgrade"),
    };
    let mut text = vec!["A new billing period begins today, and its price is paid now.".to_owned()];
    if intent == Intent::Upgrade {
        text.push("What was used of a quota counts on in the new plan. Add-ons are kept.".to_owned());
    }
    let costs = candidates.iter().any(|candidate| candidate.price().amount.is_positive());
    Ok(Sheet {
        title: title.to_owned(),
        text,
        code: Vec::new(),
        fields: vec![Field::Choice { name: "plan", label: "Plan".to_owned(), options: options.collect() }],
        payment: if costs { Some(paying::ways(visit, Nanos::ZERO).await?) } else { None },
        button: Some(button.to_owned()),
    })
}

pub(super) async fn act(visit: &Visit, intent: Intent, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    let current = current(visit).await?;
    let chosen = match Order::placed(&visit.web, token).await? {
        Some(_) => ordered(visit, fields.get("plan")).await?,
        None => chosen(visit, intent, current.as_ref(), fields.get("plan")).await?,
    };
    let add_ons = current.map_or_else(Vec::new, |current| current.add_ons);
    let new = NewSubscription {
        plan: chosen.definition.key.clone(),
        plan_version: Some(chosen.version),
        add_ons: add_ons.into_iter().map(|add_on| add_on.key).collect(),
        // A trial is for who comes first; afterwards a period is paid.
        state: (!chosen.has_trial).then_some(State::Active),
        anchor_at: None,
    };
    let (price, purpose) = (chosen.price(), format!("Plan {}", chosen.definition.name));
    let paid = paying::buy(visit, fields, token, (price, &purpose)).await?;
    let mut change = visit.change().await?;
    if let Some(paid) = &paid {
        paid.book(visit, &mut change).await?;
    }
    change.subscribe(visit.id(), &new).await?;
    let text = vec![format!("You are on plan {} from now on.", chosen.definition.name), purchase::receipt(price)];
    Done::new(purpose, text).commit(change, token).await
}

/// The plan called `name`, of those that can be chosen now.
async fn chosen(
    visit: &Visit,
    intent: Intent,
    current: Option<&SubscriptionRow>,
    name: &str,
) -> Result<Candidate, Stop> {
    must_owe_nothing(visit, current).await?;
    must_be_needed(visit, intent, current)?;
    let candidates = candidates(visit, intent, current).await?;
    let chosen = candidates.into_iter().find(|candidate| candidate.value() == name);
    chosen.ok_or_else(|| Stop::invalid("plan", "one of the plans as they are on sale now"))
}

/// The plan called `name` that may have been paid: it is carried out, however things stand now.
async fn ordered(visit: &Visit, name: &str) -> Result<Candidate, Stop> {
    let (key, version) = purchase::named(name).ok_or(Stop::Outdated)?;
    let sold = visit.web.store().item::<PlanDefinition>(key, Some(version)).await?;
    Ok(Candidate { definition: sold.definition, version: sold.version, has_trial: false })
}
