//! Names of counters: `cap:SCOPE:PERIOD`, `tier:COMPONENT:PRICE`.

use tollgate_core::catalogue::{CapPeriod, CapScope};

/// The counter of a spend cap.
#[must_use]
pub fn cap(scope: CapScope, period: CapPeriod) -> String {
    match scope {
        CapScope::Customer => format!("cap:customer:{}", period.name()),
        CapScope::Application(id) => format!("cap:{id}:{}", period.name()),
        CapScope::Key(id) => format!("cap:{id}:{}", period.name()),
    }
}

/// The counter of one component of a cumulative price.
#[must_use]
pub fn tier(price: &str, component: u8) -> String {
    format!("tier:{component}:{price}")
}

/// Price and component of a tier counter's name.
#[must_use]
pub fn parse_tier(name: &str) -> Option<(Box<str>, u8)> {
    let (component, price) = name.strip_prefix("tier:")?.split_once(':')?;
    Some((price.into(), component.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_survives_its_name() {
        assert_eq!(parse_tier(&tier("search:v2", 3)), Some(("search:v2".into(), 3)));
        assert_eq!(parse_tier("cap:customer:day"), None);
    }
}
