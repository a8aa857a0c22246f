//! Models of several providers behind one API: any caller's format, whoever serves.

mod choosing;
mod demo;
mod failing;
mod formats;
mod sdk;
mod seen;
mod talk;

use serde_json::Value;
use tollgate_core::money::Nanos;

use super::harness::{Admin, Buyer, Node, Site, nanos};

const CONFIG: &str = include_str!("models/models.toml");

/// What a token of the prompt costs at each upstream, in nano-units; a generated one costs ten times as much.
const PRICES: [(&str, i64); 5] =
    [("chat", 1_000), ("responses", 2_000), ("azure", 3_000), ("messages", 4_000), ("gemini", 5_000)];

/// A running gateway, and somebody who pays.
struct Stand {
    site: Site,
    node: Node,
    admin: Admin,
    buyer: Buyer,
}

impl Stand {
    async fn open() -> Self {
        let site = Site::selling(CONFIG);
        let (node, admin) = site.start().await;
        let buyer = admin.buyer("everything", "50.00").await;
        Self { site, node, admin, buyer }
    }

    /// The books say that `requests` were made, and that what is gone from the wallet is what they cost.
    async fn books_agree(&self, requests: usize) {
        self.admin.at_rest(&self.buyer).await;
        let calls = self.admin.calls(&self.buyer).await;
        assert_eq!(calls.len(), requests, "each is logged once");
        let spent: Nanos = calls.iter().map(|call| nanos(&call["cost"])).sum();
        assert_eq!(Nanos::units(50).saturating_minus(spent), self.admin.booked(&self.buyer).await);
        assert!(calls.iter().all(|call| call["loss"] == "0.00"), "{calls:?}");
        self.admin.ledger_is_sound().await;
    }
}

/// The tokens of a logged call: of the prompt, and generated.
fn tokens(call: &Value) -> (u64, u64) {
    let tokens = |meter: &str| call["usage"].get(meter).and_then(Value::as_u64).unwrap_or(0);
    (tokens("input_tokens"), tokens("output_tokens"))
}

/// What so many tokens cost at `upstream`.
fn price(upstream: &str, (input, output): (u64, u64)) -> Nanos {
    let (_, rate) = PRICES.into_iter().find(|&(name, _)| name == upstream).unwrap();
    Nanos::new(rate * i64::try_from(input + 10 * output).unwrap())
}
