//! Somebody in front of the pages: a shop with customers, refused requests, and forms to fill in.

use std::collections::BTreeMap;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use tollgate_core::decision::Reason;
use tollgate_core::id::{ApplicationKind, CustomerKind, Id, KeyKind, Kind, RequestKind};
use tollgate_core::standing::SubscriptionState;
use tollgate_store::settlement::{CallEntry, Entry, Settlement, Settler, Settling};

use super::bench::*;

/// A catalogue, and a log of requests.
pub(super) struct Shop<'a> {
    bench: &'a Bench,
    settler: Settler,
}

/// A customer with an application and a key.
pub(super) struct Buyer {
    pub(super) id: String,
    pub(super) key_id: String,
    pub(super) key: String,
    application: String,
}

/// A request that is put together for a page.
pub(super) fn page_request(method: Method, path: &str, fields: &BTreeMap<String, String>) -> http::request::Builder {
    let builder = Request::builder().method(method).uri(path).header("host", "localhost:4021");
    if fields.is_empty() { builder } else { builder.header("content-type", "application/x-www-form-urlencoded") }
}

/// The fields as a browser sends them.
pub(super) fn encoded(fields: &BTreeMap<String, String>) -> String {
    let encode = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

impl<'a> Shop<'a> {
    pub(super) async fn open(bench: &'a Bench) -> Self {
        let settling = Settling { node: "n1".to_owned(), cores: 1, settlement: Settlement::Strict, observer: None };
        let settler = bench.store.start_settling(settling).await.unwrap();
        let listening = settler.clone();
        tokio::spawn(async move { listening.listen(0).await });
        for plan in [
            json!({ "key": "basic", "name": "Basic", "currency": "USD", "base_price": "9", "trial_days": 14 }),
            json!({ "key": "starter", "name": "Starter", "currency": "USD", "base_price": "19" }),
            json!({ "key": "pro", "name": "Pro", "currency": "USD", "base_price": "99" }),
            json!({ "key": "hidden-plan", "name": "Hidden", "currency": "USD", "on_sale": false }),
        ] {
            bench.post("/plans", plan).await;
        }
        bench.post("/add-ons", json!({ "key": "export", "name": "Export", "currency": "USD", "price": "9" })).await;
        let api = json!({
            "key": "rest", "name": "REST", "upstream": { "url": "http://127.0.0.1:9" },
            "route": [{ "key": "erase", "path": "/records/{id}", "free": true, "scope": "records:write" }],
        });
        bench.post("/apis", api).await;
        Self { bench, settler }
    }

    /// A customer without a plan.
    pub(super) async fn newcomer(&self) -> Buyer {
        let id = self.bench.customer().await;
        let path = format!("/customers/{id}/applications");
        let application = self.bench.post(&path, json!({ "name": "web" })).await["id"].as_str().unwrap().to_owned();
        let created = self.bench.post(&format!("/applications/{application}/keys"), json!({ "name": "ci" })).await;
        let text = |pointer: &str| created.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        Buyer { id, key_id: text("/key/id"), key: text("/text"), application }
    }

    /// A customer on `plan`.
    pub(super) async fn buyer(&self, plan: &str) -> Buyer {
        let buyer = self.newcomer().await;
        let path = format!("/customers/{}/subscriptions", buyer.id);
        self.bench.post(&path, json!({ "plan": plan, "state": { "status": "active" } })).await;
        buyer
    }

    /// The text of another key of `buyer`, with this policy.
    pub(super) async fn key(&self, buyer: &Buyer, policy: Value) -> String {
        self.new_key(buyer, json!({ "name": "another", "policy": policy })).await
    }

    /// The text of another key that stops working at `expires_at`.
    pub(super) async fn expiring_key(&self, buyer: &Buyer, policy: Value, expires_at: &str) -> String {
        self.new_key(buyer, json!({ "name": "another", "policy": policy, "expires_at": expires_at })).await
    }

    async fn new_key(&self, buyer: &Buyer, new: Value) -> String {
        let created = self.bench.post(&format!("/applications/{}/keys", buyer.application), new).await;
        created["text"].as_str().unwrap().to_owned()
    }

    /// The id of a request that was refused; `more` is what else its caller was told.
    pub(super) async fn refused(&self, who: Option<&Buyer>, reason: Reason, more: Value) -> String {
        let id = self.bench.store.mint::<RequestKind>();
        let mut problem = json!({ "title": reason.title(), "detail": "So it is.", "reason": reason.code() });
        problem.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let entry = CallEntry {
            request: id.to_bytes().into(),
            started_at: self.bench.store.now().unix_micros(),
            customer: who.map_or([0; 16], |who| bits::<CustomerKind>(&who.id)).into(),
            application: who.map_or([0; 16], |who| bits::<ApplicationKind>(&who.application)).into(),
            key: who.map_or([0; 16], |who| bits::<KeyKind>(&who.key_id)).into(),
            route: "rest.erase",
            method: "DELETE",
            path: "/records/17",
            status: reason.status(),
            reason: reason.code(),
            problem: &problem.to_string(),
            ..CallEntry::default()
        };
        let ticket = self.settler.submit(&Entry::Call(entry));
        self.settler.durable(ticket, 0).await.unwrap();
        id.to_string()
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.bench.send(page_request(Method::GET, path, &BTreeMap::new()).body(Body::empty()).unwrap()).await
    }

    /// The form of a page.
    pub(super) async fn form(&self, path: &str) -> Form {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        Form::of(&page.text)
    }

    pub(super) async fn send(&self, path: &str, form: &Form) -> Reply {
        self.bench.clock.advance(std::time::Duration::from_millis(2));
        let path = path.split('?').next().unwrap();
        let request = page_request(Method::POST, path, &form.0).header("sec-fetch-site", "same-origin");
        self.bench.send(request.body(Body::from(encoded(&form.0))).unwrap()).await
    }

    /// Sends the form of a page as it is proposed.
    pub(super) async fn fill_in(&self, path: &str) -> Reply {
        let form = self.form(path).await;
        let reply = self.send(path, &form).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply
    }

    pub(super) async fn set_state(&self, buyer: &Buyer, state: Value) {
        let path = format!("/customers/{}/subscriptions", buyer.id);
        let id = self.bench.get(&path).await["data"][0]["id"].as_str().unwrap().to_owned();
        let reply = self.bench.admin(Method::PATCH, &format!("{path}/{id}"), json!({ "state": state })).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }

    pub(super) async fn state(&self, buyer: &Buyer) -> SubscriptionState {
        let standing = self.bench.store.load_standing(buyer.id.parse().unwrap()).await.unwrap();
        standing.subscription.unwrap().state
    }

    pub(super) async fn balance(&self, buyer: &Buyer) -> String {
        let standing = self.bench.get(&format!("/customers/{}/standing", buyer.id)).await;
        standing["balance"]["available"].as_str().unwrap().to_owned()
    }
}

fn bits<K: Kind>(text: &str) -> [u8; 16] {
    text.parse::<Id<K>>().unwrap().to_bytes()
}

/// The fields of a form, as they are proposed.
#[derive(Debug, Clone)]
pub(super) struct Form(pub(super) BTreeMap<String, String>);

impl Form {
    /// The one form of a page.
    pub(super) fn of(page: &str) -> Self {
        let mut fields = BTreeMap::new();
        for input in page.split("<input ").skip(1) {
            let input = input.split('>').next().unwrap();
            let attribute = |name: &str| {
                let (_, rest) = input.split_once(&format!("{name}=\""))?;
                Some(rest.split('"').next().unwrap().replace("&#38;", "&").replace("&#34;", "\""))
            };
            let is_chosen = !input.contains("type=\"radio\"") || input.contains(" checked");
            if let (true, Some(name)) = (is_chosen, attribute("name")) {
                fields.insert(name, attribute(" value").unwrap_or_default());
            }
        }
        assert!(fields.contains_key("token"), "there is no form on {page}");
        Self(fields)
    }

    pub(super) fn value(&self, name: &str) -> &str {
        &self.0[name]
    }

    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut fields = self.0.clone();
        fields.insert(name.to_owned(), value.to_owned());
        Self(fields)
    }
}
