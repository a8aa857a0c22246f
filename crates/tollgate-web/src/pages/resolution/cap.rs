//! Spend caps that customers set themselves.

use tollgate_core::catalogue::{CapPeriod, CapScope};
use tollgate_core::money::{Money, Nanos};
use tollgate_core::standing::CapState;
use tollgate_store::customers::CustomerPatch;
use tollgate_store::definition::{CapDefinition, CapPeriodDefinition, Text};
use tollgate_store::keys::KeyPolicy;

use crate::pages::done::Done;
use crate::pages::form::{Fields, Token};
use crate::pages::sheet::{Field, Sheet};
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;

/// The cap that stopped the request, as it stands now.
struct Reached {
    cap: CapState,
    /// The least that lets the request through.
    least: Nanos,
}

/// The cap that the caller was told of; or the fullest, if the plan does not disclose figures.
async fn reached(visit: &Visit) -> Result<Reached, Stop> {
    let incident = &visit.incident;
    let standing = visit.standing().await?;
    let told = |cap: &&CapState| {
        incident.text("/cap/scope") == Some(cap.cap.scope.name())
            && incident.text("/cap/period") == Some(cap.cap.period.name())
            && incident.text("/cap/scope_id").is_none_or(|id| id.is_empty() || id == scope_id(visit, cap.cap.scope))
    };
    let counted = |cap: &&CapState| match cap.cap.scope {
        CapScope::Customer => true,
        CapScope::Application(id) => incident.call.application.is_some_and(|application| application.0 == id),
        CapScope::Key(id) => incident.call.key.is_some_and(|key| key.0 == id),
    };
    let caps = standing.caps();
    let cap = caps.iter().find(told).or_else(|| caps.iter().filter(counted).min_by_key(|cap| cap.left()));
    let cap = cap.ok_or_else(|| Stop::Impossible("No cap stands in the way. Send your request again.".to_owned()))?;
    let required = incident.amount("/cap/required").unwrap_or(Nanos::ZERO);
    let least = cap.spent().saturating_plus(required).ceil_to_minor(visit.customer.currency.0);
    Ok(Reached { cap: *cap, least })
}

fn scope_id(visit: &Visit, scope: CapScope) -> String {
    match scope {
        CapScope::Customer => visit.id().to_string(),
        CapScope::Application(id) => id.to_string(),
        CapScope::Key(id) => id.to_string(),
    }
}

fn per(period: CapPeriod) -> &'static str {
    match period {
        CapPeriod::Day => "a day",
        CapPeriod::Month => "a month",
        CapPeriod::Total => "in total",
    }
}

pub(super) async fn sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let Reached { cap, least } = reached(visit).await?;
    let currency = visit.customer.currency.0;
    let money = |amount: Nanos| Money::new(amount, currency);
    let period = per(cap.cap.period);
    let text = vec![
        format!(
            "You allow {} {period} on this {}; {} of it is spent.",
            money(cap.cap.amount),
            cap.cap.scope.name(),
            money(cap.spent())
        ),
        "Raising the cap charges nothing; it only lets more be spent.".to_owned(),
    ];
    let suggested = least.max(cap.cap.amount.saturating_plus(cap.cap.amount));
    Ok(Sheet {
        fields: vec![Field::Amount {
            name: "amount",
            label: format!("New cap, {period}"),
            value: suggested.to_string(),
            currency: currency.to_string(),
            hint: format!("At least {} for this request.", money(least)),
        }],
        button: Some("Raise the cap".to_owned()),
        ..Sheet::notice("Raise the cap", text)
    })
}

pub(super) async fn act(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    visit.must_be_unrestricted()?;
    let Reached { cap, least } = reached(visit).await?;
    let currency = visit.customer.currency.0;
    let expected = || Stop::invalid("amount", "an amount such as 50.00");
    let amount: Nanos = fields.get("amount").parse().map_err(|_| expected())?;
    if amount < least {
        let least = Money::new(least, currency);
        return Err(Stop::invalid("amount", format!("at least {least}, or the request would be refused again")));
    }
    let period = match cap.cap.period {
        CapPeriod::Day => CapPeriodDefinition::Day,
        CapPeriod::Month => CapPeriodDefinition::Month,
        CapPeriod::Total => CapPeriodDefinition::Total,
    };
    let raised = |caps: &[CapDefinition]| {
        let mut caps = caps.to_vec();
        caps.iter_mut().filter(|cap| cap.period == period).for_each(|cap| cap.amount = Text(amount));
        caps
    };
    let store = visit.web.store();
    match cap.cap.scope {
        CapScope::Customer => {
            let caps = Some(raised(&visit.customer.caps));
            let mut change = visit.change().await?;
            change.update_customer(visit.id(), &CustomerPatch { caps, ..CustomerPatch::default() }).await?;
            done(visit, amount, cap.cap.period).commit(change, token).await
        }
        CapScope::Application(id) => {
            let caps = raised(&store.application(id).await?.caps);
            let mut change = visit.change().await?;
            change.set_application_caps(id, &caps).await?;
            done(visit, amount, cap.cap.period).commit(change, token).await
        }
        CapScope::Key(id) => {
            let key = store.key(id).await?;
            visit.must_outlast(&key)?;
            let policy = KeyPolicy { caps: raised(&key.policy.caps), ..key.policy };
            let mut change = visit.change().await?;
            change.update_key(id, &policy, key.expires_at.map(|at| at.0)).await?;
            done(visit, amount, cap.cap.period).commit(change, token).await
        }
    }
}

fn done(visit: &Visit, amount: Nanos, period: CapPeriod) -> Done {
    let money = Money::new(amount, visit.customer.currency.0);
    Done::new("Cap raised", vec![format!("Up to {money} {} may be spent now.", per(period))])
}
