//! Wallet grants: top-ups and credit.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use tollgate_core::id::{CustomerId, GrantId};
use tollgate_core::ledger::{LedgerAccount, Unit, template};
use tollgate_core::money::Nanos;
use tollgate_core::standing::{Grant, GrantScope, Provenance};
use tollgate_core::time::Timestamp;

use crate::definition::{Amount, At, CurrencyCode, CustomerIdText, GrantIdText, Text, names};
use crate::row::{Columns as _, to_json};
use crate::{Change, Store, StoreError, ledger};

/// A grant as it is stored, with what is left of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GrantRow {
    /// Its id.
    pub id: GrantIdText,
    /// Whose.
    pub customer: CustomerIdText,
    /// Bought or given.
    pub provenance: ProvenanceName,
    /// 0 burns first.
    pub priority: u8,
    /// APIs and routes it may be spent on; empty for everything.
    pub scope: Vec<String>,
    /// What it was.
    pub amount: Amount,
    /// What is left.
    pub remaining: Amount,
    /// Of what.
    pub currency: CurrencyCode,
    /// From when it may be spent.
    pub effective_at: At,
    /// When it expires.
    pub expires_at: Option<At>,
    /// Why it was given.
    pub note: String,
}

/// Bought or given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProvenanceName {
    /// Bought.
    Paid,
    /// Given.
    Promotional,
}

/// What a new grant is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// How much.
    pub amount: Amount,
    /// 0 burns first.
    #[serde(default = "middle")]
    pub priority: u8,
    /// APIs and routes it may be spent on; empty for everything.
    #[serde(default)]
    pub scope: Vec<String>,
    /// From when it may be spent; now if absent.
    #[serde(default)]
    pub effective_at: Option<At>,
    /// When it expires; never if absent.
    #[serde(default)]
    pub expires_at: Option<At>,
    /// Why it is given.
    #[serde(default)]
    pub note: String,
}

const fn middle() -> u8 {
    50
}

/// Where a grant comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// Paid in advance through this payment provider.
    Paid {
        /// `simulator`, `manual`, ...
        provider: &'a str,
    },
    /// Given.
    Given,
}

/// The most that one top-up or grant may be, in units: a mistyped amount is not a fortune.
pub const AMOUNT_UNITS_MAX: i64 = 1_000_000;

/// A top-up or grant moves more than nothing, and no more than [`AMOUNT_UNITS_MAX`].
pub(crate) fn check_amount(field: &str, amount: Nanos) -> Result<(), StoreError> {
    if amount.is_positive() && amount <= Nanos::units(AMOUNT_UNITS_MAX) {
        return Ok(());
    }
    Err(StoreError::invalid(field, format!("an amount above 0 and up to {AMOUNT_UNITS_MAX}")))
}

/// A debt is not negative, and no more than [`AMOUNT_UNITS_MAX`].
pub(crate) fn check_debt(field: &str, amount: Nanos) -> Result<(), StoreError> {
    if amount >= Nanos::ZERO && amount <= Nanos::units(AMOUNT_UNITS_MAX) {
        return Ok(());
    }
    Err(StoreError::invalid(field, format!("an amount of 0 to {AMOUNT_UNITS_MAX}")))
}

fn from_row(row: &AnyRow) -> Result<GrantRow, StoreError> {
    let scope: Option<Vec<String>> = row.json_or_null("scope")?;
    Ok(GrantRow {
        id: Text(row.parsed("id")?),
        customer: Text(row.parsed("customer_id")?),
        provenance: match row.text("provenance")?.as_str() {
            "paid" => ProvenanceName::Paid,
            _ => ProvenanceName::Promotional,
        },
        priority: u8::try_from(row.int("priority")?).unwrap_or(u8::MAX),
        scope: scope.unwrap_or_default(),
        amount: Text(row.nanos("amount")?),
        remaining: Text(row.nanos("remaining")?),
        currency: Text(row.parsed("currency")?),
        effective_at: Text(row.at("effective_at")?),
        expires_at: row.at_or_null("expires_at")?.map(Text),
        note: row.text("note")?,
    })
}

/// The grants of a customer that are not voided and of which something is left. What is left is the
/// balance of the grant's ledger account: nothing else is stored.
pub(crate) async fn left(connection: &mut AnyConnection, customer: CustomerId) -> Result<Vec<GrantRow>, StoreError> {
    const LIST: &str = "
        SELECT g.id, g.customer_id, g.provenance, g.priority, g.scope, g.amount, g.currency, g.effective_at,
               g.expires_at, g.note, b.credits - b.debits AS remaining
          FROM grants g JOIN balances b ON b.account = 'grant:' || g.id AND b.unit = g.currency
         WHERE g.customer_id = $1 AND g.voided_at IS NULL AND b.credits > b.debits
         ORDER BY g.id";
    let rows = sqlx::query(LIST).bind(customer.to_string()).fetch_all(connection).await?;
    rows.iter().map(from_row).collect()
}

impl GrantRow {
    /// The grant as decisions see it.
    #[must_use]
    pub fn to_core(&self) -> Grant {
        Grant {
            id: self.id.0,
            provenance: match self.provenance {
                ProvenanceName::Paid => Provenance::Paid,
                ProvenanceName::Promotional => Provenance::Promotional,
            },
            priority: self.priority,
            scope: (!self.scope.is_empty()).then(|| Arc::new(GrantScope { routes: names(&self.scope) })),
            effective_at: self.effective_at.0,
            expires_at: self.expires_at.map_or(Timestamp::MAX, |at| at.0),
            remaining: self.remaining.0,
            held: Nanos::ZERO,
        }
    }
}

impl NewGrant {
    /// Whether it can be added at `now`. Whoever takes money for it asks before.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub fn check(&self, now: Timestamp) -> Result<(), StoreError> {
        check_amount("amount", self.amount.0)?;
        let effective_at = self.effective_at.map_or(now, |at| at.0);
        if self.expires_at.is_some_and(|at| at.0 <= effective_at.max(now)) {
            return Err(StoreError::invalid("expires_at", "an instant in the future"));
        }
        Ok(())
    }
}

impl Store {
    /// The grants of a customer of which something is left.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn grants(&self, customer: CustomerId) -> Result<Vec<GrantRow>, StoreError> {
        self.fold_customer(customer).await?;
        let mut connection = self.db.pool.acquire().await?;
        left(&mut connection, customer).await
    }
}

impl Change {
    /// Adds a grant to a customer's wallet.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a customer, [`StoreError::Invalid`] naming the field.
    pub async fn add_grant(
        &mut self,
        customer: CustomerId,
        origin: Origin<'_>,
        new: &NewGrant,
    ) -> Result<GrantRow, StoreError> {
        const INSERT: &str = "
            INSERT INTO grants (id, customer_id, provenance, priority, scope, amount, currency, effective_at,
                                expires_at, note, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        new.check(self.now)?;
        let effective_at = new.effective_at.map_or(self.now, |at| at.0);
        let owner = self.read_customer(customer).await?;
        let grant = GrantRow {
            id: Text(self.store.mint()),
            customer: Text(customer),
            provenance: match origin {
                Origin::Paid { .. } => ProvenanceName::Paid,
                Origin::Given => ProvenanceName::Promotional,
            },
            priority: new.priority,
            scope: new.scope.clone(),
            amount: new.amount,
            remaining: new.amount,
            currency: owner.currency,
            effective_at: Text(effective_at),
            expires_at: new.expires_at,
            note: new.note.chars().filter(|c| !c.is_control()).take(500).collect(),
        };
        let provenance = if grant.provenance == ProvenanceName::Paid { "paid" } else { "promotional" };
        sqlx::query(INSERT)
            .bind(grant.id.0.to_string())
            .bind(customer.to_string())
            .bind(provenance)
            .bind(i64::from(grant.priority))
            .bind((!grant.scope.is_empty()).then(|| to_json(&grant.scope)).transpose()?)
            .bind(grant.amount.0.get())
            .bind(grant.currency.0.to_string())
            .bind(effective_at.unix_micros())
            .bind(grant.expires_at.map(|at| at.0.unix_micros()))
            .bind(&grant.note)
            .bind(self.now.unix_micros())
            .execute(self.connection())
            .await?;
        let reference = customer.to_string();
        let entry = template::Entry { id: self.store.mint(), at: self.now, reference: &reference };
        let transfer = match origin {
            Origin::Paid { provider } => {
                template::top_up(&entry, provider, grant.id.0, grant.amount.0, grant.currency.0)
            }
            Origin::Given => template::give(&entry, grant.id.0, grant.amount.0, grant.currency.0),
        };
        self.post(&[transfer]).await?;
        self.touched.customers.push(customer);
        let action = if matches!(origin, Origin::Given) { "grant.give" } else { "grant.top_up" };
        self.audit(action, &grant.id.0.to_string(), None::<&()>, Some(&grant)).await?;
        Ok(grant)
    }

    /// Takes back what is left of a grant.
    ///
    /// What running requests hold of it is settled against the operator's loss.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn void_grant(&mut self, customer: CustomerId, id: GrantId) -> Result<(), StoreError> {
        const UPDATE: &str =
            "UPDATE grants SET voided_at = $3 WHERE id = $1 AND customer_id = $2 AND voided_at IS NULL";
        let currency = self.read_customer(customer).await?.currency.0;
        let account = LedgerAccount::Grant(id);
        // Nothing is spent of it between the look and the transfer.
        ledger::lock(self.connection()).await?;
        let (debits, credits) = ledger::balance(self.connection(), &account, &Unit::Currency(currency)).await?;
        let now = self.now.unix_micros();
        let updated = sqlx::query(UPDATE)
            .bind(id.to_string())
            .bind(customer.to_string())
            .bind(now)
            .execute(self.connection())
            .await?;
        if updated.rows_affected() == 0 {
            return Err(StoreError::not_found("grant", id));
        }
        let left = Nanos::new(credits.saturating_sub(debits));
        if left.is_positive() {
            let reference = customer.to_string();
            let entry = template::Entry { id: self.store.mint(), at: self.now, reference: &reference };
            self.post(&[template::void(&entry, id, left, currency)]).await?;
        }
        self.touched.customers.push(customer);
        self.audit("grant.void", &id.to_string(), Some(&Text(left)), None::<&()>).await
    }
}
