//! Reading a customer's standing from durable facts.

use std::sync::Arc;

use jiff::tz::TimeZone;
use sqlx::AnyConnection;
use tollgate_core::catalogue::{CapScope, Plan, SpendCap};
use tollgate_core::id::{ApplicationId, CustomerId, KeyId};
use tollgate_core::ledger::{LedgerAccount, Unit};
use tollgate_core::money::{Nanos, Picos};
use tollgate_core::period::{Period, billing_period};
use tollgate_core::rating::Progress;
use tollgate_core::standing::{
    CapState, Commitment, CustomerStatus, Freeze, KnownBy, Standing, Subscription, TierState, Window, cap_period,
    quota_period,
};
use tollgate_core::time::Timestamp;

use crate::customers::{Customer, SimulatedFault};
use crate::definition::caps_to_core;
use crate::row::Columns as _;
use crate::settlement::counter_names;
use crate::{Store, StoreError, catalogue, grants, invoices, ledger, payments, subscriptions};

impl Store {
    /// The standing of a customer as of everything that was folded.
    ///
    /// The gateway calls this once for a customer it has not seen, and again after each change to take
    /// over what changed; what it counted since stays its own.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn load_standing(&self, id: CustomerId) -> Result<Standing, StoreError> {
        let now = self.now();
        let customer = self.customer(id).await?;
        if customer.simulated_fault == Some(SimulatedFault::StoreUnavailable) {
            return Err(StoreError::Unavailable(sqlx::Error::Protocol("simulated in the sandbox".to_owned())));
        }
        let zone = TimeZone::get(&customer.time_zone).unwrap_or(TimeZone::UTC);
        let mut standing = Standing::new(id, customer.currency.0, zone);
        if customer.status == crate::customers::CustomerStatus::Closed {
            standing.status = CustomerStatus::Closed;
        }
        let mut connection = self.db.pool.acquire().await?;
        for grant in grants::left(&mut connection, id).await? {
            standing.wallet.insert(grant.to_core());
        }
        self.load_subscription(&mut connection, &mut standing, now).await?;
        let unit = Unit::Currency(standing.currency);
        let (used, invoiced) = ledger::balance(&mut connection, &LedgerAccount::Accrued(id), &unit).await?;
        standing.owed = Nanos::new(used.saturating_sub(invoiced));
        standing.invoiced = Nanos::new(invoiced);
        load_rare(&mut connection, &customer, &mut standing, now).await?;
        Ok(standing)
    }

    async fn load_subscription(
        &self,
        connection: &mut AnyConnection,
        standing: &mut Standing,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(row) = subscriptions::current(connection, standing.customer).await? else { return Ok(()) };
        let plan = catalogue::plan(connection, &self.catalogue, &row.plan, Some(row.plan_version)).await?;
        let mut add_ons = Vec::new();
        for add_on in &row.add_ons {
            add_ons.push(catalogue::add_on(connection, &self.catalogue, &add_on.key, Some(add_on.version)).await?);
        }
        let period = billing_period(row.anchor_at.0, &standing.zone, plan.cadence, now).period;
        standing.quotas = load_quotas(connection, standing, &plan, period, now).await?;
        standing.subscription = Some(Subscription {
            id: row.id.0,
            plan,
            add_ons: add_ons.into(),
            state: row.state.to_core(),
            anchor: row.anchor_at.0,
            period,
        });
        Ok(())
    }
}

/// What was used of each quota in its present period: the balance of its ledger account.
async fn load_quotas(
    connection: &mut AnyConnection,
    standing: &Standing,
    plan: &Arc<Plan>,
    billing: Period,
    now: Timestamp,
) -> Result<Box<[Window]>, StoreError> {
    let mut windows = Vec::with_capacity(plan.quotas.len());
    for quota in &plan.quotas {
        let period = quota_period(quota.period, billing, &standing.zone, now);
        let account =
            LedgerAccount::Quota { customer: standing.customer, quota: quota.id.clone(), period_start: period.start };
        let unit = Unit::Meter(quota.meters.to_string().into());
        let (used, _) = ledger::balance(connection, &account, &unit).await?;
        windows.push(Window::with_used(period, u64::try_from(used).unwrap_or(0)));
    }
    Ok(windows.into())
}

async fn load_rare(
    connection: &mut AnyConnection,
    customer: &Customer,
    standing: &mut Standing,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = standing.customer;
    let method = payments::newest(connection, id).await?;
    let open = invoices::open(connection, id).await?;
    let caps = load_caps(connection, customer, standing, now).await?;
    let tiers = load_tiers(connection, standing).await?;
    let is_rare = customer.frozen.is_some()
        || customer.commitment.is_some()
        || customer.verification_declined_at.is_some()
        || method.is_some()
        || !open.is_empty()
        || !caps.is_empty()
        || !tiers.is_empty();
    if !is_rare {
        return Ok(());
    }
    let rare = standing.rare_mut();
    rare.frozen = customer.frozen.as_ref().map(|frozen| Freeze {
        case: frozen.case.as_str().into(),
        since: frozen.since.0,
        expected_by: frozen.expected_by.map(|at| at.0),
        known_by: KnownBy::Everybody,
    });
    rare.commitment =
        customer.commitment.map(|due| Commitment { minimum: due.minimum.0, paid: due.paid.0, due_at: due.due_at.0 });
    rare.verification_declined_at = customer.verification_declined_at.map(|at| at.0);
    rare.payment_method = method.map(|method| method.to_core());
    rare.invoices = open;
    rare.caps = caps;
    rare.tiers = tiers;
    Ok(())
}

/// All caps that the customer, its applications and its keys carry, with what counts against them.
async fn load_caps(
    connection: &mut AnyConnection,
    customer: &Customer,
    standing: &Standing,
    now: Timestamp,
) -> Result<Vec<CapState>, StoreError> {
    const APPLICATIONS: &str = "SELECT id, caps FROM applications WHERE customer_id = $1 AND caps <> '[]'";
    const KEYS: &str = "
        SELECT id, policy FROM api_keys WHERE customer_id = $1 AND revoked_at IS NULL AND policy LIKE '%\"caps\"%'";
    let owner = standing.customer.to_string();
    let mut caps: Vec<SpendCap> = caps_to_core(CapScope::Customer, &customer.caps)?;
    for row in sqlx::query(APPLICATIONS).bind(&owner).fetch_all(&mut *connection).await? {
        let scope = CapScope::Application(row.parsed::<ApplicationId>("id")?);
        caps.extend(caps_to_core(scope, &row.json::<Vec<_>>("caps")?)?);
    }
    for row in sqlx::query(KEYS).bind(&owner).fetch_all(&mut *connection).await? {
        let scope = CapScope::Key(row.parsed::<KeyId>("id")?);
        caps.extend(caps_to_core(scope, &row.json::<crate::keys::KeyPolicy>("policy")?.caps)?);
    }
    let mut states = Vec::with_capacity(caps.len());
    for cap in caps {
        let period = cap_period(cap.period, &standing.zone, now);
        let name = counter_names::cap(cap.scope, cap.period);
        let spent = counter(connection, &owner, &name, period.start).await?.0;
        states.push(CapState { cap, window: Window::with_used(period, u64::try_from(spent).unwrap_or(0)) });
    }
    Ok(states)
}

async fn counter(
    connection: &mut AnyConnection,
    customer: &str,
    name: &str,
    period_start: Timestamp,
) -> Result<(i64, i64, i64), StoreError> {
    const READ: &str = "
        SELECT quantity, charged_nanos, charged_picos FROM counters
         WHERE customer_id = $1 AND name = $2 AND period_start = $3";
    let row =
        sqlx::query(READ).bind(customer).bind(name).bind(period_start.unix_micros()).fetch_optional(connection).await?;
    row.map_or(Ok((0, 0, 0)), |row| Ok((row.int("quantity")?, row.int("charged_nanos")?, row.int("charged_picos")?)))
}

/// Progress in cumulative prices in the running billing period.
async fn load_tiers(connection: &mut AnyConnection, standing: &Standing) -> Result<Vec<TierState>, StoreError> {
    const LIST: &str = "
        SELECT name, quantity, charged_nanos, charged_picos FROM counters
         WHERE customer_id = $1 AND period_start = $2 AND name LIKE 'tier:%'";
    let period = standing.subscription.as_ref().map_or(Period::ALWAYS, |s| s.period);
    let rows = sqlx::query(LIST)
        .bind(standing.customer.to_string())
        .bind(period.start.unix_micros())
        .fetch_all(connection)
        .await?;
    let mut tiers = Vec::with_capacity(rows.len());
    for row in rows {
        let Some((price, component)) = counter_names::parse_tier(&row.text("name")?) else { continue };
        let charged = Picos::from_nanos(row.nanos("charged_nanos")?)
            .plus(Picos::from_picos(i128::from(row.int("charged_picos")?)))
            .unwrap_or_default();
        let quantity = u64::try_from(row.int("quantity")?).unwrap_or(0);
        tiers.push(TierState { price, component, period, progress: Progress { quantity, charged }, held: 0 });
    }
    Ok(tiers)
}
