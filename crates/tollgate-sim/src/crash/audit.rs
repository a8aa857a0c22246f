//! The comparison of what clients have seen with what was written down.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tollgate_core::money::Nanos;

use super::client::{Client, amount, text};
use super::load::{Seen, TopUp};
use super::site::Customer;

/// What a token costs in `tollgate.toml`, and a call, in nano-units.
const INPUT_NANOS: i64 = 150;
const OUTPUT_NANOS: i64 = 600;
const CALL_NANOS: i64 = 1_000_000;

/// Everything that was seen and read so far.
#[derive(Default)]
pub(super) struct Books {
    pub(super) top_ups: Vec<TopUp>,
    /// What the rows of each customer cost in the rounds that were audited.
    spent: HashMap<String, Nanos>,
    /// Ids of the rows that were audited.
    ids: HashSet<String>,
    pub(super) completed: u64,
    pub(super) refused: u64,
    pub(super) billed: u64,
    pub(super) billed_without_completion: u64,
    pub(super) unbilled: u64,
    pub(super) twice: u64,
    /// A sentence for everything that must not be.
    pub(super) wrong: Vec<String>,
}

impl Books {
    /// Audits the rows since `since` against the answers that were seen meanwhile, and all balances.
    pub(super) async fn audit(
        &mut self,
        admin: &mut Client,
        customers: &[Customer],
        since: &str,
        seen: &[Seen],
    ) -> Result<()> {
        let mut rows: HashMap<String, Vec<Value>> = HashMap::new();
        for customer in customers {
            for row in calls(admin, &customer.id, since).await? {
                self.add_row(&customer.id, &row)?;
                rows.entry(text(&row, "id")?.to_owned()).or_default().push(row);
            }
        }
        self.compare(&rows, seen)?;
        for (place, customer) in customers.iter().enumerate() {
            self.balance(admin, place, customer).await?;
        }
        let check = admin.admin("GET", "/ledger/check", None, None).await?;
        if check["sound"] != true {
            self.wrong.push(format!("the ledger is not sound: {check}"));
        }
        Ok(())
    }

    fn add_row(&mut self, customer: &str, row: &Value) -> Result<()> {
        let cost = amount(row, "cost")?;
        let sum = self.spent.entry(customer.to_owned()).or_default();
        *sum = sum.saturating_plus(cost);
        if !self.ids.insert(text(row, "id")?.to_owned()) {
            self.twice += 1;
            self.wrong.push(format!("there is another row for {row}"));
        }
        if cost.is_positive() {
            self.billed += 1;
            let expected = worth(row);
            if cost != expected {
                self.wrong.push(format!("{expected} are due and {cost} were billed: {row}"));
            }
        }
        Ok(())
    }

    fn compare(&mut self, rows: &HashMap<String, Vec<Value>>, seen: &[Seen]) -> Result<()> {
        let mut complete = HashSet::new();
        for answer in seen {
            if answer.status != 200 {
                // Nobody waits for a refusal to be written down; it must not have cost anything.
                self.refused += 1;
                if rows.get(&answer.id).is_some_and(|rows| rows.iter().any(|row| row["cost"] != "0.00")) {
                    self.wrong.push(format!("a refusal was billed: {answer:?}"));
                }
                continue;
            }
            self.completed += 1;
            complete.insert(answer.id.as_str());
            let Some(row) = rows.get(&answer.id).and_then(|rows| rows.first()) else {
                self.unbilled += 1;
                self.wrong.push(format!("complete and not in the log: {answer:?}"));
                continue;
            };
            let cost = amount(row, "cost")?;
            if row["status"] != 200 || !cost.is_positive() || answer.cost.is_some_and(|said| said != cost) {
                self.wrong.push(format!("{answer:?} was written down as {row}"));
            }
        }
        let billed = rows.values().flatten().filter(|row| row["cost"] != "0.00");
        let ids = billed.filter_map(|row| row["id"].as_str());
        self.billed_without_completion += ids.filter(|id| !complete.contains(id)).count() as u64;
        Ok(())
    }

    /// What is left is what was topped up less what was billed, in the books and in memory.
    async fn balance(&mut self, admin: &mut Client, place: usize, customer: &Customer) -> Result<()> {
        let bought: Nanos = self.top_ups.iter().filter(|t| t.customer == place).map(TopUp::amount).sum();
        let spent = self.spent.get(&customer.id).copied().unwrap_or_default();
        let expected = bought.saturating_minus(spent);
        let mut booked = Nanos::ZERO;
        for grant in pages(admin, &format!("/customers/{}/grants?limit=1000", customer.id)).await? {
            booked = booked.saturating_plus(amount(&grant, "remaining")?);
        }
        let standing = admin.admin("GET", &format!("/customers/{}/standing", customer.id), None, None).await?;
        let balance = &standing["balance"];
        if booked != expected || amount(balance, "total")? != expected || balance["reserved"] != "0.00" {
            let left = format!("{booked} in the books, {balance} in memory");
            self.wrong.push(format!("{bought} bought less {spent} billed is {expected}, and there is {left}"));
        }
        let payments = pages(admin, &format!("/customers/{}/payments?limit=1000", customer.id)).await?.len();
        let wanted = self.top_ups.iter().filter(|top_up| top_up.customer == place).count();
        if payments != wanted {
            self.wrong.push(format!("{wanted} top-ups are {payments} payments of {}", customer.id));
        }
        Ok(())
    }
}

/// What a billed row must cost.
fn worth(row: &Value) -> Nanos {
    let tokens = |meter: &str| row["usage"][meter].as_i64().unwrap_or(0);
    if row["route"] == "llm.chat" {
        Nanos::new(tokens("input_tokens") * INPUT_NANOS + tokens("output_tokens") * OUTPUT_NANOS)
    } else {
        Nanos::new(CALL_NANOS)
    }
}

async fn calls(admin: &mut Client, customer: &str, since: &str) -> Result<Vec<Value>> {
    pages(admin, &format!("/requests?customer={customer}&since={since}&limit=1000")).await
}

/// Everything on a list.
async fn pages(admin: &mut Client, path: &str) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = admin.admin("GET", &format!("{path}{after}"), None, None).await?;
        let data = page["data"].as_array().with_context(|| format!("{path}: no list in {page}"))?;
        all.extend(data.iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(all),
        }
    }
}
