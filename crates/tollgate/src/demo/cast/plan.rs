//! 402: the subscription, what it includes, and what was paid for it.

use std::time::Duration;

use tollgate_core::decision::Reason;
use tollgate_core::money::Nanos;
use tollgate_core::time::Timestamp;
use tollgate_store::StoreError;
use tollgate_store::customers::{CommitmentDue, CustomerPatch};
use tollgate_store::definition::Text;
use tollgate_store::invoices::NewInvoice;
use tollgate_store::subscriptions::{State, SuspendedByName};

use super::super::stage::Card;
use super::{Cast, Request, Scenario, Stage, call};

pub(super) async fn cast(stage: &mut Stage, cast: &mut Cast) -> Result<(), StoreError> {
    subscriptions(stage, cast).await?;
    payment_methods(stage, cast).await?;
    bills(stage, cast).await?;
    entitlements(stage, cast).await
}

async fn subscriptions(stage: &mut Stage, cast: &mut Cast) -> Result<(), StoreError> {
    let newcomer = stage.customer("Newcomer").await?;
    cast.scenarios.push(Scenario::refused(
        Reason::SubscriptionRequired,
        "there is a key, and no plan yet",
        call().with(&newcomer.key),
    ));

    let last_week = Text(days_before(stage.now, 7));
    for (reason, name, plan, story, state) in [
        (
            Reason::SubscriptionExpired,
            "Lapsed",
            "starter",
            "the subscription was not renewed",
            State::Expired { ended_at: last_week },
        ),
        (
            Reason::SubscriptionSuspended,
            "Suspended",
            "starter",
            "an invoice stayed unpaid for too long",
            State::Suspended { since: last_week, by: SuspendedByName::Dunning, amount_due: Text(Nanos::units(19)) },
        ),
        (Reason::TrialEnded, "Tryout", "basic", "fourteen days are over", State::Trialing { ends_at: last_week }),
    ] {
        let actor = stage.customer(name).await?;
        stage.subscribe(&actor, plan, Some(state)).await?;
        stage.credit(&actor, "10.00").await?;
        cast.scenarios.push(Scenario::refused(reason, story, call().with(&actor.key)));
    }
    Ok(())
}

async fn payment_methods(stage: &mut Stage, cast: &mut Cast) -> Result<(), StoreError> {
    let cardless = stage.subscriber("Cardless", "business").await?;
    cast.scenarios.push(Scenario::refused(
        Reason::PaymentMethodRequired,
        "the plan is paid by card, and there is none",
        call().with(&cardless.key),
    ));

    let outdated = stage.subscriber("Outdated", "business").await?;
    stage.card(&outdated, Card::EXPIRED).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::PaymentMethodExpired,
        "the card on file has expired",
        call().with(&outdated.key),
    ));

    let declined = stage.customer("Declined").await?;
    stage.card(&declined, Card::DECLINED).await?;
    let state = State::PastDue {
        since: Text(days_before(stage.now, 9)),
        grace_until: Text(days_before(stage.now, 2)),
        amount_due: Text(Nanos::units(19)),
        attempts: 3,
        code: "card_declined".to_owned(),
    };
    stage.subscribe(&declined, "starter", Some(state)).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::PaymentFailed,
        "the card was declined three times, and the grace period is over",
        call().with(&declined.key),
    ));
    Ok(())
}

async fn bills(stage: &mut Stage, cast: &mut Cast) -> Result<(), StoreError> {
    let overdue = stage.subscriber("Overdue", "business").await?;
    stage.card(&overdue, Card::GOOD).await?;
    let invoice = NewInvoice {
        purpose: "Use in the last month".to_owned(),
        amount: Text(Nanos::units(240)),
        due_at: Some(Text(days_before(stage.now, 30))),
        grace_days: 14,
    };
    stage.change.create_invoice(overdue.customer, &invoice).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::InvoiceOverdue,
        "an invoice was due a month ago",
        call().with(&overdue.key),
    ));

    let committed = stage.subscriber("Committed", "business").await?;
    stage.card(&committed, Card::GOOD).await?;
    let commitment = CommitmentDue {
        minimum: Text(Nanos::units(1_000)),
        paid: Text(Nanos::units(600)),
        due_at: Text(days_before(stage.now, 1)),
    };
    let patch = CustomerPatch { commitment: Some(Some(commitment)), ..CustomerPatch::default() };
    stage.change.update_customer(committed.customer, &patch).await?;
    cast.scenarios.push(Scenario::refused(
        Reason::MinimumPaymentDue,
        "$1,000 a period were agreed, $600 were paid",
        call().with(&committed.key),
    ));
    Ok(())
}

async fn entitlements(stage: &mut Stage, cast: &mut Cast) -> Result<(), StoreError> {
    let frugal = stage.subscriber("Frugal", "starter").await?;
    cast.scenarios.push(Scenario::refused(
        Reason::FeatureNotInPlan,
        "exporting comes with larger plans or an add-on",
        Request::get("/export").with(&frugal.key),
    ));
    cast.scenarios.push(Scenario::refused(
        Reason::ModelNotInPlan,
        "the plan has the small models",
        Request::chat("sandbox-large", "What is a lighthouse?", 100).with(&frugal.key),
    ));
    let novel = "It was a dark and stormy night. ".repeat(1_200);
    cast.scenarios.push(Scenario::refused(
        Reason::ContextWindowExceedsPlan,
        "the prompt is longer than the plan's 8,192 tokens",
        Request::chat("sandbox-small", &novel, 100).with(&frugal.key),
    ));
    cast.scenarios.push(Scenario::refused(
        Reason::ModelNotPriced,
        "nobody set a price for the model, and nothing is given away by mistake",
        Request::chat("sandbox-preview", "What is a lighthouse?", 100).with(&frugal.key),
    ));
    Ok(())
}

fn days_before(now: Timestamp, days: u64) -> Timestamp {
    now - Duration::from_secs(days * 86_400)
}
