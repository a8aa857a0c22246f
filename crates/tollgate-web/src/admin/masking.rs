//! Credentials of upstreams: they can be written and are never shown again.
//!
//! What is shown instead can be sent back and means "as it was", so that a definition can be read, edited
//! and published. Not if the upstream is another one: a credential must not go to a host for which nobody
//! has entered it.

use serde_json::Value;
use tollgate_store::definition::{ApiDefinition, UpstreamDefinition};

use super::Problem;

/// What is shown instead of a credential.
const MASK: &str = "(hidden)";

/// The definition as it may be shown.
pub(super) fn masked(mut api: ApiDefinition) -> ApiDefinition {
    for upstream in api.upstream.iter_mut() {
        for value in upstream.headers.values_mut().chain(&mut upstream.keys) {
            if is_secret(value) {
                MASK.clone_into(value);
            }
        }
    }
    api
}

/// The same for a definition in JSON, as the audit trail has it.
pub(super) fn mask_json(definition: &mut Value) {
    let several = match definition.get_mut("upstream") {
        Some(Value::Array(several)) => several.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for upstream in several.into_iter().filter_map(Value::as_object_mut) {
        for (member, value) in upstream {
            let secrets: Vec<&mut Value> = match (member.as_str(), value) {
                ("headers", Value::Object(headers)) => headers.values_mut().collect(),
                ("keys", Value::Array(keys)) => keys.iter_mut().collect(),
                _ => continue,
            };
            for value in secrets.into_iter().filter(|value| value.as_str().is_none_or(is_secret)) {
                *value = MASK.into();
            }
        }
    }
}

/// The definition with what was not shown, taken from the newest one.
///
/// # Errors
/// 400 if there is nothing to take, or if it was for another upstream.
pub(super) fn unmasked(mut api: ApiDefinition, newest: Option<&ApiDefinition>) -> Result<ApiDefinition, Problem> {
    let expected = "the value again: it is not kept for another upstream";
    for upstream in api.upstream.iter_mut() {
        let is_same = |known: &&UpstreamDefinition| known.url == upstream.url && known.key == upstream.key;
        let known = newest.and_then(|newest| newest.upstream.iter().find(is_same));
        for (name, value) in upstream.headers.iter_mut().filter(|(_, value)| *value == MASK) {
            let kept = known.and_then(|known| known.headers.get(name));
            *value = kept.ok_or_else(|| Problem::invalid(format!("upstream.headers.{name}"), expected))?.clone();
        }
        // Keys have no names: they are kept all together, or entered again.
        let kept = known.filter(|known| known.keys.len() == upstream.keys.len());
        for (index, value) in upstream.keys.iter_mut().enumerate().filter(|(_, value)| *value == MASK) {
            let kept = kept.and_then(|known| known.keys.get(index));
            *value = kept.ok_or_else(|| Problem::invalid(format!("upstream.keys[{index}]"), expected))?.clone();
        }
    }
    Ok(api)
}

/// Whether `value` is more than a scheme and references to environment variables: `Bearer ${TOKEN}`.
fn is_secret(value: &str) -> bool {
    let mut rest = value;
    let mut outside = String::new();
    let mut references = 0;
    while let Some((before, after)) = rest.split_once("${") {
        outside.push_str(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
        references += 1;
    }
    outside.push_str(rest);
    references == 0 || !matches!(outside.trim(), "" | "Bearer" | "Basic" | "Token" | "ApiKey")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(url: &str, value: &str) -> ApiDefinition {
        let json = format!(
            r#"{{"key":"rest","upstream":{{"url":"{url}","headers":{{"authorization":"{value}"}}}},
                 "route":[{{"key":"all","path":"/","free":true}}]}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn references_are_shown_and_everything_else_is_not() {
        for shown in ["Bearer ${OPENAI_API_KEY}", "${A}${B}"] {
            assert_eq!(masked(api("http://a", shown)).upstream.first().headers["authorization"], shown);
        }
        for secret in ["Bearer sk-1", "sk-1${SUFFIX}", "plain", "${A"] {
            let header = masked(api("http://a", secret)).upstream.first().headers["authorization"].clone();
            assert!(header == MASK || secret == "${A", "{secret}");
        }
        let mut json = serde_json::to_value(api("http://a", "Bearer sk-1")).unwrap();
        mask_json(&mut json);
        assert!(!json.to_string().contains("sk-1"));
    }

    #[test]
    fn what_was_not_shown_is_kept_for_the_same_upstream_only() {
        let known = api("http://a", "Bearer sk-1");
        let kept = unmasked(api("http://a", MASK), Some(&known)).unwrap();
        assert_eq!(kept.upstream.first().headers["authorization"], "Bearer sk-1");
        assert!(unmasked(api("http://b", MASK), Some(&known)).is_err());
        assert!(unmasked(api("http://a", MASK), None).is_err());
    }
}
