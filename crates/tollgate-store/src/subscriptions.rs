//! Subscriptions as facts: which plan, which state, since when. The calendar that moves them is the
//! billing crate's business.

use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use tollgate_core::id::CustomerId;
use tollgate_core::standing::{Decline, SubscriptionState, SuspendedBy};

use crate::customers::Customer;
use crate::definition::{Amount, At, CustomerIdText, SubscriptionIdText, Text};
use crate::grants::check_debt;
use crate::row::{Columns as _, to_json};
use crate::{Change, Store, StoreError};

/// A subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SubscriptionRow {
    /// Its id.
    pub id: SubscriptionIdText,
    /// Whose.
    pub customer: CustomerIdText,
    /// The plan.
    pub plan: String,
    /// The version that was sold.
    pub plan_version: u32,
    /// Add-ons with the versions that were sold.
    pub add_ons: Vec<AddOnRef>,
    /// Where it stands.
    pub state: State,
    /// The instant from which billing periods are counted.
    pub anchor_at: At,
    /// When it was made.
    pub created_at: At,
}

/// An add-on in a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AddOnRef {
    /// The add-on.
    pub key: String,
    /// The version that was sold.
    pub version: u32,
}

/// Where a subscription stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum State {
    /// On trial.
    Trialing {
        /// The first instant after the trial.
        ends_at: At,
    },
    /// Paid up.
    Active,
    /// A payment failed.
    PastDue {
        /// When it failed first.
        since: At,
        /// Until when access continues.
        grace_until: At,
        /// What must be paid.
        amount_due: Amount,
        /// How often it was tried.
        attempts: u32,
        /// The decline code.
        code: String,
    },
    /// Access stopped.
    Suspended {
        /// Since when.
        since: At,
        /// By whom: `dunning`, `operator` or `customer`.
        by: SuspendedByName,
        /// What must be paid.
        amount_due: Amount,
    },
    /// Ended because it was not renewed.
    Expired {
        /// When.
        ended_at: At,
    },
    /// Ended by choice.
    Canceled {
        /// When.
        ended_at: At,
    },
}

/// Who suspended a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuspendedByName {
    /// The dunning schedule.
    Dunning,
    /// The operator.
    Operator,
    /// The customer.
    Customer,
}

impl State {
    /// Whether a subscription may be in it.
    fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::PastDue { amount_due, .. } | Self::Suspended { amount_due, .. } => {
                check_debt("state.amount_due", amount_due.0)
            }
            Self::Trialing { .. } | Self::Active | Self::Expired { .. } | Self::Canceled { .. } => Ok(()),
        }
    }

    /// The state as decisions see it.
    #[must_use]
    pub fn to_core(&self) -> SubscriptionState {
        match self {
            Self::Trialing { ends_at } => SubscriptionState::Trialing { ends_at: ends_at.0 },
            Self::Active => SubscriptionState::Active,
            Self::PastDue { since, grace_until, amount_due, attempts, code } => {
                SubscriptionState::PastDue(Box::new(Decline {
                    since: since.0,
                    grace_until: grace_until.0,
                    amount_due: amount_due.0,
                    attempts: *attempts,
                    code: code.as_str().into(),
                }))
            }
            Self::Suspended { since, by, amount_due } => SubscriptionState::Suspended {
                since: since.0,
                by: match by {
                    SuspendedByName::Dunning => SuspendedBy::Dunning,
                    SuspendedByName::Operator => SuspendedBy::Operator,
                    SuspendedByName::Customer => SuspendedBy::Customer,
                },
                amount_due: amount_due.0,
            },
            Self::Expired { ended_at } => SubscriptionState::Expired { ended_at: ended_at.0 },
            Self::Canceled { ended_at } => SubscriptionState::Canceled { ended_at: ended_at.0 },
        }
    }
}

/// What a new subscription is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// The plan.
    pub plan: String,
    /// Its version; the newest if absent.
    #[serde(default)]
    pub plan_version: Option<u32>,
    /// Add-ons: those the customer has in the version that was sold, others in their newest.
    #[serde(default)]
    pub add_ons: Vec<String>,
    /// Where it stands; active, or on trial if the plan has one, if absent.
    #[serde(default)]
    pub state: Option<State>,
    /// The instant from which billing periods are counted; now if absent.
    #[serde(default)]
    pub anchor_at: Option<At>,
}

fn from_row(row: &AnyRow) -> Result<SubscriptionRow, StoreError> {
    Ok(SubscriptionRow {
        id: Text(row.parsed("id")?),
        customer: Text(row.parsed("customer_id")?),
        plan: row.text("plan")?,
        plan_version: u32::try_from(row.int("plan_version")?).unwrap_or(0),
        add_ons: row.json("add_ons")?,
        state: row.json("state")?,
        anchor_at: Text(row.at("anchor_at")?),
        created_at: Text(row.at("created_at")?),
    })
}

/// The subscription that counts for a customer: the one that no later one has replaced.
pub(crate) async fn current(
    connection: &mut AnyConnection,
    customer: CustomerId,
) -> Result<Option<SubscriptionRow>, StoreError> {
    const READ: &str = "
        SELECT id, customer_id, plan, plan_version, add_ons, state, anchor_at, created_at FROM subscriptions
         WHERE customer_id = $1 AND ended_at IS NULL";
    let row = sqlx::query(READ).bind(customer.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(from_row).transpose()
}

impl Store {
    /// The subscriptions of a customer, newest first. The one that counts comes first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn subscriptions(&self, customer: CustomerId) -> Result<Vec<SubscriptionRow>, StoreError> {
        const LIST: &str = "
            SELECT id, customer_id, plan, plan_version, add_ons, state, anchor_at, created_at FROM subscriptions
             WHERE customer_id = $1 ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC";
        let rows = sqlx::query(LIST).bind(customer.to_string()).fetch_all(&self.db.pool).await?;
        rows.iter().map(from_row).collect()
    }
}

impl Change {
    /// Puts a customer on a plan. An earlier subscription is ended.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a customer, plan or add-on; [`StoreError::Invalid`] if the
    /// plan is in another currency.
    pub async fn subscribe(
        &mut self,
        customer: CustomerId,
        new: &NewSubscription,
    ) -> Result<SubscriptionRow, StoreError> {
        const INSERT: &str = "
            INSERT INTO subscriptions (id, customer_id, plan, plan_version, add_ons, state, anchor_at, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        const END: &str = "UPDATE subscriptions SET ended_at = $2 WHERE customer_id = $1 AND ended_at IS NULL";
        let owner = self.read_customer(customer).await?;
        let plan = self.plan(&new.plan, new.plan_version).await?;
        if plan.currency != owner.currency.0 {
            let expected = format!("a plan in {}, the customer's currency", owner.currency.0);
            return Err(StoreError::invalid("plan", expected));
        }
        let before = current(self.connection(), customer).await?;
        let mut add_ons = Vec::new();
        for key in &new.add_ons {
            // Who has an add-on keeps it as it was sold, also if it is not on sale any more.
            let had = before.as_ref().and_then(|before| before.add_ons.iter().find(|add_on| add_on.key == *key));
            add_ons.push(match had {
                Some(had) => had.clone(),
                None => self.sold_add_on(&owner, key).await?,
            });
        }
        let state = new.state.clone().unwrap_or_else(|| match plan.trial_days {
            0 => State::Active,
            days => {
                let trial = std::time::Duration::from_secs(u64::from(days) * 86_400);
                State::Trialing { ends_at: Text(self.now + trial) }
            }
        });
        if let Some(state) = &new.state {
            state.check()?;
        }
        let row = SubscriptionRow {
            id: Text(self.store.mint()),
            customer: Text(customer),
            plan: new.plan.clone(),
            plan_version: plan.version,
            add_ons,
            state,
            anchor_at: new.anchor_at.unwrap_or(Text(self.now)),
            created_at: Text(self.now),
        };
        sqlx::query(END).bind(customer.to_string()).bind(self.now.unix_micros()).execute(self.connection()).await?;
        sqlx::query(INSERT)
            .bind(row.id.0.to_string())
            .bind(customer.to_string())
            .bind(&row.plan)
            .bind(i64::from(row.plan_version))
            .bind(to_json(&row.add_ons)?)
            .bind(to_json(&row.state)?)
            .bind(row.anchor_at.0.unix_micros())
            .bind(self.now.unix_micros())
            .execute(self.connection())
            .await?;
        self.touched.customers.push(customer);
        self.audit("subscription.create", &row.id.0.to_string(), before.as_ref(), Some(&row)).await?;
        Ok(row)
    }

    /// The subscription that counts for a customer, if there is one.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn current_subscription(&mut self, customer: CustomerId) -> Result<Option<SubscriptionRow>, StoreError> {
        current(self.connection(), customer).await
    }

    /// Moves a subscription to another state.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without a subscription, [`StoreError::Invalid`] naming the field.
    pub async fn set_subscription_state(
        &mut self,
        customer: CustomerId,
        state: &State,
    ) -> Result<SubscriptionRow, StoreError> {
        state.check()?;
        let before = self.must_have_subscription(customer).await?;
        let after = SubscriptionRow { state: state.clone(), ..before.clone() };
        self.write_subscription("subscription.state", &before, &after).await?;
        Ok(after)
    }

    /// Adds an add-on, in its newest version, to the current subscription.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without a subscription or add-on.
    pub async fn buy_add_on(&mut self, customer: CustomerId, key: &str) -> Result<SubscriptionRow, StoreError> {
        let before = self.must_have_subscription(customer).await?;
        let owner = self.read_customer(customer).await?;
        let bought = self.sold_add_on(&owner, key).await?;
        let mut after = before.clone();
        after.add_ons.retain(|add_on| add_on.key != key);
        after.add_ons.push(bought);
        self.write_subscription("subscription.add_on", &before, &after).await?;
        Ok(after)
    }

    /// An add-on in its newest version, as it is sold to `owner`.
    async fn sold_add_on(&mut self, owner: &Customer, key: &str) -> Result<AddOnRef, StoreError> {
        let add_on = self.add_on(key, None).await?;
        if add_on.currency != owner.currency.0 {
            let expected = format!("an add-on in {}, the customer's currency", owner.currency.0);
            return Err(StoreError::invalid("add_on", expected));
        }
        Ok(AddOnRef { key: key.to_owned(), version: add_on.version })
    }

    async fn must_have_subscription(&mut self, customer: CustomerId) -> Result<SubscriptionRow, StoreError> {
        current(self.connection(), customer).await?.ok_or_else(|| StoreError::not_found("subscription of", customer))
    }

    async fn write_subscription(
        &mut self,
        action: &str,
        before: &SubscriptionRow,
        after: &SubscriptionRow,
    ) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE subscriptions SET add_ons = $2, state = $3 WHERE id = $1";
        sqlx::query(UPDATE)
            .bind(after.id.0.to_string())
            .bind(to_json(&after.add_ons)?)
            .bind(to_json(&after.state)?)
            .execute(self.connection())
            .await?;
        self.touched.customers.push(after.customer.0);
        self.audit(action, &after.id.0.to_string(), Some(before), Some(after)).await
    }
}
