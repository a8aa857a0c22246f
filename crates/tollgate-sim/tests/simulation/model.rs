//! The auditor: plain maps and 128-bit integers, written from the rules and not from the code.
//!
//! Amounts are nano-units, times microseconds. What is asked for is `units`; each costs 1.5 nano-units,
//! and a cost is rounded up. Days and months are those of UTC.

use std::collections::BTreeMap;

use tollgate_core::id::{CustomerId, GrantId};

const DAY: i64 = 86_400_000_000;
const HOUR: i64 = 3_600_000_000;

/// Everything that should be so.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) customers: BTreeMap<CustomerId, Customer>,
    /// What each kind of transfer has moved.
    pub(crate) moved: BTreeMap<&'static str, i128>,
}

#[derive(Default)]
pub(crate) struct Customer {
    pub(crate) plan: PlanFacts,
    pub(crate) grants: BTreeMap<GrantId, Grant>,
    /// Used and not paid for in advance.
    pub(crate) owed: i128,
    /// Calls by quota and start of its period.
    pub(crate) counters: BTreeMap<(&'static str, i64), i128>,
    running: BTreeMap<u64, Running>,
    /// Calls that run, by quota and start of its period.
    held: BTreeMap<(&'static str, i64), i128>,
    /// Requests and their cost by hour and outcome.
    pub(crate) usage: BTreeMap<(i64, String), (i128, i128)>,
}

/// What of a plan matters here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PlanFacts {
    pub(crate) key: &'static str,
    /// Name, period and limit of its quota.
    pub(crate) quota: Option<(&'static str, Length, i128)>,
    /// The most that may be owed; `None` if everything is paid in advance.
    pub(crate) credit: Option<i128>,
}

/// The length of a quota's period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Day,
    Month,
}

#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) left: i128,
    pub(crate) held: i128,
    pub(crate) is_paid: bool,
    pub(crate) priority: u8,
    /// Only for this API.
    pub(crate) api: Option<&'static str>,
    pub(crate) effective_at: i64,
    pub(crate) expires_at: i64,
    /// It was taken back: what is held of it may still be used, at the operator's expense.
    pub(crate) is_void: bool,
}

struct Running {
    at: i64,
    draws: Vec<(GrantId, i128)>,
    on_account: i128,
    quota: Option<(&'static str, i64)>,
}

/// What a request comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) cost: i128,
    pub(crate) draws: Vec<(GrantId, i128)>,
    pub(crate) on_account: i128,
    pub(crate) loss: i128,
}

/// What so many units cost.
pub(crate) fn worth(units: u64) -> i128 {
    (i128::from(units) * 3 + 1) / 2
}

impl Grant {
    fn is_usable(&self, api: &str, now: i64) -> bool {
        !self.is_void && self.effective_at <= now && now < self.expires_at && self.api.is_none_or(|only| only == api)
    }

    fn free(&self) -> i128 {
        self.left - self.held
    }

    /// Restricted first, then by priority, what expires sooner, what was given, what is older.
    fn rank(&self, id: GrantId) -> (bool, u8, i64, bool, i64, GrantId) {
        (self.api.is_none(), self.priority, self.expires_at, self.is_paid, self.effective_at, id)
    }
}

impl Model {
    pub(crate) fn customer(&mut self, id: CustomerId) -> &mut Customer {
        self.customers.get_mut(&id).expect("the script knows its customers")
    }

    pub(crate) fn grant(&mut self, customer: CustomerId, id: GrantId, grant: Grant) {
        let kind = if grant.is_paid { "top_up" } else { "grant" };
        self.moves(kind, grant.left);
        self.customer(customer).grants.insert(id, grant);
    }

    pub(crate) fn void(&mut self, customer: CustomerId, id: GrantId) {
        let grant = self.customer(customer).grants.get_mut(&id).expect("it was given");
        let left = std::mem::replace(&mut grant.left, grant.held);
        grant.is_void = true;
        self.moves("grant_voided", left);
    }

    /// Credit whose time is over, and which nobody holds, is gone.
    pub(crate) fn sweep(&mut self, now: i64) {
        let mut gone = 0;
        for grant in self.customers.values_mut().flat_map(|customer| customer.grants.values_mut()) {
            if grant.expires_at <= now && grant.held == 0 && !grant.is_void {
                gone += std::mem::take(&mut grant.left);
            }
        }
        self.moves("expiry", gone);
    }

    /// The reason why a request of `units` must be refused, if it must; else it runs from now on.
    pub(crate) fn begin(
        &mut self,
        id: CustomerId,
        handle: u64,
        api: &str,
        units: u64,
        now: i64,
    ) -> Result<(), &'static str> {
        let customer = self.customer(id);
        let quota = customer.plan.quota.map(|(name, length, _)| (name, length.start(now)));
        if let (Some(period), Some((_, _, limit))) = (quota, customer.plan.quota) {
            let used = customer.counters.get(&period).copied().unwrap_or(0);
            if used + customer.runs_in(period) + 1 > limit {
                return Err(customer.refused("quota_exceeded", now));
            }
        }
        let mut missing = worth(units);
        let mut order: Vec<_> = customer.grants.iter().filter(|(_, grant)| grant.is_usable(api, now)).collect();
        order.sort_by_key(|(id, grant)| grant.rank(**id));
        let mut draws = Vec::new();
        for (id, grant) in order {
            let amount = grant.free().min(missing);
            if amount > 0 {
                missing -= amount;
                draws.push((*id, amount));
            }
        }
        let may_owe = customer.plan.credit.map_or(0, |most| most - customer.owed - customer.owed_held());
        if missing > 0 && missing > may_owe {
            return Err(customer.refused("insufficient_balance", now));
        }
        for (id, amount) in &draws {
            customer.grants.get_mut(id).expect("just found").held += amount;
        }
        if let Some(period) = quota {
            *customer.held.entry(period).or_default() += 1;
        }
        customer.running.insert(handle, Running { at: now, draws, on_account: missing, quota });
        Ok(())
    }

    /// A request ends with what it used; without, it is as if it had never run.
    pub(crate) fn end(&mut self, id: CustomerId, handle: u64, used: Option<u64>) -> Outcome {
        let customer = self.customer(id);
        let running = customer.running.remove(&handle).expect("it runs");
        let worth = used.map_or(0, worth);
        let held: i128 = running.draws.iter().map(|(_, amount)| amount).sum();
        let beyond = (worth - held).max(0);
        // Who pays later owes all of it. Who pays in advance owes no more than was agreed at the start.
        let on_account = if customer.plan.credit.is_some() { beyond } else { beyond.min(running.on_account) };
        let (mut missing, mut draws, mut lost) = (worth.min(held), Vec::new(), 0);
        for (id, amount) in running.draws {
            let grant = customer.grants.get_mut(&id).expect("grants stay");
            let taken = amount.min(missing);
            missing -= taken;
            grant.held -= amount;
            grant.left -= if grant.is_void { amount } else { taken };
            if taken > 0 {
                draws.push((id, taken));
                lost += if grant.is_void { taken } else { 0 };
            }
        }
        customer.owed += on_account;
        if let Some(held) = running.quota.and_then(|period| customer.held.get_mut(&period)) {
            *held = (*held - 1).max(0);
        }
        let outcome = Outcome { cost: worth - beyond + on_account, draws, on_account, loss: beyond - on_account };
        if used.is_some() {
            if let Some(period) = running.quota {
                *customer.counters.entry(period).or_default() += 1;
            }
            customer.counts("served", running.at, outcome.cost);
            let from_grants = worth - beyond - lost;
            let quota_used = i128::from(running.quota.is_some());
            self.moves("usage", from_grants);
            self.moves("usage_on_account", on_account);
            self.moves("loss", lost + outcome.loss);
            self.moves("quota_used", quota_used);
        }
        outcome
    }

    /// The process is gone, and with it everything that ran.
    pub(crate) fn restart(&mut self) {
        for customer in self.customers.values_mut() {
            customer.held.clear();
            for running in std::mem::take(&mut customer.running).into_values() {
                for (id, amount) in running.draws {
                    let grant = customer.grants.get_mut(&id).expect("grants stay");
                    grant.held -= amount;
                    grant.left -= if grant.is_void { amount } else { 0 };
                }
            }
        }
    }

    /// Another plan. A quota that it has under the same name goes on. One that it lacks forgets what runs,
    /// and if it comes back, the end of that is taken for the end of something that runs then.
    pub(crate) fn subscribe(&mut self, id: CustomerId, plan: PlanFacts) {
        let customer = self.customer(id);
        let name = |plan: &PlanFacts| plan.quota.map(|(name, ..)| name);
        if name(&customer.plan) != name(&plan) {
            customer.held.clear();
        }
        customer.plan = plan;
    }

    fn moves(&mut self, kind: &'static str, amount: i128) {
        *self.moved.entry(kind).or_default() += amount;
    }
}

impl Customer {
    /// What must be in memory as held by a quota's period.
    pub(crate) fn runs_in(&self, period: (&'static str, i64)) -> i128 {
        self.held.get(&period).copied().unwrap_or(0)
    }

    pub(crate) fn owed_held(&self) -> i128 {
        self.running.values().map(|running| running.on_account).sum()
    }

    fn refused(&mut self, reason: &'static str, now: i64) -> &'static str {
        self.counts(reason, now, 0);
        reason
    }

    fn counts(&mut self, outcome: &str, at: i64, cost: i128) {
        let sum = self.usage.entry((at.div_euclid(HOUR) * HOUR, outcome.to_owned())).or_default();
        sum.0 += 1;
        sum.1 += cost;
    }
}

impl Length {
    /// The start of the period around `now`.
    pub(crate) fn start(self, now: i64) -> i64 {
        let day = now.div_euclid(DAY);
        match self {
            Self::Day => day * DAY,
            // Back to the day before which another month was.
            Self::Month => (0..31).map(|back| day - back).find(|&day| day_of_month(day) == 1).unwrap_or(day) * DAY,
        }
    }
}

/// The day of the month of a day since 1970 (Hinnant, chrono-compatible low-level date algorithms).
fn day_of_month(day: i64) -> i64 {
    let of_era = (day + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    of_year - (153 * month + 2) / 5 + 1
}
