//! The call log: every request, served and refused, read back from the settlement log.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tollgate_core::id::{ApplicationId, CustomerId, GrantId, KeyId, RequestId};
use tollgate_core::meter::Meter;
use tollgate_core::money::Nanos;
use tollgate_core::time::Timestamp;

use crate::definition::{Amount, ApplicationIdText, At, CustomerIdText, GrantIdText, KeyIdText, RequestIdText, Text};
use crate::row::Columns as _;
use crate::settlement::{CallEntry, Entry, Flags, decode_all};
use crate::{Store, StoreError};

/// A request as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Call {
    /// Its id.
    pub id: RequestIdText,
    /// When it arrived.
    pub at: At,
    /// Who pays.
    pub customer: Option<CustomerIdText>,
    /// The application.
    pub application: Option<ApplicationIdText>,
    /// The key.
    pub key: Option<KeyIdText>,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// `api.route`.
    pub route: String,
    /// The model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The status of the answer.
    pub status: u16,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the caller was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub problem: Option<serde_json::Value>,
    /// Quantities by meter.
    #[schema(value_type = Object)]
    pub usage: BTreeMap<&'static str, u64>,
    /// Where they come from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub usage_source: String,
    /// What the customer pays.
    pub cost: Amount,
    /// The currency of the amounts; empty if nothing was charged.
    pub currency: String,
    /// What each grant paid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub draws: Vec<(GrantIdText, Amount)>,
    /// What the operator bears.
    pub loss: Amount,
    /// From arrival to the end, in microseconds.
    pub total_us: u64,
    /// Judging it.
    pub gate_us: u64,
    /// Waiting for the upstream.
    pub upstream_us: u64,
    /// Bytes of the request body.
    pub bytes_in: u64,
    /// Bytes of the response body.
    pub bytes_out: u64,
    /// The answer was streamed.
    pub streamed: bool,
    /// The caller left before it was complete.
    pub caller_left: bool,
    /// The upstream failed before it was complete.
    pub upstream_failed: bool,
}

/// Which requests are looked for. Empty fields match everything.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Whose.
    pub customer: Option<CustomerId>,
    /// Refused for this reason.
    pub reason: Option<String>,
    /// With this status.
    pub status: Option<u16>,
    /// On this route.
    pub route: Option<String>,
    /// From this instant on.
    pub since: Option<Timestamp>,
}

/// The most groups one search reads: a bound on its time. A narrower `since` reaches further back.
const GROUPS_MAX: i64 = 20_000;

impl Call {
    fn from_entry(entry: &CallEntry<'_>) -> Self {
        let usage = entry.usage.iter().filter_map(|&(code, n)| Some((Meter::from_code(code)?.name(), n)));
        Self {
            id: Text(RequestId::from_bytes(entry.request.0)),
            at: Text(Timestamp::from_unix_micros(entry.started_at)),
            customer: entry.customer.somebody().map(|bytes| Text(CustomerId::from_bytes(bytes))),
            application: entry.application.somebody().map(|bytes| Text(ApplicationId::from_bytes(bytes))),
            key: entry.key.somebody().map(|bytes| Text(KeyId::from_bytes(bytes))),
            method: entry.method.to_owned(),
            path: entry.path.to_owned(),
            route: entry.route.to_owned(),
            model: entry.model.to_owned(),
            status: entry.status,
            reason: (!entry.reason.is_empty()).then(|| entry.reason.to_owned()),
            problem: serde_json::from_str(entry.problem).ok(),
            usage: usage.collect(),
            usage_source: entry.usage_source.to_owned(),
            cost: Text(Nanos::new(entry.cost)),
            currency: entry.currency.to_owned(),
            draws: entry
                .draws
                .iter()
                .map(|draw| (Text(GrantId::from_bytes(draw.grant.0)), Text(Nanos::new(draw.amount))))
                .collect(),
            loss: Text(Nanos::new(entry.loss)),
            total_us: entry.total_us,
            gate_us: entry.gate_us,
            upstream_us: entry.upstream_us,
            bytes_in: entry.bytes_in,
            bytes_out: entry.bytes_out,
            streamed: entry.flags.has(Flags::STREAMED),
            caller_left: entry.flags.has(Flags::CALLER_LEFT),
            upstream_failed: entry.flags.has(Flags::UPSTREAM_FAILED),
        }
    }
}

impl CallFilter {
    fn matches(&self, entry: &CallEntry<'_>) -> bool {
        self.customer.is_none_or(|customer| customer.to_bytes() == entry.customer.0)
            && self.reason.as_ref().is_none_or(|reason| reason == entry.reason)
            && self.status.is_none_or(|status| status == entry.status)
            && self.route.as_ref().is_none_or(|route| route == entry.route)
            && self.since.is_none_or(|since| entry.started_at >= since.unix_micros())
    }
}

impl Store {
    /// The request `id`. Its id says when it arrived; it was committed when it ended, so groups are looked
    /// through from there on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it is not in the log (any more), or if the database does not answer.
    pub async fn call(&self, id: RequestId) -> Result<Call, StoreError> {
        const FIND: &str = "
            SELECT committed_at, payload FROM settlements
             WHERE committed_at > $1 AND committed_at <= $2 AND started_min <= $3 AND started_max >= $4
             ORDER BY committed_at LIMIT 500";
        // The id is exact to the millisecond, and clocks of commit and arrival may differ a little.
        let arrived = id.minted_at();
        let latest = arrived + Duration::from_secs(24 * 3_600);
        let mut after = arrived - Duration::from_secs(5);
        loop {
            let rows = sqlx::query(FIND)
                .bind(after.unix_micros())
                .bind(latest.unix_micros())
                .bind((arrived + Duration::from_millis(1)).unix_micros())
                .bind(arrived.unix_micros())
                .fetch_all(&self.db.pool)
                .await?;
            let Some(last) = rows.last() else { return Err(StoreError::not_found("request", id)) };
            after = last.at("committed_at")?;
            for row in &rows {
                for entry in decode_all(&row.bytes("payload")?) {
                    if let Entry::Call(call) = entry?
                        && call.request.0 == id.to_bytes()
                    {
                        return Ok(Call::from_entry(&call));
                    }
                }
            }
        }
    }

    /// Requests that match `filter`, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn calls(&self, filter: &CallFilter, limit: usize) -> Result<Vec<Call>, StoreError> {
        const PAGE: &str = "
            SELECT node, seq, committed_at, payload FROM settlements
             WHERE (committed_at, node, seq) < ($1, $2, $3) AND started_max >= $4
             ORDER BY committed_at DESC, node DESC, seq DESC LIMIT 100";
        let since = filter.since.map_or(i64::MIN, Timestamp::unix_micros);
        let mut place = (i64::MAX, String::new(), 0);
        let mut found = Vec::new();
        let mut groups = 0;
        while found.len() < limit && groups < GROUPS_MAX {
            let rows = sqlx::query(PAGE)
                .bind(place.0)
                .bind(&place.1)
                .bind(place.2)
                .bind(since)
                .fetch_all(&self.db.pool)
                .await?;
            let Some(last) = rows.last() else { break };
            place = (last.int("committed_at")?, last.text("node")?, last.int("seq")?);
            for row in &rows {
                groups += 1;
                let mut in_group = Vec::new();
                for entry in decode_all(&row.bytes("payload")?) {
                    if let Entry::Call(call) = entry?
                        && filter.matches(&call)
                    {
                        in_group.push(Call::from_entry(&call));
                    }
                }
                found.extend(in_group.into_iter().rev());
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}
