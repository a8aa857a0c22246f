//! The pages that end refusals: what they ask, what they do, and that they do it once.

use http::StatusCode;
use serde_json::{Value, json};
use tollgate_core::decision::Reason;
use tollgate_core::standing::SubscriptionState;

use super::bench::*;
use super::visitor::*;

#[test]
fn every_reason_has_a_page_whose_first_action_has_one_too() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        for &reason in Reason::ALL {
            let is_anonymous = reason.status() == 401;
            let who = if is_anonymous { None } else { Some(&buyer) };
            let request = shop.refused(who, reason, json!({})).await;
            let page = shop.get(&format!("/r/{request}")).await;
            assert_eq!(page.status, StatusCode::OK, "{reason}");
            assert!(page.text.contains(reason.title()) && page.text.contains(&request), "{reason}");
            let first = reason.actions()[0];
            let url = format!("/r/{request}/{}", first.id());
            assert!(page.text.contains(&url) || page.text.contains("mailto:"), "{reason} links to {url}");
            for action in reason.actions() {
                let page = shop.get(&format!("/r/{request}/{}", action.id())).await;
                let is_anonymous_form = is_anonymous && page.status == StatusCode::UNAUTHORIZED;
                assert!(page.status == StatusCode::OK || is_anonymous_form, "{reason} {}: {}", action.id(), page.text);
                assert!(page.text.contains("<h1>"), "{reason} {}", action.id());
            }
            let docs = shop.get(&format!("/docs/errors/{reason}")).await;
            assert_eq!(docs.status, StatusCode::OK, "{reason}");
        }
    });
}

#[test]
fn a_top_up_covers_what_is_missing_and_is_paid_once() {
    on_both(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let short = json!({
            "required": { "amount": "5.005", "currency": "USD" }, "shortfall": { "amount": "5.01", "currency": "USD" },
        });
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, short).await;
        let url = format!("/r/{request}/top_up");
        let form = shop.form(&url).await;
        assert_eq!(form.value("amount"), "5.01", "rounded up to what can be paid");

        let too_little = shop.send(&url, &form.with("amount", "5")).await;
        assert_eq!(too_little.status, 400);
        assert!(too_little.text.contains("Amount: expected at least USD 5.01"), "{}", too_little.text);
        assert!(too_little.text.contains("aria-invalid"));

        // Twice at the same time, and once more.
        let form = shop.form(&url).await;
        let (one, other) = tokio::join!(shop.send(&url, &form), shop.send(&url, &form));
        let third = shop.send(&url, &form.with("amount", "900")).await;
        for reply in [one, other, third] {
            assert_eq!(reply.status, 200, "{}", reply.text);
            assert!(reply.text.contains("USD 5.01 added"), "{}", reply.text);
        }
        assert_eq!(shop.balance(&buyer).await, "5.01");
        let payments = bench.get(&format!("/customers/{}/payments", buyer.id)).await;
        assert_eq!(payments["data"].as_array().unwrap().len(), 1);
        let audit = bench.get("/audit?limit=1").await;
        assert_eq!(audit["data"][0]["actor"], "visitor");
        assert_eq!(bench.get("/ledger/check").await["sound"], true);
        assert!(!shop.get(&url).await.text.contains("mistyped"));
    });
}

#[test]
fn a_declined_card_says_why_and_another_one_pays() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let price = json!({ "required": { "amount": "0.25", "currency": "USD" } });
        let request = shop.refused(Some(&buyer), Reason::PaymentRequired, price).await;
        let url = format!("/r/{request}/pay_request");
        let form = shop.form(&url).await.with("card_number", "4000 0000 0000 9995");
        let declined = shop.send(&url, &form).await;
        assert_eq!(declined.status, 402);
        assert!(declined.text.contains("The card has insufficient funds."), "{}", declined.text);
        assert!(!declined.text.contains("value=\"4000 0000 0000 9995\" required"), "the number is not put in again");
        assert_eq!(shop.balance(&buyer).await, "0.00");

        let live = shop.send(&url, &shop.form(&url).await.with("card_number", "4111111111111111")).await;
        assert!(live.text.contains("Only test cards work here"), "{}", live.text);
        let wrong = shop.send(&url, &shop.form(&url).await.with("card_expires", "soon")).await;
        assert!(wrong.status == 400 && wrong.text.contains("Card expires: expected the month"), "{}", wrong.text);

        let paid = shop.send(&url, &Form::of(&wrong.text)).await;
        assert_eq!(paid.status, 400, "what was entered is still there");
        let paid = shop.send(&url, &Form::of(&declined.text).with("card_number", "4242424242424242")).await;
        assert_eq!(paid.status, 200, "{}", paid.text);
        assert_eq!(shop.balance(&buyer).await, "0.25");
        let again = shop.get(&url).await;
        assert!(again.text.contains("Nothing to pay"), "{}", again.text);
    });
}

#[test]
fn plans_are_chosen_renewed_and_upgraded_for_their_price() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let newcomer = shop.newcomer().await;
        let request = shop.refused(Some(&newcomer), Reason::SubscriptionRequired, json!({})).await;
        let url = format!("/r/{request}/subscribe");
        let page = shop.get(&url).await.text;
        assert!(page.contains("14 days free, then USD 9.00 a month"), "{page}");
        assert!(!page.contains("hidden-plan"), "what is not on sale is not offered");
        let form = shop.form(&url).await;
        let unknown = shop.send(&url, &form.with("plan", "pro@77")).await;
        assert!(unknown.status == 400 && unknown.text.contains("Plan: expected"), "{}", unknown.text);
        let started = shop.send(&url, &shop.form(&url).await.with("plan", "basic@1")).await;
        assert_eq!(started.status, 200, "{}", started.text);
        assert!(started.text.contains("Nothing was charged."));
        assert!(matches!(shop.state(&newcomer).await, SubscriptionState::Trialing { .. }));

        let allows = json!({ "plan": { "allows": [{ "plan": "pro", "name": "Pro" }] } });
        let request = shop.refused(Some(&newcomer), Reason::QuotaExceeded, allows).await;
        let url = format!("/r/{request}/upgrade?to=pro");
        let form = shop.form(&url).await;
        assert_eq!(form.value("plan"), "pro@1");
        let upgraded = shop.send(&url, &form).await;
        assert!(upgraded.text.contains("USD 99.00 was paid."), "{}", upgraded.text);
        assert!(matches!(shop.state(&newcomer).await, SubscriptionState::Active));

        let methods = bench.get(&format!("/customers/{}/payment-methods", newcomer.id)).await;
        assert_eq!(methods["data"][0]["last4"], "4242", "the card is kept for the next period");

        let lapsed = shop.buyer("starter").await;
        shop.set_state(&lapsed, json!({ "status": "expired", "ended_at": "2026-11-01T00:00:00Z" })).await;
        let request = shop.refused(Some(&lapsed), Reason::SubscriptionExpired, json!({})).await;
        let renewed = shop.fill_in(&format!("/r/{request}/renew")).await;
        assert!(renewed.text.contains("USD 19.00 was paid."), "{}", renewed.text);
        assert!(matches!(shop.state(&lapsed).await, SubscriptionState::Active));
        assert_eq!(bench.get("/ledger/check").await["sound"], true);
    });
}

#[test]
fn an_add_on_is_bought_singly() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let offers = json!({ "plan": { "addons": [{ "addon": "export" }] } });
        let request = shop.refused(Some(&buyer), Reason::FeatureNotInPlan, offers).await;
        let url = format!("/r/{request}/buy_addon?addon=export");
        let bought = shop.fill_in(&url).await;
        assert!(bought.text.contains("USD 9.00 was paid."), "{}", bought.text);
        let subscriptions = bench.get(&format!("/customers/{}/subscriptions", buyer.id)).await;
        assert_eq!(subscriptions["data"][0]["add_ons"][0]["key"], "export");
        assert!(shop.get(&url).await.text.contains("Nothing to add"));
    });
}

#[test]
fn what_is_owed_is_paid_and_access_comes_back() {
    on_both(|bench| async move {
        let shop = Shop::open(&bench).await;
        let overdue = shop.buyer("starter").await;
        let invoices = format!("/customers/{}/invoices", overdue.id);
        bench.post(&invoices, json!({ "purpose": "October", "amount": "40", "due_at": "2026-11-01T00:00:00Z" })).await;
        bench.post(&invoices, json!({ "purpose": "Later", "amount": "7", "due_at": "2027-11-01T00:00:00Z" })).await;
        let request = shop.refused(Some(&overdue), Reason::InvoiceOverdue, json!({})).await;
        let paid = shop.fill_in(&format!("/r/{request}/pay_invoice")).await;
        assert!(paid.text.contains("USD 40.00 paid"), "{}", paid.text);
        let after = bench.get(&invoices).await;
        let status: Vec<&Value> = after["data"].as_array().unwrap().iter().map(|invoice| &invoice["status"]).collect();
        assert_eq!(status, ["open", "paid"], "what is not due yet stays open");

        let failed = shop.buyer("starter").await;
        let past_due = json!({
            "status": "past_due", "since": "2026-11-01T00:00:00Z", "grace_until": "2026-11-08T00:00:00Z",
            "amount_due": "19", "attempts": 3, "code": "generic_decline",
        });
        shop.set_state(&failed, past_due).await;
        let request = shop.refused(Some(&failed), Reason::PaymentFailed, json!({})).await;
        let plans = shop.get(&format!("/r/{request}/subscribe")).await.text;
        assert!(plans.contains("First pay what is open"), "nobody leaves a debt behind: {plans}");
        let url = format!("/r/{request}/update_payment_method");
        let later = shop.form(&url).await.with("card_number", "4000000000000341");
        assert_eq!(shop.send(&url, &later).await.status, 402, "a card that cannot be charged ends nothing");
        let saved = shop.fill_in(&url).await;
        assert!(saved.text.contains("USD 19.00 was paid"), "{}", saved.text);
        assert!(matches!(shop.state(&failed).await, SubscriptionState::Active));

        let suspended = shop.buyer("starter").await;
        let by = |by: &str, due: &str| json!({ "status": "suspended", "since": "2026-11-01T00:00:00Z", "by": by, "amount_due": due });
        shop.set_state(&suspended, by("operator", "0")).await;
        let request = shop.refused(Some(&suspended), Reason::SubscriptionSuspended, json!({})).await;
        let url = format!("/r/{request}/pay_invoice");
        assert!(shop.get(&url).await.text.contains("Suspended by the operator"));
        shop.set_state(&suspended, by("customer", "0")).await;
        assert_eq!(shop.fill_in(&url).await.status, 200);
        shop.set_state(&suspended, by("dunning", "19")).await;
        assert!(shop.fill_in(&url).await.text.contains("USD 19.00 paid"));
        assert!(matches!(shop.state(&suspended).await, SubscriptionState::Active));
        assert!(shop.get(&url).await.text.contains("Everything is paid"));
        assert_eq!(bench.get("/ledger/check").await["sound"], true);
    });
}

#[test]
fn a_minimum_is_paid_and_a_card_put_on_file() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let patch = json!({ "commitment": { "minimum": "1000", "paid": "600", "due_at": "2026-11-20T00:00:00Z" } });
        let path = format!("/customers/{}", buyer.id);
        assert_eq!(bench.admin(http::Method::PATCH, &path, patch).await.status, 200);
        let request = shop.refused(Some(&buyer), Reason::MinimumPaymentDue, json!({})).await;
        let url = format!("/r/{request}/pay_minimum");
        assert!(shop.fill_in(&url).await.text.contains("USD 400.00 paid"));
        assert_eq!(bench.get(&path).await["commitment"]["paid"], "1000.00");
        assert!(shop.get(&url).await.text.contains("The minimum is paid"));

        let url = format!("/r/{request}/update_payment_method");
        let page = shop.get(&url).await.text;
        assert!(page.contains("Visa ending 4242") && page.contains("Nothing is charged now."), "{page}");
        let form = shop.form(&url).await.with("card_number", "5555555555554444");
        assert!(shop.send(&url, &form).await.text.contains("The card ending 4444 is on file."));
    });
}

#[test]
fn caps_keys_access_and_reviews_are_changed_by_their_owner() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let path = format!("/customers/{}", buyer.id);
        let caps = json!({ "caps": [{ "amount": "2", "period": "month" }] });
        assert_eq!(bench.admin(http::Method::PATCH, &path, caps).await.status, 200);
        let told = json!({ "cap": {
            "scope": "customer", "period": "month", "limit": "2.00", "spent": "0.00", "required": "5.00",
        } });
        let request = shop.refused(Some(&buyer), Reason::SpendCapReached, told).await;
        let url = format!("/r/{request}/raise_cap");
        let low = shop.send(&url, &shop.form(&url).await.with("amount", "4")).await;
        assert!(low.status == 400 && low.text.contains("at least USD 5.00"), "{}", low.text);
        assert_eq!(shop.fill_in(&url).await.status, 200);
        assert_eq!(bench.get(&path).await["caps"][0]["amount"], "5.00");

        let request = shop.refused(Some(&buyer), Reason::ScopeMissing, json!({})).await;
        assert_eq!(shop.fill_in(&format!("/r/{request}/change_key")).await.status, 200);
        let key = bench.get(&format!("/keys/{}", buyer.key_id)).await;
        assert_eq!(key["policy"]["scopes"], json!(["records:write"]));
        let created = shop.fill_in(&format!("/r/{request}/create_key")).await;
        assert!(created.text.contains("tg_test_"), "{}", created.text);

        let request = shop.refused(Some(&buyer), Reason::ApiAccessNotApproved, json!({})).await;
        let url = format!("/r/{request}/request_access");
        let empty = shop.send(&url, &shop.form(&url).await.with("note", " ")).await;
        assert!(empty.status == 400 && empty.text.contains("Note: expected"), "{}", empty.text);
        let asked = shop.send(&url, &shop.form(&url).await.with("note", "Maps <b>please</b>")).await;
        assert!(asked.text.contains("Access requested"), "{}", asked.text);
        assert_eq!(bench.get("/approvals").await["data"][0]["status"], "pending");
        let page = shop.get(&url).await.text;
        assert!(page.contains("has not decided yet") && !page.contains("<b>please"), "{page}");

        bench.post(&format!("{path}/freeze"), json!({ "why": "velocity" })).await;
        let request = shop.refused(Some(&buyer), Reason::AccountUnderReview, json!({})).await;
        let url = format!("/r/{request}/verify");
        assert!(!shop.get(&url).await.text.contains("velocity"), "the rule that fired is not told");
        assert_eq!(shop.fill_in(&url).await.status, 200);
        assert_eq!(bench.get(&path).await["frozen"], Value::Null);
    });
}

#[test]
fn a_key_that_is_created_is_shown_once() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let request = shop.refused(Some(&buyer), Reason::ApiKeyRevoked, json!({})).await;
        let url = format!("/r/{request}/create_key");
        let form = shop.form(&url).await;
        let (first, second) = (shop.send(&url, &form).await, shop.send(&url, &form).await);
        assert!(first.text.contains("tg_test_") && first.header("cache-control") == "no-store");
        assert!(!second.text.contains("tg_test_") && second.text.contains("is nowhere now"), "{}", second.text);
        let keys = bench.get(&format!("/customers/{}/keys", buyer.id)).await;
        assert_eq!(keys["data"].as_array().unwrap().len(), 2, "one was created");
    });
}

#[test]
fn who_is_closed_or_must_wait_for_the_operator_is_told_so() {
    with_settings(
        |settings| settings.review = crate::Review::Operator,
        |bench| async move {
            let shop = Shop::open(&bench).await;
            let buyer = shop.buyer("starter").await;
            let path = format!("/customers/{}", buyer.id);
            bench.post(&format!("{path}/freeze"), json!({ "why": "velocity" })).await;
            let request = shop.refused(Some(&buyer), Reason::AccountUnderReview, json!({})).await;
            let page = shop.get(&format!("/r/{request}/verify")).await.text;
            assert!(page.contains("A person at the operator") && page.contains("mailto:help@acme.test"), "{page}");
            assert!(!page.contains("<form"));

            bench.admin(http::Method::PATCH, &path, json!({ "status": "closed" })).await;
            let page = shop.get(&format!("/r/{request}/top_up")).await.text;
            assert!(page.contains("The account was closed") && !page.contains("<form"), "{page}");
        },
    );
}
