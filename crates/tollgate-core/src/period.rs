//! Calendar arithmetic: billing periods, calendar days and months.
//!
//! A period boundary is always computed as *anchor + n*, never from the boundary before it: chaining
//! 31 January by months gives 28 February and then stays on the 28th for ever. Days are clamped to
//! the end of the month. Boundaries are local times in the customer's zone, turned into instants;
//! periods are half-open, `[start, end)` (billing reference, section 3.1 rules 8 to 10).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use crate::time::Timestamp;

/// A half-open stretch of time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first instant that belongs to it.
    pub start: Timestamp,
    /// The first instant that does not.
    pub end: Timestamp,
}

impl Period {
    /// All of time.
    pub const ALWAYS: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// Whether `at` belongs to it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

/// How long a billing period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// So many days.
    Days(u16),
    /// So many weeks.
    Weeks(u16),
    /// So many months; a year is twelve.
    Months(u16),
}

impl Cadence {
    /// One month.
    pub const MONTHLY: Self = Self::Months(1);
    /// Twelve months.
    pub const YEARLY: Self = Self::Months(12);

    /// The span of `n` periods.
    fn span(self, n: i64) -> Span {
        let span = Span::new();
        let of = |count: u16| n.saturating_mul(i64::from(count.max(1)));
        let result = match self {
            Self::Days(count) => span.try_days(of(count)),
            Self::Weeks(count) => span.try_weeks(of(count)),
            Self::Months(count) => span.try_months(of(count)),
        };
        result.unwrap_or(span)
    }

    /// An upper bound of the length of one period, for a first guess of the index.
    fn seconds_max(self) -> i64 {
        const DAY: i64 = 86_400;
        match self {
            Self::Days(count) => i64::from(count.max(1)) * DAY,
            Self::Weeks(count) => i64::from(count.max(1)) * 7 * DAY,
            Self::Months(count) => i64::from(count.max(1)) * 31 * DAY,
        }
    }
}

/// A billing period with its place in the sequence that began at the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillingPeriod {
    /// 0 for the first period. Names the period in idempotency keys; a timestamp does not.
    pub index: i64,
    /// From renewal to renewal.
    pub period: Period,
}

/// The start of billing period `index`: anchor + index periods.
#[must_use]
pub fn boundary(anchor: Timestamp, zone: &TimeZone, cadence: Cadence, index: i64) -> Timestamp {
    let local: DateTime = zone.to_datetime(anchor.to_jiff());
    let moved = local.saturating_add(cadence.span(index));
    instant_of(moved, zone)
}

/// The billing period that contains `at`. Before the anchor, indices are negative.
#[must_use]
pub fn billing_period(anchor: Timestamp, zone: &TimeZone, cadence: Cadence, at: Timestamp) -> BillingPeriod {
    // The guess divides by the longest possible length, so it lies at or before the answer for
    // instants after the anchor. Each correction crosses one whole period.
    let ahead = at.unix_seconds().saturating_sub(anchor.unix_seconds());
    let mut index = ahead.div_euclid(cadence.seconds_max());
    while boundary(anchor, zone, cadence, index) > at {
        index -= 1;
    }
    loop {
        let end = boundary(anchor, zone, cadence, index + 1);
        if end > at || end <= boundary(anchor, zone, cadence, index) {
            let start = boundary(anchor, zone, cadence, index);
            return BillingPeriod { index, period: Period { start, end } };
        }
        index += 1;
    }
}

/// The calendar day in `zone` that contains `at`.
#[must_use]
pub fn calendar_day(zone: &TimeZone, at: Timestamp) -> Period {
    let local = at.to_jiff().to_zoned(zone.clone());
    let start = local.start_of_day().unwrap_or_else(|_| local.clone());
    let next = local.date().tomorrow().map(|day| instant_of(day.at(0, 0, 0, 0), zone));
    Period { start: start.timestamp().into(), end: next.unwrap_or(Timestamp::MAX) }
}

/// The calendar month in `zone` that contains `at`.
#[must_use]
pub fn calendar_month(zone: &TimeZone, at: Timestamp) -> Period {
    let first = at.to_jiff().to_zoned(zone.clone()).date().first_of_month();
    let next = first.saturating_add(Span::new().months(1));
    Period { start: instant_of(first.at(0, 0, 0, 0), zone), end: instant_of(next.at(0, 0, 0, 0), zone) }
}

/// The instant of a local time. A time that a clock change skips or repeats is taken as the zone's
/// rules suggest: skipped ones move forward, of repeated ones the first counts.
fn instant_of(local: DateTime, zone: &TimeZone) -> Timestamp {
    zone.to_zoned(local).map_or(Timestamp::MAX, |zoned: Zoned| zoned.timestamp().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// Local dates of the boundaries `from..to`.
    fn dates(anchor: &str, zone_name: &str, cadence: Cadence, range: std::ops::Range<i64>) -> Vec<String> {
        let zone = zone(zone_name);
        range
            .map(|n| boundary(at(anchor), &zone, cadence, n).to_jiff().to_zoned(zone.clone()).date().to_string())
            .collect()
    }

    #[test]
    fn golden_vector_d1_an_anchor_on_the_31st_returns_to_the_31st() {
        assert_eq!(
            dates("2026-01-31T00:00:00Z", "UTC", Cadence::MONTHLY, 1..4),
            ["2026-02-28", "2026-03-31", "2026-04-30"]
        );
        assert_eq!(dates("2024-01-31T00:00:00Z", "UTC", Cadence::MONTHLY, 1..2), ["2024-02-29"]);
    }

    #[test]
    fn golden_vector_d2_over_two_new_years() {
        let expected = "2023-01-31 2023-02-28 2023-03-31 2023-04-30 2023-05-31 2023-06-30 2023-07-31 2023-08-31 \
                        2023-09-30 2023-10-31 2023-11-30 2023-12-31 2024-01-31 2024-02-29 2024-03-31";
        assert_eq!(dates("2022-12-31T00:00:00Z", "UTC", Cadence::MONTHLY, 1..16).join(" "), expected);
    }

    #[test]
    fn golden_vector_d3_from_the_30th() {
        let got = dates("2022-04-30T00:00:00Z", "UTC", Cadence::MONTHLY, 9..12);
        assert_eq!(got, ["2023-01-30", "2023-02-28", "2023-03-30"]);
        let leap = dates("2022-04-30T00:00:00Z", "UTC", Cadence::MONTHLY, 22..24);
        assert_eq!(leap, ["2024-02-29", "2024-03-30"]);
    }

    #[test]
    fn golden_vectors_d4_and_d5_february() {
        for date in dates("2022-02-28T00:00:00Z", "UTC", Cadence::MONTHLY, 1..30) {
            assert!(date.ends_with("-28"), "{date}");
        }
        assert_eq!(
            dates("2020-02-29T00:00:00Z", "UTC", Cadence::YEARLY, 1..5),
            ["2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29"]
        );
    }

    #[test]
    fn golden_vector_d6_periods_are_half_open() {
        let anchor = at("2025-01-31T15:00:00Z");
        let period = |now: &str| billing_period(anchor, &TimeZone::UTC, Cadence::MONTHLY, at(now)).period;
        assert_eq!(
            period("2025-08-13T00:00:00Z"),
            Period { start: at("2025-07-31T15:00:00Z"), end: at("2025-08-31T15:00:00Z") }
        );
        assert_eq!(
            period("2025-09-30T15:00:00Z"),
            Period { start: at("2025-09-30T15:00:00Z"), end: at("2025-10-31T15:00:00Z") }
        );
    }

    #[test]
    fn golden_vector_d7_in_advance_from_the_last_of_april() {
        assert_eq!(dates("2012-03-31T00:00:00Z", "UTC", Cadence::MONTHLY, 1..3), ["2012-04-30", "2012-05-31"]);
    }

    #[test]
    fn golden_vector_d8_the_month_turns_in_the_customers_zone() {
        let kolkata = zone("Asia/Kolkata");
        let starts = |now: &str| calendar_month(&kolkata, at(now)).start;
        let february = at("2023-01-31T18:30:00Z");
        let march = at("2023-02-28T18:30:00Z");
        assert_eq!(starts("2023-02-28T18:00:00Z"), february);
        for later in ["2023-02-28T19:00:00Z", "2023-03-01T00:00:00Z", "2023-03-01T18:00:00Z"] {
            assert_eq!(starts(later), march);
        }
    }

    #[test]
    fn golden_vector_d9_days_are_calendar_days_also_when_the_clock_changes() {
        for (name, day, hours) in
            [("America/New_York", "2024-03-10T12:00:00Z", 23), ("America/New_York", "2024-11-03T12:00:00Z", 25)]
        {
            let day = calendar_day(&zone(name), at(day));
            assert_eq!(day.end.since(day.start).as_secs(), hours * 3_600, "{name}");
        }
    }

    proptest! {
        /// Every instant lies in exactly the period that is found, and periods touch.
        #[test]
        fn periods_cover_time_without_gaps(
            anchor in 1_600_000_000_i64..1_900_000_000,
            ahead in -200_000_000_i64..400_000_000,
            months in 1_u16..13,
            zone_name in prop::sample::select(vec!["UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"]),
        ) {
            let (anchor, zone) = (Timestamp::from_unix_seconds(anchor), zone(zone_name));
            let now = Timestamp::from_unix_seconds(anchor.unix_seconds() + ahead);
            let found = billing_period(anchor, &zone, Cadence::Months(months), now);
            prop_assert!(found.period.contains(now));
            let next = billing_period(anchor, &zone, Cadence::Months(months), found.period.end);
            prop_assert_eq!(next.period.start, found.period.end);
            prop_assert_eq!(next.index, found.index + 1);
        }
    }

    /// Reliability reference T13: every day of 2024 to 2036 as an anchor.
    #[test]
    fn every_day_of_twelve_years_is_a_sound_anchor() {
        let berlin = zone("Europe/Berlin");
        let mut day = jiff::civil::date(2024, 1, 1);
        while day.year() < 2037 {
            let anchor: Timestamp = berlin.to_zoned(day.at(2, 30, 0, 0)).unwrap().timestamp().into();
            for n in 0..13 {
                let start = boundary(anchor, &berlin, Cadence::MONTHLY, n);
                let found = billing_period(anchor, &berlin, Cadence::MONTHLY, start);
                assert_eq!((found.index, found.period.start), (n, start), "{day} + {n}");
            }
            day = day.tomorrow().unwrap();
        }
    }
}
