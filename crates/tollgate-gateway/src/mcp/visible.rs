//! What of a list a customer is shown: what a call would not be refused for, as far as the plan goes.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use tollgate_core::catalogue::Charge;
use tollgate_core::standing::Subscription;
use tollgate_meter::mcp::list::{self, Listed};

use crate::directory::KnownCustomer;
use crate::route::Route;

use super::terms::{Items, Mcp};

/// What is shown of lists, for one customer at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visible {
    tools: Shown,
    prompts: Shown,
    resources: Shown,
}

/// What is shown of lists of one kind.
#[derive(Debug, Clone, Default)]
struct Shown {
    others: Others,
    /// Names for which it is the other way round.
    exceptions: Arc<HashSet<Box<str>>>,
}

/// Whether things without terms of their own are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Others {
    #[default]
    Shown,
    Hidden,
}

impl Visible {
    /// What `customer` is shown.
    pub(super) fn to(mcp: &Mcp, customer: &KnownCustomer) -> Self {
        let standing = customer.standing();
        let subscription = standing.subscription.as_ref();
        Self {
            tools: Shown::of(&mcp.tools, subscription),
            prompts: Shown::of(&mcp.prompts, subscription),
            resources: Shown::of(&mcp.resources, subscription),
        }
    }

    /// `message` without what is not shown; `None` if nothing has to go.
    pub(super) fn filtered(&self, message: &[u8], listed: Listed) -> Option<Vec<u8>> {
        let shown = match listed {
            Listed::Tools => &self.tools,
            Listed::Prompts => &self.prompts,
            Listed::Resources => &self.resources,
            Listed::ResourceTemplates => return None,
        };
        if shown.others == Others::Shown && shown.exceptions.is_empty() {
            return None;
        }
        let list = list::read(message, listed)?;
        let hidden: Vec<Range<usize>> =
            list.items.into_iter().filter(|item| !shown.shows(&item.name)).map(|item| item.place).collect();
        (!hidden.is_empty()).then(|| list::without(message, &hidden))
    }

    /// The same for a message of which it is not known what it answers.
    pub(super) fn filtered_anyway(&self, message: &[u8]) -> Option<Vec<u8>> {
        Listed::ALL.into_iter().find_map(|listed| self.filtered(message, listed))
    }
}

impl Shown {
    fn of(items: &Items, subscription: Option<&Subscription>) -> Self {
        let is_open = |route: &Route| {
            let includes = |feature: &str| subscription.is_some_and(|s| s.includes_feature(feature));
            route.terms.charge != Charge::Unpriced && route.terms.feature.as_deref().is_none_or(includes)
        };
        let others = if is_open(&items.others) { Others::Shown } else { Others::Hidden };
        let differs = |route: &Route| is_open(route) != (others == Others::Shown);
        let exceptions = items.named.iter().filter(|(_, route)| differs(route)).map(|(name, _)| name.clone());
        Self { others, exceptions: Arc::new(exceptions.collect()) }
    }

    fn shows(&self, name: &str) -> bool {
        (self.others == Others::Shown) != self.exceptions.contains(name)
    }
}
