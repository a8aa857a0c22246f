//! The operator's own texts and links, per reason, plan and language.

use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Deserialize;

use super::Problem;

/// Own words for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextOverride {
    /// The reason.
    pub reason: String,
    /// Only for customers on this plan.
    #[serde(default)]
    pub plan: Option<String>,
    /// Only for callers who ask for this language: `de`.
    #[serde(default)]
    pub language: Option<String>,
    /// Instead of the title. May use the members of the answer: `{{ balance.available }}`.
    #[serde(default)]
    pub title: Option<String>,
    /// Instead of the sentence. May use the members of the answer.
    #[serde(default)]
    pub detail: Option<String>,
    /// Instead of the links of actions, by the action's id. May use the members of the answer.
    #[serde(default)]
    pub links: std::collections::BTreeMap<String, String>,
}

impl TextOverride {
    /// Checks the reason and every template. The error says what was expected where.
    ///
    /// # Errors
    /// For a reason that is not in the catalogue, and for a template that cannot be read.
    pub fn check(&self) -> Result<(), String> {
        Texts::compile(std::slice::from_ref(self)).map(drop)
    }
}

/// All own texts, compiled.
#[derive(Debug)]
pub(crate) struct Texts {
    list: Vec<TextOverride>,
    templates: Environment<'static>,
}

/// Steps a template may take: a loop in a text ends.
const FUEL: u64 = 10_000;

impl Texts {
    /// Compiles `list`. The error says what was expected where.
    pub(crate) fn compile(list: &[TextOverride]) -> Result<Self, String> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Chainable);
        templates.set_fuel(Some(FUEL));
        for (index, text) in list.iter().enumerate() {
            if text.reason.parse::<tollgate_core::decision::Reason>().is_err() {
                return Err(format!("a reason of the catalogue, and {:?} is none", text.reason));
            }
            let links = text.links.iter().map(|(id, link)| (format!("link {id}"), link));
            let texts = [("title", &text.title), ("detail", &text.detail)];
            let texts = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_ref()?)));
            for (name, template) in texts.chain(links) {
                templates
                    .add_template_owned(format!("{index} {name}"), template.clone())
                    .map_err(|error| format!("a template for {} of {}: {error}", name, text.reason))?;
            }
        }
        Ok(Self { list: list.to_vec(), templates })
    }

    /// Puts own words into `problem`. The most special text wins; a template that fails changes nothing.
    pub(crate) fn apply(&self, problem: &mut Problem, plan: Option<&str>, language: Option<&str>) {
        let fits = |wanted: &Option<String>, given: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| given.is_some_and(|given| given.eq_ignore_ascii_case(wanted)))
        };
        let found = self
            .list
            .iter()
            .enumerate()
            .filter(|(_, text)| text.reason == problem.code && fits(&text.plan, plan) && fits(&text.language, language))
            .max_by_key(|(_, text)| (text.plan.is_some(), text.language.is_some()));
        let Some((index, text)) = found else { return };
        let members = Value::from(Serde(&problem.members));
        let render = |name: &str| self.templates.get_template(&format!("{index} {name}")).ok()?.render(&members).ok();
        for name in ["title", "detail"] {
            if let Some(own) = render(name) {
                problem.set_text(name, own);
            }
        }
        let Some(actions) = problem.members.get_mut("actions").and_then(|actions| actions.as_array_mut()) else {
            return;
        };
        for action in actions {
            let Some(id) = action.get("id").and_then(|id| id.as_str()).map(str::to_owned) else { continue };
            if text.links.contains_key(&id)
                && let Some(link) = render(&format!("link {id}"))
            {
                action["url"] = link.into();
            }
        }
    }
}
