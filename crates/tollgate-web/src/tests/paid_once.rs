//! Money is taken once, and what is taken is booked: when an answer is lost, when the books refuse, after a
//! restart, and when somebody else was faster.

use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use http::Method;
use serde_json::{Value, json};
use tollgate_core::decision::Reason;
use tollgate_core::money::Money;
use tollgate_core::standing::SubscriptionState;
use tollgate_payments::{
    Authorized, Charged, Decline, Instrument, MoneyKind, Order, PaymentProvider, Pending, Reply as Answer, SavedMethod,
};
use tollgate_store::Store;
use tollgate_store::definition::AddOnDefinition;

use super::bench::{self, *};
use super::visitor::*;

/// A payment provider that counts what it took, and can be put out of order.
struct Till {
    store: Store,
    taken: Mutex<Vec<(String, Money)>>,
    /// Takes the money and does not answer.
    is_silent: AtomicBool,
    /// Takes an add-on off the catalogue while it takes the money: the books refuse what was paid.
    retires: AtomicBool,
}

impl Till {
    fn open(bench: &Bench) -> Arc<Self> {
        let (is_silent, retires) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { store: bench.store.clone(), taken: Mutex::default(), is_silent, retires })
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().iter().map(|(_, money)| money.to_string()).collect()
    }
}

impl PaymentProvider for Till {
    fn name(&self) -> &'static str {
        "till"
    }

    fn money_kind(&self) -> MoneyKind {
        MoneyKind::Simulated
    }

    fn save_method<'a>(&'a self, _: &'a Instrument) -> Pending<'a, SavedMethod> {
        let decline = Decline { code: "no".to_owned(), message: "Nothing is kept here.".to_owned() };
        Box::pin(ready(Answer::Declined(decline)))
    }

    fn charge<'a>(&'a self, order: &'a Order) -> Pending<'a, Charged> {
        Box::pin(async move {
            let key = order.idempotency_key.clone();
            let mut taken = self.taken.lock().unwrap().clone();
            if taken.iter().all(|(known, _)| *known != key) {
                taken.push((key.clone(), order.money));
            }
            *self.taken.lock().unwrap() = taken;
            if self.retires.swap(false, Ordering::Relaxed) {
                let mut change = self.store.change("admin").await.unwrap();
                change.retire::<AddOnDefinition>("export").await.unwrap();
                change.commit().await.unwrap();
            }
            if self.is_silent.load(Ordering::Relaxed) {
                return Answer::Unknown;
            }
            Answer::Done(Charged { reference: format!("till {key}") })
        })
    }

    fn authorize<'a>(&'a self, _: &'a Order) -> Pending<'a, Authorized> {
        Box::pin(ready(Answer::Unknown))
    }

    fn release<'a>(&'a self, _: &'a str) -> Pending<'a, ()> {
        Box::pin(ready(Answer::Done(())))
    }
}

/// A visitor of a control plane of their own, with a till.
struct Visitor {
    router: Router,
    key: Option<String>,
}

impl Visitor {
    fn new(bench: &Bench, till: &Arc<Till>) -> Self {
        Self { router: bench.behind(Arc::clone(till) as _, |_| ()), key: None }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Reply {
        let mut request = http::Request::builder().method(method).uri(path).header("accept", "application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.header("sec-fetch-site", "same-origin").header("content-type", "application/json");
        bench::send(&self.router, request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// The token of the form at `path`.
    async fn token(&self, path: &str) -> String {
        let sheet = self.ask(Method::GET, path, Value::Null).await.json();
        sheet["token"].as_str().unwrap_or_else(|| panic!("no form: {sheet}")).to_owned()
    }

    /// Sends `fields` with the form `token`, and a card if they name none.
    async fn send(&self, path: &str, token: &str, fields: Value) -> Reply {
        let mut all = json!({ "token": token, "card_number": "4242424242424242", "card_expires": "12/34" });
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.ask(Method::POST, path, all).await
    }
}

fn token_again(reply: &Reply) -> String {
    reply.json()["sheet"]["token"].as_str().unwrap_or_else(|| panic!("no form: {}", reply.text)).to_owned()
}

#[test]
fn what_the_books_refuse_behind_a_payment_is_the_same_payment_when_it_is_sent_again() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let till = Till::open(&bench);
        let visitor = Visitor::new(&bench, &till);
        let buyer = shop.buyer("starter").await;
        let request = shop.refused(Some(&buyer), Reason::FeatureNotInPlan, json!({})).await;
        let url = format!("/r/{request}/buy_addon");
        let token = visitor.token(&url).await;
        till.retires.store(true, Ordering::Relaxed);
        let failed = visitor.send(&url, &token, json!({ "add_on": "export@1" })).await;
        assert_eq!((failed.status.as_u16(), till.taken()), (409, vec!["USD 9.00".to_owned()]), "{}", failed.text);
        assert_eq!(token_again(&failed), token, "the form names the same payment");

        let export = json!({ "key": "export", "name": "Export", "currency": "USD", "price": "11" });
        bench.post("/add-ons", export).await;
        let bought = visitor.send(&url, &token, json!({})).await;
        assert_eq!(bought.status, 200, "{}", bought.text);
        assert_eq!(till.taken(), ["USD 9.00"]);
        let payments = bench.get(&format!("/customers/{}/payments", buyer.id)).await;
        assert_eq!(payments["data"].as_array().unwrap().len(), 1);
        assert_eq!(payments["data"][0]["amount"], "9.00");
        assert_eq!(bench.get("/ledger/check").await["sound"], true);
    });
}

#[test]
fn a_form_outlives_the_process_that_made_it() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let till = Till::open(&bench);
        let visitor = Visitor::new(&bench, &till);
        let newcomer = shop.newcomer().await;
        let request = shop.refused(Some(&newcomer), Reason::SubscriptionRequired, json!({})).await;
        let url = format!("/r/{request}/subscribe");
        let token = visitor.token(&url).await;
        // The money is taken, and the process is killed before it hears of it.
        till.is_silent.store(true, Ordering::Relaxed);
        assert_eq!(visitor.send(&url, &token, json!({ "plan": "starter@1" })).await.status, 503);
        till.is_silent.store(false, Ordering::Relaxed);
        let starter = json!({ "key": "starter", "name": "Starter", "currency": "USD", "base_price": "29" });
        bench.post("/plans", starter).await;

        let visitor = Visitor::new(&bench, &till);
        let started = visitor.send(&url, &token, json!({ "plan": "starter@1" })).await;
        assert_eq!(started.status, 200, "{}", started.text);
        assert_eq!(till.taken(), ["USD 19.00"], "the price that was shown, once");
        assert!(matches!(shop.state(&newcomer).await, SubscriptionState::Active));
        let payments = bench.get(&format!("/customers/{}/payments", newcomer.id)).await;
        assert_eq!(payments["data"][0]["amount"], "19.00");

        let other_key = bench.with(|settings| settings.form_key = "another".to_owned());
        let visitor = Visitor { router: other_key, key: None };
        let outdated = visitor.send(&url, &token, json!({ "plan": "starter@1" })).await;
        assert_eq!(outdated.json()["code"], "form_outdated");
    });
}

#[test]
fn a_form_whose_payment_is_not_confirmed_orders_nothing_else() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let till = Till::open(&bench);
        let visitor = Visitor::new(&bench, &till);
        let buyer = shop.buyer("starter").await;
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, json!({})).await;
        let url = format!("/r/{request}/top_up");
        let token = visitor.token(&url).await;
        till.is_silent.store(true, Ordering::Relaxed);
        let unknown = visitor.send(&url, &token, json!({ "amount": "5" })).await;
        assert_eq!((unknown.status.as_u16(), token_again(&unknown)), (503, token.clone()));
        assert_eq!(unknown.json()["sheet"]["fields"], json!([]), "nothing is left to change");
        till.is_silent.store(false, Ordering::Relaxed);

        for other in [json!({ "amount": "50" }), json!({ "card_number": "5555555555554444" })] {
            let refused = visitor.send(&url, &token, other).await;
            assert_eq!(refused.json()["code"], "already_ordered", "{}", refused.text);
            assert!(refused.text.contains("USD 5.00 with the card ending 4242"), "{}", refused.text);
            assert_eq!(token_again(&refused), token);
        }
        assert_eq!(visitor.send(&url, &token, json!({})).await.json()["done"]["title"], "USD 5.00 added");
        assert_eq!((till.taken(), &*shop.balance(&buyer).await), (vec!["USD 5.00".to_owned()], "5.00"));
        assert_eq!(bench.get("/ledger/check").await["sound"], true);
    });
}

#[test]
fn a_request_that_is_not_confirmed_is_paid_also_if_the_wallet_covers_it_meanwhile() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let till = Till::open(&bench);
        let visitor = Visitor::new(&bench, &till);
        let buyer = shop.buyer("starter").await;
        let price = json!({ "required": { "amount": "0.25", "currency": "USD" } });
        let request = shop.refused(Some(&buyer), Reason::PaymentRequired, price).await;
        let url = format!("/r/{request}/pay_request");
        let token = visitor.token(&url).await;
        till.is_silent.store(true, Ordering::Relaxed);
        assert_eq!(visitor.send(&url, &token, json!({})).await.status, 503);
        till.is_silent.store(false, Ordering::Relaxed);
        bench.post(&format!("/customers/{}/top-ups", buyer.id), json!({ "amount": "10" })).await;
        assert_eq!(visitor.send(&url, &token, json!({})).await.status, 200);
        assert_eq!((till.taken(), &*shop.balance(&buyer).await), (vec!["USD 0.25".to_owned()], "10.25"));
    });
}

#[test]
fn a_link_that_somebody_else_followed_is_not_paid_again() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let till = Till::open(&bench);
        let visitor = Visitor::new(&bench, &till);
        let newcomer = shop.newcomer().await;
        let request = shop.refused(Some(&newcomer), Reason::SubscriptionRequired, json!({})).await;
        let url = format!("/r/{request}/subscribe");
        let (one, other) = (visitor.token(&url).await, visitor.token(&url).await);
        assert_eq!(visitor.send(&url, &one, json!({ "plan": "starter@1" })).await.status, 200);
        let late = visitor.send(&url, &other, json!({ "plan": "starter@1" })).await;
        assert!(late.status == 409 && late.text.contains("Already done"), "{}", late.text);
        assert!(shop.get(&url).await.text.contains("Send the request again"));

        shop.set_state(&newcomer, json!({ "status": "expired", "ended_at": "2026-11-01T00:00:00Z" })).await;
        let request = shop.refused(Some(&newcomer), Reason::SubscriptionExpired, json!({})).await;
        let url = format!("/r/{request}/renew");
        let (one, other) = (visitor.token(&url).await, visitor.token(&url).await);
        assert_eq!(visitor.send(&url, &one, json!({ "plan": "starter@1" })).await.status, 200);
        let late = visitor.send(&url, &other, json!({ "plan": "starter@1" })).await;
        assert!(late.status == 409 && late.text.contains("Already done"), "{}", late.text);
        assert_eq!(till.taken(), ["USD 19.00", "USD 19.00"]);
    });
}

#[test]
fn a_restricted_key_takes_off_the_card_on_file_what_is_missing_and_no_more() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let till = Till::open(&bench);
        let buyer = shop.buyer("starter").await;
        let kept = json!({ "kept": {
            "provider": "till", "provider_reference": "pm_1", "brand": "visa", "last4": "1881",
        } });
        bench.post(&format!("/customers/{}/payment-methods", buyer.id), kept).await;
        let restricted = shop.key(&buyer, json!({ "apis": ["rest"] })).await;
        let by_key = |key: &str| Visitor {
            router: bench.behind(Arc::clone(&till) as _, |settings| settings.sign_in = crate::SignIn::Key),
            key: Some(key.to_owned()),
        };
        let visitor = by_key(&restricted);
        let on_file = |amount: &str| json!({ "amount": amount, "pay_with": "on_file" });

        let short = json!({ "required": { "amount": "5.005", "currency": "USD" } });
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, short).await;
        let url = format!("/r/{request}/top_up");
        let sheet = visitor.ask(Method::GET, &url, Value::Null).await.text;
        assert!(sheet.contains("it pays up to USD 5.01 with the card on file"), "{sheet}");
        let refused = visitor.send(&url, &visitor.token(&url).await, on_file("1000000")).await;
        assert!(refused.status == 409 && refused.text.contains("up to USD 5.01"), "{}", refused.text);
        assert_eq!(visitor.send(&url, &visitor.token(&url).await, on_file("5.01")).await.status, 200);
        let nothing_missing = visitor.send(&url, &visitor.token(&url).await, on_file("5.01")).await;
        assert_eq!(nothing_missing.status, 409, "{}", nothing_missing.text);
        let entered = visitor.send(&url, &visitor.token(&url).await, json!({ "amount": "20" })).await;
        assert_eq!(entered.status, 200, "a card that is entered may pay: {}", entered.text);

        let url = format!("/r/{request}/upgrade");
        let pro = json!({ "plan": "pro@1", "pay_with": "on_file" });
        let sheet = visitor.ask(Method::GET, &url, Value::Null).await.text;
        assert!(sheet.contains("it cannot pay this with the card on file") && !sheet.contains("1881"), "{sheet}");
        assert_eq!(visitor.send(&url, &visitor.token(&url).await, pro.clone()).await.status, 409);

        let invoice = json!({ "purpose": "October", "amount": "40", "due_at": "2026-11-01T00:00:00Z" });
        bench.post(&format!("/customers/{}/invoices", buyer.id), invoice).await;
        let debt = format!("/r/{request}/pay_invoice");
        let paid = visitor.send(&debt, &visitor.token(&debt).await, json!({ "pay_with": "on_file" })).await;
        assert_eq!(paid.status, 200, "{}", paid.text);
        assert_eq!(till.taken(), ["USD 5.01", "USD 20.00", "USD 40.00"]);

        let owner = by_key(&buyer.key);
        assert_eq!(owner.send(&url, &owner.token(&url).await, pro).await.status, 200);
    });
}
