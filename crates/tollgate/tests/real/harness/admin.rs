//! An administrator: what the tests arrange through the admin API, and what they read there.

use std::net::SocketAddr;

use http::Method;
use serde_json::{Value, json};
use tollgate_core::money::Nanos;

use super::{Answer, Call, until};

/// The admin API of one Tollgate.
#[derive(Clone)]
pub(crate) struct Admin {
    control: SocketAddr,
    token: String,
}

/// A customer with an application and a key.
#[derive(Clone)]
pub(crate) struct Buyer {
    pub(crate) customer: String,
    pub(crate) key: String,
}

impl Admin {
    pub(crate) fn new(control: SocketAddr, token: &str) -> Self {
        Self { control, token: token.to_owned() }
    }

    /// Sends a request as it is and returns what was answered.
    /// Where the control plane listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.control
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let call = match body {
            Value::Null => Call::new(method, &format!("/admin/v1{path}")),
            body => {
                let call = Call::new(method, &format!("/admin/v1{path}")).body(body.to_string());
                call.header("content-type", "application/json")
            }
        };
        call.key(&self.token).send(self.control).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.done(Method::GET, path, &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.done(Method::POST, path, &body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Value {
        self.done(Method::PATCH, path, &body).await
    }

    async fn done(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.send(method, path, body).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// A customer on `plan` with `credit` in the wallet.
    pub(crate) async fn buyer(&self, plan: &str, credit: &str) -> Buyer {
        let customer = self.post("/customers", json!({ "name": "Acme" })).await;
        let customer = name(&customer["id"]);
        let application = self.post(&format!("/customers/{customer}/applications"), json!({ "name": "main" })).await;
        let application = name(&application["id"]);
        let key = self.post(&format!("/applications/{application}/keys"), json!({ "name": "first" })).await;
        let buyer = Buyer { customer, key: name(&key["text"]) };
        self.post(&format!("/customers/{}/subscriptions", buyer.customer), json!({ "plan": plan })).await;
        if credit != "0" {
            self.top_up(&buyer, credit).await;
        }
        buyer
    }

    pub(crate) async fn top_up(&self, buyer: &Buyer, amount: &str) {
        self.post(&format!("/customers/{}/top-ups", buyer.customer), json!({ "amount": amount })).await;
    }

    pub(crate) async fn standing(&self, buyer: &Buyer) -> Value {
        self.get(&format!("/customers/{}/standing", buyer.customer)).await
    }

    /// What is in the wallet, with what running requests hold.
    pub(crate) async fn balance(&self, buyer: &Buyer) -> Nanos {
        nanos(&self.standing(buyer).await["balance"]["total"])
    }

    /// What is left of the grants by the books, which is what a restart would read.
    pub(crate) async fn booked(&self, buyer: &Buyer) -> Nanos {
        let grants = self.get(&format!("/customers/{}/grants?limit=1000", buyer.customer)).await;
        grants["data"].as_array().unwrap().iter().map(|grant| nanos(&grant["remaining"])).sum()
    }

    /// Every request of a customer in the call log.
    pub(crate) async fn calls(&self, buyer: &Buyer) -> Vec<Value> {
        let mut calls = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.get(&format!("/requests?customer={}&limit=1000&after={after}", buyer.customer)).await;
            calls.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => return calls,
            }
        }
    }

    /// The request `id`, as soon as the log has it.
    pub(crate) async fn call(&self, id: &str) -> Value {
        until(&format!("request {id} is in the log"), || async {
            let found = self.send(Method::GET, &format!("/requests/{id}"), &Value::Null).await;
            (found.status == 200).then(|| found.json())
        })
        .await
    }

    /// The ledger is sound, and so are the logs.
    pub(crate) async fn ledger_is_sound(&self) {
        let check = self.get("/ledger/check").await;
        assert!(check["sound"] == true, "{check}");
    }

    /// Waits until nothing of a customer runs any more.
    pub(crate) async fn at_rest(&self, buyer: &Buyer) {
        until("no hold is left", || async {
            let standing = self.standing(buyer).await;
            let held = standing["quotas"].as_array().unwrap().iter().any(|quota| quota["held"] != 0);
            let limits = standing["rate_limits"].as_array().unwrap();
            let runs = limits.iter().any(|limit| limit["running"].as_u64().is_some_and(|running| running > 0));
            (standing["balance"]["reserved"] == "0.00" && !held && !runs).then_some(())
        })
        .await;
    }
}

/// An amount in JSON.
pub(crate) fn nanos(amount: &Value) -> Nanos {
    let text = amount.as_str().unwrap_or_else(|| panic!("{amount} is no amount"));
    text.parse().unwrap_or_else(|error| panic!("{amount}: {error}"))
}

fn name(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
