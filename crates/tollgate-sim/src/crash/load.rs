//! What clients and an administrator do until the process is killed, and what they have seen of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_core::money::Nanos;

use super::Chance;
use super::client::{Client, Reply};
use super::node::Node;
use super::site::Customer;

/// A complete answer, as its client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) status: u16,
    pub(super) cost: Option<Nanos>,
}

/// A top-up that is meant to happen once.
#[derive(Debug, Clone)]
pub(super) struct TopUp {
    pub(super) customer: usize,
    /// Its Idempotency-Key.
    pub(super) name: String,
    pub(super) cents: u64,
    /// The grant that was acknowledged.
    pub(super) grant: Option<String>,
}

/// Load that runs.
pub(super) struct Load {
    clients: JoinSet<Result<Vec<Seen>>>,
    administrator: JoinSet<Result<Vec<TopUp>>>,
    killed: Arc<AtomicBool>,
}

/// What was seen of one round.
pub(super) struct Round {
    pub(super) seen: Vec<Seen>,
    pub(super) top_ups: Vec<TopUp>,
}

impl Load {
    /// Begins to keep `connections` connections busy.
    pub(super) fn begin(
        node: &Node,
        customers: &[Customer],
        connections: usize,
        round: u32,
        chance: &mut Chance,
    ) -> Self {
        let killed: Arc<AtomicBool> = Arc::default();
        let mut clients = JoinSet::new();
        for number in 0..connections {
            let key = customers[number % customers.len()].key.clone();
            let own = Chance(chance.below(u64::MAX));
            clients.spawn(send_requests(node.gateway, key, own, Arc::clone(&killed)));
        }
        let mut administrator = JoinSet::new();
        let own = Chance(chance.below(u64::MAX));
        administrator.spawn(top_up(node.control, customers.to_vec(), round, own, Arc::clone(&killed)));
        Self { clients, administrator, killed }
    }

    /// Kills the process and gathers what was seen of it. A connection that broke before is an error.
    pub(super) async fn end_with(self, node: &mut Node) -> Result<Round> {
        let Self { clients, administrator, killed } = self;
        killed.store(true, Ordering::SeqCst);
        node.kill();
        let seen = clients.join_all().await.into_iter().collect::<Result<Vec<_>>>()?.concat();
        let top_ups = administrator.join_all().await.into_iter().collect::<Result<Vec<_>>>()?.concat();
        Ok(Round { seen, top_ups })
    }
}

/// Sends requests over one connection until it breaks.
async fn send_requests(to: SocketAddr, key: String, mut chance: Chance, killed: Arc<AtomicBool>) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    let bearer = format!("Bearer {key}");
    let sent: Result<()> = async {
        let mut client = Client::connect(to).await?;
        loop {
            let reply = request(&mut client, &bearer, &mut chance).await?;
            let id = reply.header("x-request-id").to_owned();
            seen.push(Seen { id, status: reply.status, cost: reply.cost()? });
        }
    }
    .await;
    match sent {
        Err(error) if !killed.load(Ordering::SeqCst) => Err(error.context("a request failed before the kill")),
        _ => Ok(seen),
    }
}

/// One request of any kind: whole answers, answers of a known and of an unknown length, model answers.
async fn request(client: &mut Client, bearer: &str, chance: &mut Chance) -> Result<Reply> {
    let rest = [("authorization", bearer)];
    let tokens = (1 + chance.below(30)).to_string();
    let llm = [("authorization", bearer), ("content-type", "application/json"), ("x-sandbox-chunks", &*tokens)];
    match chance.below(8) {
        0..=3 => client.send("GET", &format!("/rest/bytes/{}", chance.below(2_000)), &rest, "").await,
        4 => client.send("GET", &format!("/rest/bytes/{}", 100_000 + chance.below(100_000)), &rest, "").await,
        5 => client.send("GET", &format!("/rest/stream/{}/1", 1 + chance.below(8)), &rest, "").await,
        6 => client.send("POST", "/v1/chat/completions", &llm, &chat(false)).await,
        _ => client.send("POST", "/v1/chat/completions", &llm, &chat(true)).await,
    }
}

fn chat(stream: bool) -> String {
    let messages = json!([{ "role": "user", "content": "Who keeps the light?" }]);
    json!({ "model": "sandbox-small", "messages": messages, "stream": stream, "max_tokens": 64 }).to_string()
}

/// Tops wallets up, one after the other, until the process is gone.
async fn top_up(
    to: SocketAddr,
    customers: Vec<Customer>,
    round: u32,
    mut chance: Chance,
    killed: Arc<AtomicBool>,
) -> Result<Vec<TopUp>> {
    let mut top_ups = Vec::new();
    let sent: Result<()> = async {
        let mut client = Client::connect(to).await?;
        loop {
            let customer = usize::try_from(chance.below(customers.len() as u64))?;
            let name = format!("top-up-{round}-{}", top_ups.len());
            let mut top_up = TopUp { customer, name, cents: 1 + chance.below(5), grant: None };
            top_ups.push(top_up.clone());
            top_up.acknowledge(&mut client, &customers).await?;
            if let Some(last) = top_ups.last_mut() {
                *last = top_up;
            }
        }
    }
    .await;
    match sent {
        Err(error) if !killed.load(Ordering::SeqCst) => Err(error.context("a top-up failed before the kill")),
        _ => Ok(top_ups),
    }
}

impl TopUp {
    /// Sends it under its name and notes the grant that was acknowledged. Repeated, it must be the same.
    pub(super) async fn acknowledge(&mut self, client: &mut Client, customers: &[Customer]) -> Result<()> {
        let path = format!("/customers/{}/top-ups", customers[self.customer].id);
        let body = json!({ "amount": format!("{}.{:02}", self.cents / 100, self.cents % 100) });
        let answer: Value = client.admin("POST", &path, Some(&self.name), Some(body)).await?;
        let grant = answer["grant"]["id"].as_str().with_context(|| format!("no grant in {answer}"))?;
        if let Some(before) = &self.grant {
            anyhow::ensure!(before == grant, "{} was {before} and is {grant} when repeated", self.name);
        }
        self.grant = Some(grant.to_owned());
        Ok(())
    }

    /// How much it is.
    pub(super) fn amount(&self) -> Nanos {
        Nanos::new(i64::try_from(self.cents).unwrap_or(i64::MAX).saturating_mul(10_000_000))
    }
}
