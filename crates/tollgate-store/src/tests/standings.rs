//! What a node reads when it meets a customer.

use tollgate_core::standing::SubscriptionState;

use super::engines::*;
use super::settling::{call, paying_customer};
use crate::StoreError;
use crate::customers::{CustomerPatch, SimulatedFault};
use crate::definition::{CapDefinition, CapPeriodDefinition, PlanDefinition, Text};
use crate::payments::NewPaymentMethod;
use crate::settlement::{CallEntry, Counter, CounterKind, Entry, counter_names};
use crate::subscriptions::{NewSubscription, State};

fn starter() -> PlanDefinition {
    serde_json::from_str(
        r#"{"key":"starter","name":"Starter","currency":"USD","trial_days":14,
            "quota":[{"id":"calls-month","meter":"calls","limit":1000,"period":"month","included":true}]}"#,
    )
    .unwrap()
}

fn on_plan(state: Option<State>) -> NewSubscription {
    NewSubscription { plan: "starter".to_owned(), plan_version: None, add_ons: Vec::new(), state, anchor_at: None }
}

#[test]
fn a_standing_holds_what_was_used_in_the_running_periods() {
    on_both(|bench| async move {
        let store = &bench.store;
        let who = paying_customer(store, "10").await;
        let mut change = store.change("admin").await.unwrap();
        change.publish(&starter()).await.unwrap();
        change.subscribe(who.customer, &on_plan(Some(State::Active))).await.unwrap();
        let cap = CapDefinition { amount: Text("20".parse().unwrap()), period: CapPeriodDefinition::Day };
        let patch = CustomerPatch { caps: Some(vec![cap]), ..CustomerPatch::default() };
        change.update_customer(who.customer, &patch).await.unwrap();
        change.commit().await.unwrap();

        let fresh = store.load_standing(who.customer).await.unwrap();
        let month = fresh.quotas[0].period;
        // November in Berlin begins at 23:00 UTC of the day before.
        assert_eq!(month.start.to_string(), "2026-10-31T23:00:00Z");
        let settler = store.start_settling(super::settling::settling(1)).await.unwrap();
        let cap = fresh.caps()[0];
        let cap_name = counter_names::cap(cap.cap.scope, cap.cap.period);
        let mut entry = call(store, &who, 2_000_000_000);
        entry.counters[0].period_start = month.start.unix_micros();
        let counters = vec![
            entry.counters[0].clone(),
            Counter {
                kind: CounterKind::Cap,
                name: &cap_name,
                period_start: cap.window.period.start.unix_micros(),
                quantity: 2_000_000_000,
                meter: "",
                crossed: 0,
                charged_nanos: 0,
                charged_picos: 0,
            },
        ];
        let _ = settler.submit(&Entry::Call(CallEntry { counters, ..entry }));
        store.fold().await.unwrap();

        let standing = store.load_standing(who.customer).await.unwrap();
        assert_eq!(standing.quotas[0].used, 1);
        assert_eq!(standing.caps()[0].spent().to_string(), "2.00");
        assert_eq!(standing.wallet.balance(NOW).0.to_string(), "8.00");
        let subscription = standing.subscription.unwrap();
        assert_eq!((&*subscription.plan.key, subscription.state), ("starter", SubscriptionState::Active));
    });
}

#[test]
fn a_plan_with_a_trial_begins_with_it_and_a_later_subscription_counts() {
    on_both(|bench| async move {
        let store = &bench.store;
        let who = paying_customer(store, "10").await;
        let mut change = store.change("admin").await.unwrap();
        change.publish(&starter()).await.unwrap();
        let trial = change.subscribe(who.customer, &on_plan(None)).await.unwrap();
        assert!(matches!(trial.state, State::Trialing { .. }));
        change.subscribe(who.customer, &on_plan(Some(State::Expired { ended_at: Text(NOW) }))).await.unwrap();
        change.commit().await.unwrap();
        let standing = store.load_standing(who.customer).await.unwrap();
        assert_eq!(standing.subscription.unwrap().state, SubscriptionState::Expired { ended_at: NOW });
        assert_eq!(store.subscriptions(who.customer).await.unwrap().len(), 2);
    });
}

#[test]
fn rare_facts_are_read_and_absent_ones_cost_nothing() {
    on_both(|bench| async move {
        let store = &bench.store;
        let who = paying_customer(store, "10").await;
        assert!(store.load_standing(who.customer).await.unwrap().rare.is_none());
        let mut change = store.change("admin").await.unwrap();
        let card = NewPaymentMethod {
            provider: "simulator".to_owned(),
            provider_reference: "pm_1".to_owned(),
            brand: "visa".to_owned(),
            last4: "4242".to_owned(),
            expires_year: Some(2026),
            expires_month: Some(10),
        };
        change.add_payment_method(who.customer, &card).await.unwrap();
        change.commit().await.unwrap();
        let standing = store.load_standing(who.customer).await.unwrap();
        let method = standing.rare.unwrap().payment_method.unwrap();
        assert_eq!(method.expires_at.unwrap().to_string(), "2026-11-01T00:00:00Z");
    });
}

#[test]
fn a_sandbox_customer_can_be_out_of_reach() {
    on_both(|bench| async move {
        let store = &bench.store;
        let who = paying_customer(store, "10").await;
        let mut change = store.change("admin").await.unwrap();
        let patch =
            CustomerPatch { simulated_fault: Some(Some(SimulatedFault::StoreUnavailable)), ..CustomerPatch::default() };
        change.update_customer(who.customer, &patch).await.unwrap();
        change.commit().await.unwrap();
        assert!(matches!(store.load_standing(who.customer).await, Err(StoreError::Unavailable(_))));
    });
}

/// After a restart every customer comes at once. Whoever waits for a second connection while holding one
/// would wait for ever.
#[test]
fn many_standings_are_read_at_the_same_time() {
    on_both(|bench| async move {
        let who = paying_customer(&bench.store, "10").await;
        let mut change = bench.store.change("admin").await.unwrap();
        change.publish(&starter()).await.unwrap();
        change.subscribe(who.customer, &on_plan(Some(State::Active))).await.unwrap();
        change.commit().await.unwrap();
        let bench = bench.reopened().await;

        let mut reading = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let store = bench.store.clone();
            reading.spawn(async move { store.load_standing(who.customer).await });
        }
        for standing in reading.join_all().await {
            assert!(standing.unwrap().subscription.is_some());
        }
    });
}
