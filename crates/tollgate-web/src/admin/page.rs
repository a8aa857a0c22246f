//! Lists in pages.

use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};

use super::Problem;

/// How many there are on a page unless it is said, and at most.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 1_000;

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Page<T> {
    /// What is on it.
    pub(crate) data: Vec<T>,
    /// Give this as `after` for the next page; `null` on the last one.
    pub(crate) next: Option<String>,
}

/// How many to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) usize);

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        limit.map(Self).ok_or_else(|| serde::de::Error::custom(format!("expected a number of 1 to {LIMIT_MAX}")))
    }
}

impl Limit {
    /// One more than is shown, to see whether there is a next page.
    pub(crate) fn and_one(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX).saturating_add(1)
    }
}

/// Which part of a list that has nothing else to ask for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// `next` of the page before.
    pub(crate) after: Option<String>,
    /// How many, 1 to 1000; 50 if absent.
    #[param(value_type = Option<u16>)]
    pub(crate) limit: Limit,
}

impl<T> Page<T> {
    /// A page of what was read with [`Limit::and_one`]; `name` gives the cursor behind an item.
    pub(crate) fn of(mut data: Vec<T>, limit: Limit, name: impl Fn(&T) -> String) -> Self {
        let has_more = data.len() > limit.0;
        data.truncate(limit.0);
        let next = data.last().filter(|_| has_more).map(name);
        Self { data, next }
    }

    /// A page of a list that is short enough to be read as a whole.
    ///
    /// # Errors
    /// 400 if `after` names nothing on the list.
    pub(crate) fn cut(whole: Vec<T>, part: &Part, name: impl Fn(&T) -> String) -> Result<Self, Problem> {
        let start = match &part.after {
            None => 0,
            Some(after) => {
                let place = whole.iter().position(|item| name(item) == *after);
                place.ok_or_else(|| Problem::invalid("after", "`next` of the page before"))? + 1
            }
        };
        let rest = whole.into_iter().skip(start).take(part.limit.0 + 1).collect();
        Ok(Self::of(rest, part.limit, name))
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let list: Vec<u32> = (0..7).collect();
        let mut part = Part { after: None, limit: Limit(3) };
        let mut seen = Vec::new();
        loop {
            let page = Page::cut(list.clone(), &part, u32::to_string).unwrap();
            seen.extend(page.data);
            let Some(next) = page.next else { break };
            part.after = Some(next);
        }
        assert_eq!(seen, list);
        part.after = Some("99".to_owned());
        assert!(Page::cut(list, &part, u32::to_string).is_err());
    }
}
