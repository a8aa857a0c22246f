//! Reading roll-ups: what was used, by hour, route, model and outcome.

use serde::Serialize;
use tollgate_core::id::CustomerId;
use tollgate_core::meter::{Meter, Usage};
use tollgate_core::time::Timestamp;

use crate::definition::{Amount, At, Text};
use crate::row::Columns as _;
use crate::{Store, StoreError};

/// What was used in an hour by one key on one route and model, with one outcome.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct UsageRow {
    /// The hour, by its start.
    pub hour: At,
    /// The application.
    pub application: String,
    /// The key.
    pub key: String,
    /// `api.route`.
    pub route: String,
    /// The model; empty on other routes.
    pub model: String,
    /// `served`, `upstream_error`, or the reason of a refusal.
    pub outcome: String,
    /// The currency of `cost`; empty if nothing was charged.
    pub currency: String,
    /// How many requests.
    pub requests: i64,
    /// What they cost.
    pub cost: Amount,
    /// Quantities by meter.
    #[schema(value_type = Object)]
    pub usage: std::collections::BTreeMap<&'static str, u64>,
}

/// A crossed warning stage of a quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CrossedThreshold {
    /// The quota.
    pub quota: String,
    /// The stage in percent.
    pub stage: i64,
    /// The start of the quota's period.
    pub period_start: At,
    /// When it was crossed.
    pub crossed_at: At,
}

impl Store {
    /// What a customer used between two instants, by hour.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn usage(
        &self,
        customer: CustomerId,
        from: Timestamp,
        to: Timestamp,
        limit: i64,
    ) -> Result<Vec<UsageRow>, StoreError> {
        const LIST: &str = "
            SELECT * FROM rollups WHERE customer_id = $1 AND hour >= $2 AND hour < $3
             ORDER BY hour DESC, route, model, outcome, key_id LIMIT $4";
        self.fold_customer(customer).await?;
        let rows = sqlx::query(LIST)
            .bind(customer.to_string())
            .bind(from.unix_micros())
            .bind(to.unix_micros())
            .bind(limit)
            .fetch_all(&self.db.pool)
            .await?;
        rows.iter()
            .map(|row| {
                let mut usage = Usage::NONE;
                for &meter in Meter::ALL {
                    usage.set(meter, u64::try_from(row.int(meter.name())?).unwrap_or(0));
                }
                Ok(UsageRow {
                    hour: Text(row.at("hour")?),
                    application: row.text("application_id")?,
                    key: row.text("key_id")?,
                    route: row.text("route")?,
                    model: row.text("model")?,
                    outcome: row.text("outcome")?,
                    currency: row.text("currency")?,
                    requests: row.int("requests")?,
                    cost: Text(row.nanos("cost")?),
                    usage: usage.iter().map(|(meter, quantity)| (meter.name(), quantity)).collect(),
                })
            })
            .collect()
    }

    /// The warning stages that a customer's quotas have crossed, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn crossed_thresholds(
        &self,
        customer: CustomerId,
        limit: i64,
    ) -> Result<Vec<CrossedThreshold>, StoreError> {
        const LIST: &str = "
            SELECT quota, stage, period_start, crossed_at FROM thresholds WHERE customer_id = $1
             ORDER BY crossed_at DESC, stage DESC LIMIT $2";
        self.fold_customer(customer).await?;
        let rows = sqlx::query(LIST).bind(customer.to_string()).bind(limit).fetch_all(&self.db.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(CrossedThreshold {
                    quota: row.text("quota")?,
                    stage: row.int("stage")?,
                    period_start: Text(row.at("period_start")?),
                    crossed_at: Text(row.at("crossed_at")?),
                })
            })
            .collect()
    }
}
