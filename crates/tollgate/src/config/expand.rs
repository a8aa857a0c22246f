//! `${NAME}`: values from the environment.

/// Where environment variables come from.
pub trait Environment {
    /// The value of `name`, if it is set and valid Unicode.
    fn get(&self, name: &str) -> Option<String>;
}

impl Environment for std::collections::HashMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        Self::get(self, name).cloned()
    }
}

/// `text` with every `${NAME}` replaced. The error says what was expected.
pub(super) fn expand(text: &str, environment: &dyn Environment) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or("expected a closing brace after `${`")?;
        let value =
            environment.get(name).ok_or_else(|| format!("expected the environment variable {name} to be set"))?;
        result.push_str(before);
        result.push_str(&value);
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}

/// The names that `text` refers to.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}
