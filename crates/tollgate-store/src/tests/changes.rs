//! Changes by administrators: checked, audited, told to the gateway, and whole or not at all.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tollgate_core::time::Timestamp;

use super::engines::*;
use crate::api_key::{Mode, Presented};
use crate::approvals::ApprovalStatus;
use crate::customers::{CommitmentDue, CustomerPatch, CustomerStatus};
use crate::definition::{AddOnDefinition, CapDefinition, CapPeriodDefinition, PlanDefinition, Text};
use crate::idempotency::StoredAnswer;
use crate::invoices::NewInvoice;
use crate::keys::{KeyPolicy, NewApiKey};
use crate::payments::{PaymentRow, PaymentStatus};
use crate::subscriptions::{NewSubscription, State};
use crate::{Refresh, StoreError, Touched};

fn plan(json: &str) -> PlanDefinition {
    serde_json::from_str(json).unwrap()
}

#[test]
fn customers_are_found_changed_and_audited() {
    on_both(|bench| async move {
        let (id, ..) = customer(&bench.store).await;
        let mut change = bench.store.change("admin").await.unwrap();
        let patch = CustomerPatch {
            name: Some("Acme & Söhne".to_owned()),
            status: Some(CustomerStatus::Closed),
            ..CustomerPatch::default()
        };
        change.update_customer(id, &patch).await.unwrap();
        change.commit().await.unwrap();
        let found = bench.store.customers("söhne", "", 10).await.unwrap();
        // SQLite's lower() knows ASCII only; the ASCII part of a name is found on both engines.
        let found = if found.is_empty() { bench.store.customers("ACME", "", 10).await.unwrap() } else { found };
        assert_eq!((found.len(), found[0].status), (1, CustomerStatus::Closed));
        let audit = bench.store.audit(Some(&id.to_string()), None, 10).await.unwrap();
        let actions: Vec<&str> = audit.iter().map(|(_, entry)| entry.action.as_str()).collect();
        assert_eq!(actions, ["customer.update", "customer.create"]);
        assert_eq!(audit[0].1.before.as_ref().unwrap()["name"], "Acme");
        assert_eq!(audit[0].1.after.as_ref().unwrap()["name"], "Acme & Söhne");
    });
}

#[test]
fn a_change_that_is_dropped_has_not_happened() {
    on_both(|bench| async move {
        let (id, ..) = customer(&bench.store).await;
        let mut change = bench.store.change("admin").await.unwrap();
        let patch = CustomerPatch { name: Some("Other".to_owned()), ..CustomerPatch::default() };
        change.update_customer(id, &patch).await.unwrap();
        drop(change);
        assert_eq!(bench.store.customer(id).await.unwrap().name, "Acme");
    });
}

#[test]
fn bad_input_names_the_field_and_what_was_expected() {
    on_both(|bench| async move {
        let (id, application, _) = customer(&bench.store).await;
        let mut change = bench.store.change("admin").await.unwrap();
        let cap = CapDefinition { amount: Text("-1".parse().unwrap()), period: CapPeriodDefinition::Day };
        let errors = [
            change
                .update_customer(
                    id,
                    &CustomerPatch { time_zone: Some("Mars/Olympus".to_owned()), ..Default::default() },
                )
                .await
                .unwrap_err(),
            change
                .update_customer(id, &CustomerPatch { email: Some("nobody".to_owned()), ..Default::default() })
                .await
                .unwrap_err(),
            change
                .update_customer(id, &CustomerPatch { caps: Some(vec![cap]), ..Default::default() })
                .await
                .unwrap_err(),
            change
                .create_key(
                    application,
                    Mode::Live,
                    &NewApiKey {
                        name: "x".to_owned(),
                        policy: KeyPolicy { networks: vec!["10.0.0.0/99".to_owned()], ..Default::default() },
                        expires_at: None,
                    },
                )
                .await
                .unwrap_err(),
        ];
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "time_zone: expected an IANA time zone such as Europe/Berlin",
                "email: expected an e-mail address such as billing@example.com",
                "caps[0].amount: expected an amount of 0 or more",
                "policy.networks[0]: expected an address or network such as 203.0.113.7 or 2001:db8::/32",
            ]
        );
    });
}

#[test]
fn debts_are_amounts_that_can_be() {
    on_both(|bench| async move {
        let (id, ..) = customer(&bench.store).await;
        let mut change = bench.store.change("admin").await.unwrap();
        let due = |minimum: &str| CommitmentDue {
            minimum: Text(minimum.parse().unwrap()),
            paid: Text("0".parse().unwrap()),
            due_at: Text(NOW),
        };
        for minimum in ["-1", "1000000.01"] {
            let patch = CustomerPatch { commitment: Some(Some(due(minimum))), ..CustomerPatch::default() };
            let error = change.update_customer(id, &patch).await.unwrap_err();
            assert!(matches!(error, StoreError::Invalid { field, .. } if field == "commitment.minimum"));
        }
        change.publish(&plan(r#"{"key":"starter","name":"Starter","currency":"USD"}"#)).await.unwrap();
        let state = State::PastDue {
            since: Text(NOW),
            grace_until: Text(NOW),
            amount_due: Text("-1".parse().unwrap()),
            attempts: 1,
            code: String::new(),
        };
        let new = NewSubscription {
            plan: "starter".to_owned(),
            plan_version: None,
            add_ons: Vec::new(),
            state: Some(state),
            anchor_at: None,
        };
        let error = change.subscribe(id, &new).await.unwrap_err();
        assert_eq!(error.to_string(), "state.amount_due: expected an amount of 0 to 1000000");
        let unknown = serde_json::from_str::<State>(r#"{"status":"canceled","ended_at":"2026-11-01T00:00:00Z","x":1}"#);
        assert!(unknown.unwrap_err().to_string().contains("unknown field `x`"));
    });
}

#[test]
fn a_key_is_recognised_until_it_is_revoked_and_its_secret_is_nowhere() {
    on_both(|bench| async move {
        let (id, application, _) = customer(&bench.store).await;
        let mut change = bench.store.change("admin").await.unwrap();
        let new = NewApiKey { name: "ci".to_owned(), policy: KeyPolicy::default(), expires_at: None };
        let (key, text) = change.create_key(application, Mode::Live, &new).await.unwrap();
        change.commit().await.unwrap();
        let presented = Presented::parse(&text).unwrap();
        let record = bench.store.key_record(presented.public_id).await.unwrap().unwrap();
        assert!(presented.matches(&record.secret_hash));
        assert_eq!((record.key.customer.0, record.key.application.0), (id, application));
        assert!(record.key.revoked_at.is_none());
        assert_eq!(bench.store.key(key.id.0).await.unwrap(), record.key);

        let mut change = bench.store.change("admin").await.unwrap();
        change.revoke_key(key.id.0).await.unwrap();
        change.commit().await.unwrap();
        let record = bench.store.key_record(presented.public_id).await.unwrap().unwrap();
        assert_eq!(record.key.revoked_at, Some(Text(NOW)));
        let secret = &text[text.len() - 49..];
        let audit = bench.store.audit(None, None, 100).await.unwrap();
        assert!(!format!("{audit:?}").contains(secret), "the secret is not in the audit trail");
    });
}

#[test]
fn published_definitions_get_versions_and_the_same_one_does_not() {
    on_both(|bench| async move {
        let first = plan(r#"{"key":"pro","name":"Pro","currency":"USD","base_price":"49.00"}"#);
        let dearer = PlanDefinition { base_price: Text("59".parse().unwrap()), ..first.clone() };
        let mut versions = Vec::new();
        for definition in [&first, &first, &dearer, &first] {
            let mut change = bench.store.change("admin").await.unwrap();
            versions.push(change.publish(definition).await.unwrap().version);
            change.commit().await.unwrap();
        }
        assert_eq!(versions, [1, 1, 2, 3]);
        assert_eq!(bench.store.plan("pro", Some(2)).await.unwrap().base_price.to_string(), "59.00");
        assert_eq!(bench.store.plan("pro", None).await.unwrap().version, 3);
        let mut change = bench.store.change("admin").await.unwrap();
        change.retire::<PlanDefinition>("pro").await.unwrap();
        change.commit().await.unwrap();
        assert!(bench.store.published::<PlanDefinition>().await.unwrap().is_empty());
        assert_eq!(bench.store.plan("pro", Some(1)).await.unwrap().version, 1, "who bought it keeps it");
    });
}

#[test]
fn add_ons_are_kept_as_sold_and_sold_in_the_customers_currency() {
    on_both(|bench| async move {
        let (id, ..) = customer(&bench.store).await;
        let add_on = |key: &str, currency: &str| -> AddOnDefinition {
            let json = format!(r#"{{"key":"{key}","name":"Export","currency":"{currency}","price":"9"}}"#);
            serde_json::from_str(&json).unwrap()
        };
        let on = |plan: &str, add_ons: &[&str]| NewSubscription {
            plan: plan.to_owned(),
            plan_version: None,
            add_ons: add_ons.iter().map(|&key| key.to_owned()).collect(),
            state: None,
            anchor_at: None,
        };
        let mut change = bench.store.change("admin").await.unwrap();
        change.publish(&plan(r#"{"key":"starter","name":"Starter","currency":"USD"}"#)).await.unwrap();
        change.publish(&plan(r#"{"key":"pro","name":"Pro","currency":"USD"}"#)).await.unwrap();
        change.publish(&add_on("export", "USD")).await.unwrap();
        change.publish(&add_on("foreign", "EUR")).await.unwrap();
        change.subscribe(id, &on("starter", &[])).await.unwrap();
        change.buy_add_on(id, "export").await.unwrap();
        let foreign = change.buy_add_on(id, "foreign").await.unwrap_err();
        assert!(matches!(foreign, StoreError::Invalid { field, .. } if field == "add_on"));
        // It is not on sale any more, and whoever has it takes it along.
        change.retire::<AddOnDefinition>("export").await.unwrap();
        let moved = change.subscribe(id, &on("pro", &["export"])).await.unwrap();
        assert_eq!(moved.add_ons[0].version, 1);
        change.commit().await.unwrap();
    });
}

#[test]
fn payments_are_listed_page_by_page() {
    on_both(|bench| async move {
        let store = &bench.store;
        let (id, ..) = customer(store).await;
        let mut change = store.change("admin").await.unwrap();
        for amount in ["1", "2", "3"] {
            bench.clock.advance(std::time::Duration::from_secs(1));
            let payment = PaymentRow {
                id: Text(store.mint()),
                customer: Text(id),
                provider: "manual".to_owned(),
                provider_reference: String::new(),
                purpose: "Top-up".to_owned(),
                amount: Text(amount.parse().unwrap()),
                currency: Text(tollgate_core::money::Currency::USD),
                status: PaymentStatus::Succeeded,
                decline_code: None,
                created_at: Text(store.now()),
            };
            change.record_payment(&payment).await.unwrap();
        }
        change.commit().await.unwrap();
        let first = store.payments(id, None, 2).await.unwrap();
        let rest = store.payments(id, Some(first[1].id.0), 2).await.unwrap();
        let amounts: Vec<String> = first.iter().chain(&rest).map(|payment| payment.amount.0.to_string()).collect();
        assert_eq!(amounts, ["3.00", "2.00", "1.00"]);
    });
}

#[test]
fn approvals_open_an_api_to_an_application() {
    on_both(|bench| async move {
        let (_, application, _) = customer(&bench.store).await;
        let mut change = bench.store.change("customer").await.unwrap();
        change.request_access(application, "partner", "please").await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(bench.store.approvals(Some(ApprovalStatus::Pending)).await.unwrap().len(), 1);
        let mut change = bench.store.change("admin").await.unwrap();
        change.decide_access(application, "partner", ApprovalStatus::Approved, "ada").await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(bench.store.approved_apis(application).await.unwrap(), ["partner"]);
        let mut change = bench.store.change("customer").await.unwrap();
        let again = change.request_access(application, "partner", "").await;
        assert!(matches!(again, Err(StoreError::Conflict(_))));
    });
}

#[test]
fn invoice_numbers_have_no_gaps_and_payments_close_them() {
    on_both(|bench| async move {
        let (id, ..) = customer(&bench.store).await;
        let new = NewInvoice {
            purpose: "Plan Pro".to_owned(),
            amount: Text("49".parse().unwrap()),
            due_at: None,
            grace_days: 3,
        };
        let mut change = bench.store.change("admin").await.unwrap();
        change.create_invoice(id, &new).await.unwrap();
        drop(change);
        let mut change = bench.store.change("admin").await.unwrap();
        let first = change.create_invoice(id, &new).await.unwrap();
        let second = change.create_invoice(id, &new).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!((first.number.as_str(), second.number.as_str()), ("INV-2026-0001", "INV-2026-0002"));
        let mut change = bench.store.change("customer").await.unwrap();
        change.pay_invoice(id, first.id.0, "simulator").await.unwrap();
        change.commit().await.unwrap();
        let mut change = bench.store.change("customer").await.unwrap();
        let twice = change.pay_invoice(id, first.id.0, "simulator").await.unwrap_err();
        assert_eq!(twice.to_string(), "invoice INV-2026-0001 is paid");
        drop(change);
        assert!(bench.store.verify().await.unwrap().is_sound());
    });
}

#[test]
fn what_is_sold_can_be_invoiced() {
    on_both(|bench| async move {
        let mut change = bench.store.change("admin").await.unwrap();
        let dear = plan(r#"{ "key": "a", "name": "A", "currency": "USD", "base_price": "1000000.01" }"#);
        let refused = change.publish(&dear).await.unwrap_err();
        assert_eq!(refused.to_string(), "base_price: expected an amount of 0 to 1000000");
        for name in [String::new(), "two\nlines".to_owned(), "x".repeat(121)] {
            let refused = change.publish(&PlanDefinition { name, ..plan(GOOD_PLAN) }).await.unwrap_err();
            assert_eq!(refused.to_string(), "name: expected 1 to 120 characters without control characters");
        }
        change.publish(&PlanDefinition { name: "x".repeat(120), ..plan(GOOD_PLAN) }).await.unwrap();
        let add_on: AddOnDefinition =
            serde_json::from_str(r#"{ "key": "a", "name": "A", "currency": "USD", "price": "1000001" }"#).unwrap();
        let refused = change.publish(&add_on).await.unwrap_err();
        assert_eq!(refused.to_string(), "price: expected an amount of 0 to 1000000");
        let unnamed = AddOnDefinition { name: " ".to_owned(), price: Text("5".parse().unwrap()), ..add_on };
        assert!(change.publish(&unnamed).await.unwrap_err().to_string().starts_with("name: expected"));
    });
}

const GOOD_PLAN: &str = r#"{ "key": "a", "name": "A", "currency": "USD", "base_price": "1000000" }"#;

#[test]
fn a_payment_is_booked_once() {
    on_both(|bench| async move {
        let (id, ..) = customer(&bench.store).await;
        let payment = |reference: &str| PaymentRow {
            id: Text(bench.store.mint()),
            customer: Text(id),
            provider: "simulator".to_owned(),
            provider_reference: reference.to_owned(),
            purpose: "Top-up".to_owned(),
            amount: Text("5".parse().unwrap()),
            currency: Text("USD".parse().unwrap()),
            status: PaymentStatus::Succeeded,
            decline_code: None,
            created_at: Text(NOW),
        };
        let mut change = bench.store.change("payments").await.unwrap();
        for unnamed in ["", "", "ch_1"] {
            change.record_payment(&payment(unnamed)).await.unwrap();
        }
        change.commit().await.unwrap();
        let mut change = bench.store.change("payments").await.unwrap();
        let twice = change.record_payment(&payment("ch_1")).await.unwrap_err();
        assert_eq!(twice.to_string(), "payment ch_1 of simulator is booked already");
        assert!(matches!(twice, StoreError::Conflict(_)));
    });
}

#[test]
fn a_setting_that_is_made_once_is_the_same_for_all() {
    on_both(|bench| async move {
        let (one, other) = tokio::join!(bench.store.setting_once("key", "a"), bench.store.setting_once("key", "b"));
        let made = one.unwrap();
        assert_eq!(made, other.unwrap());
        assert_eq!(bench.store.setting_once("key", "c").await.unwrap(), made);
        assert_eq!(bench.store.setting("key").await.unwrap(), Some(made));
    });
}

#[test]
fn an_answer_is_stored_with_its_effect_and_belongs_to_one_request() {
    on_both(|bench| async move {
        let answer = StoredAnswer { status: 201, body: "{}".to_owned() };
        let mut change = bench.store.change("admin").await.unwrap();
        change.store_answer("admin", "k1", "f1", &answer).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(bench.store.stored_answer("admin", "k1", "f1").await.unwrap(), Some(answer.clone()));
        assert_eq!(bench.store.stored_answer("other", "k1", "f1").await.unwrap(), None);
        assert!(matches!(bench.store.stored_answer("admin", "k1", "f2").await, Err(StoreError::Conflict(_))));
        let mut change = bench.store.change("admin").await.unwrap();
        assert!(matches!(change.store_answer("admin", "k1", "f1", &answer).await, Err(StoreError::Conflict(_))));
    });
}

#[derive(Default)]
struct Heard(Mutex<Vec<Touched>>);

impl Refresh for Heard {
    fn refresh(&self, touched: Touched) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(touched);
        Box::pin(std::future::ready(()))
    }
}

#[test]
fn the_gateway_hears_of_a_change_before_it_is_acknowledged() {
    on_both(|bench| async move {
        let heard = Arc::new(Heard::default());
        bench.store.set_refresh(Arc::clone(&heard) as _);
        let (id, ..) = customer(&bench.store).await;
        top_up(&bench.store, id, "5").await;
        let heard = heard.0.lock().unwrap();
        assert_eq!(heard.len(), 2);
        assert_eq!(heard[0].keys.len(), 1);
        assert_eq!(heard[1], Touched { customers: vec![id], ..Touched::default() });
        assert!(NOW < Timestamp::MAX);
    });
}
