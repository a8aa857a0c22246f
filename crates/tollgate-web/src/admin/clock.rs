//! The clock. In a sandbox it can be moved on, so that a year of renewals, failures and reminders is seen
//! in a minute.

use std::time::Duration;

use axum::extract::State;
use jiff::{Span, tz::TimeZone};
use serde::{Deserialize, Serialize};
use tollgate_core::time::Timestamp;
use tollgate_store::definition::{At, Text};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Deed, Failures, Problem, Sent, deed};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(read_clock, move_clock))
}

/// What the clock shows.
#[derive(Serialize, utoipa::ToSchema)]
struct Shown {
    /// The present instant.
    now: At,
    /// Whether it can be moved.
    can_be_moved: bool,
}

/// Read the clock.
#[utoipa::path(
    get, path = "/clock", tag = "clock",
    responses((status = 200, description = "What it shows.", body = Shown), Failures)
)]
async fn read_clock(State(web): State<Web>) -> axum::Json<Shown> {
    axum::Json(Shown { now: Text(web.store().now()), can_be_moved: web.is_sandbox() })
}

/// How far the clock is moved on: exactly one of `by` and `to`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Move {
    /// So far: `30 days`, `1 month`, `PT12H`.
    #[serde(default)]
    by: Option<String>,
    /// To this instant.
    #[serde(default)]
    to: Option<At>,
}

/// The furthest that one move goes.
const FURTHEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Move the test clock of a sandbox on. Everything that falls into that time happens.
#[utoipa::path(
    post, path = "/clock", tag = "clock", request_body = Move,
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once.")),
    responses((status = 200, description = "What it shows now.", body = Shown), Failures)
)]
async fn move_clock(State(web): State<Web>, sent: Sent<Move>) -> Answer {
    if !web.is_sandbox() {
        return Err(Problem::conflict("the clock can be moved in a sandbox only").into());
    }
    deed::not_done(&web, &sent.once).await?;
    let by = distance(&sent.value, web.store().now())?;
    web.gate().move_clock(by).await.map_err(Problem::conflict)?;
    let deed = Deed::begin(&web, sent.once).await?;
    deed.done(&Shown { now: Text(web.store().now()), can_be_moved: true }).await
}

fn distance(sent: &Move, now: Timestamp) -> Result<Duration, Problem> {
    let expected = "a time such as `30 days`, `1 month` or `PT12H`, and at most ten years";
    let (field, to) = match (&sent.by, &sent.to) {
        (Some(by), None) => {
            let span: Span = by.parse().map_err(|_| Problem::invalid("by", expected))?;
            let to = now.to_jiff().to_zoned(TimeZone::UTC).checked_add(span);
            ("by", to.map_err(|_| Problem::invalid("by", expected))?.timestamp().into())
        }
        (None, Some(to)) => ("to", to.0),
        _ => return Err(Problem::invalid("by", "exactly one of `by` and `to`")),
    };
    match to.since(now) {
        by if by > Duration::ZERO && by <= FURTHEST => Ok(by),
        _ => Err(Problem::invalid(field, "a time to come, and at most ten years ahead")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_on_and_not_back() {
        let now: Timestamp = "2026-11-21T09:30:00Z".parse().unwrap();
        let days = |by: Option<&str>, to: Option<&str>| {
            let sent = Move { by: by.map(str::to_owned), to: to.map(|to| Text(to.parse().unwrap())) };
            distance(&sent, now).map(|by| by.as_secs() / 86_400).ok()
        };
        assert_eq!(days(Some("30 days"), None), Some(30));
        assert_eq!(days(Some("1 month"), None), Some(30));
        assert_eq!(days(Some("PT48H"), None), Some(2));
        assert_eq!(days(None, Some("2026-12-01T09:30:00Z")), Some(10));
        for by in ["-1 day", "0 s", "soon", "", "200 years", "99999999999 years"] {
            assert_eq!(days(Some(by), None), None, "{by}");
        }
        assert_eq!(days(None, Some("2026-11-01T00:00:00Z")), None);
        assert_eq!(days(None, None), None);
    }
}
