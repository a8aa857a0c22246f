//! Where what is declared stands in the file, for what turns out to be wrong only when it is put together.

use std::collections::HashMap;

use tollgate_gateway::Flaw;
use tollgate_store::catalogue::Item;
use toml::Spanned;

use super::declared::Tables;
use super::{ConfigError, Source};

/// Where the items of a configuration stand: `api rest`, `api rest, route search`, `plan starter`.
#[derive(Debug, Clone, Default)]
pub struct Places {
    file: String,
    lines: HashMap<String, usize>,
}

impl Places {
    pub(super) fn of(source: &Source<'_>, tables: &Tables) -> Self {
        let mut places = Self { file: source.name.to_owned(), lines: HashMap::new() };
        places.note(source, &tables.prices);
        places.note(source, &tables.plans);
        places.note(source, &tables.add_ons);
        places.note(source, &tables.apis);
        for api in &tables.apis {
            // Tables within tables have no place of their own: a route is found by its key behind its API's.
            let mut offset = api.span().start;
            for route in &api.get_ref().routes {
                let rest = source.text.get(offset..).unwrap_or_default();
                let Some(found) = rest.find(&format!("key = \"{}\"", route.key)) else { continue };
                offset += found;
                places.lines.insert(format!("api {}, route {}", api.get_ref().key, route.key), source.line(offset));
            }
        }
        places
    }

    fn note<T: Item>(&mut self, source: &Source<'_>, items: &[Spanned<T>]) {
        for item in items {
            let place = format!("{} {}", T::KIND, item.get_ref().key());
            self.lines.insert(place, source.line(item.span().start));
        }
    }

    /// `flaw` with the line of the most exact place that is known.
    #[must_use]
    pub fn locate(&self, flaw: &Flaw) -> ConfigError {
        let mut place = flaw.place.as_str();
        let line = loop {
            match (self.lines.get(place), place.rsplit_once(", ")) {
                (Some(line), _) => break Some(*line),
                (None, Some((wider, _))) => place = wider,
                (None, None) => break None,
            }
        };
        ConfigError { file: self.file.clone(), line, message: flaw.to_string() }
    }
}
