//! The call log: every request, served and refused, read back from the settlement log.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
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

/// Requests that a search found, and where to go on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallPage {
    /// The newest first.
    pub calls: Vec<Call>,
    /// Where the next page begins; `None` if the log ends here.
    pub next: Option<CallPlace>,
}

/// A place in the log: everything before entry `before` of a group is still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPlace {
    committed_at: i64,
    seq: i64,
    before: usize,
    node: String,
}

impl CallPlace {
    fn newest() -> Self {
        Self { committed_at: i64::MAX, seq: i64::MAX, before: usize::MAX, node: String::new() }
    }
}

/// A text that can go into a URL and back.
impl fmt::Display for CallPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.committed_at, self.seq, self.before, self.node)
    }
}

impl FromStr for CallPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected `next` of the page before";
        let mut parts = text.splitn(4, '.');
        let mut part = || parts.next().ok_or(EXPECTED);
        Ok(Self {
            committed_at: part()?.parse().map_err(|_| EXPECTED)?,
            seq: part()?.parse().map_err(|_| EXPECTED)?,
            before: part()?.parse().map_err(|_| EXPECTED)?,
            node: part()?.to_owned(),
        })
    }
}

/// The most groups one search reads: a bound on its time. The next page goes on from there.
const GROUPS_MAX: usize = 20_000;

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
        Ok(self.calls_page(filter, None, limit).await?.calls)
    }

    /// Requests that match `filter`, newest first, from `after` on. A page can be short and have a next
    /// one: a search reads so much of the log at a time.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn calls_page(
        &self,
        filter: &CallFilter,
        after: Option<CallPlace>,
        limit: usize,
    ) -> Result<CallPage, StoreError> {
        const PAGE: &str = "
            SELECT node, seq, committed_at, payload FROM settlements
             WHERE (committed_at, node, seq) <= ($1, $2, $3) AND started_max >= $4
             ORDER BY committed_at DESC, node DESC, seq DESC LIMIT 100";
        let since = filter.since.map_or(i64::MIN, Timestamp::unix_micros);
        let mut place = after.unwrap_or_else(CallPlace::newest);
        let mut calls = Vec::new();
        for _ in 0..GROUPS_MAX / 100 {
            let rows = sqlx::query(PAGE)
                .bind(place.committed_at)
                .bind(&place.node)
                .bind(place.seq)
                .bind(since)
                .fetch_all(&self.db.pool)
                .await?;
            let mut has_new = false;
            for row in &rows {
                let group = (row.int("committed_at")?, row.int("seq")?, row.text("node")?);
                let is_begun = group == (place.committed_at, place.seq, place.node.clone());
                if !is_begun {
                    (place.committed_at, place.seq, place.node) = group;
                    place.before = usize::MAX;
                    has_new = true;
                }
                let payload = row.bytes("payload")?;
                let entries = decode_all(&payload).collect::<Result<Vec<_>, _>>()?;
                for (index, entry) in entries.iter().enumerate().take(place.before).rev() {
                    if calls.len() == limit {
                        return Ok(CallPage { calls, next: Some(CallPlace { before: index + 1, ..place }) });
                    }
                    if let Entry::Call(call) = entry
                        && filter.matches(call)
                    {
                        calls.push(Call::from_entry(call));
                    }
                }
                place.before = 0;
            }
            if !has_new {
                return Ok(CallPage { calls, next: None });
            }
        }
        Ok(CallPage { calls, next: Some(place) })
    }
}
