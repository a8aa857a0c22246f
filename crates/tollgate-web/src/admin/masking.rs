//! Credentials of upstreams: they can be written and are never shown again.
//!
//! What is shown instead can be sent back and means "as it was", so that a definition can be read, edited
//! and published. Not if the upstream is another one: a credential must not go to a host for which nobody
//! has entered it.

use serde_json::Value;
use tollgate_store::definition::ApiDefinition;

use super::Problem;

/// What is shown instead of a credential.
const MASK: &str = "(hidden)";

/// The definition as it may be shown.
pub(super) fn masked(mut api: ApiDefinition) -> ApiDefinition {
    for value in api.upstream.headers.values_mut() {
        if is_secret(value) {
            MASK.clone_into(value);
        }
    }
    api
}

/// The same for a definition in JSON, as the audit trail has it.
pub(super) fn mask_json(definition: &mut Value) {
    let headers = definition.pointer_mut("/upstream/headers").and_then(Value::as_object_mut);
    for value in headers.into_iter().flat_map(|headers| headers.values_mut()) {
        if value.as_str().is_none_or(is_secret) {
            *value = MASK.into();
        }
    }
}

/// The definition with what was not shown, taken from the newest one.
///
/// # Errors
/// 400 if there is nothing to take, or if it was for another upstream.
pub(super) fn unmasked(mut api: ApiDefinition, newest: Option<&ApiDefinition>) -> Result<ApiDefinition, Problem> {
    let url = &api.upstream.url;
    let same_upstream = newest.filter(|newest| newest.upstream.url == *url);
    for (name, value) in &mut api.upstream.headers {
        if value != MASK {
            continue;
        }
        let known = same_upstream.and_then(|newest| newest.upstream.headers.get(name));
        let expected = "the value again: it is not kept for another upstream";
        *value = known.ok_or_else(|| Problem::invalid(format!("upstream.headers.{name}"), expected))?.clone();
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
            assert_eq!(masked(api("http://a", shown)).upstream.headers["authorization"], shown);
        }
        for secret in ["Bearer sk-1", "sk-1${SUFFIX}", "plain", "${A"] {
            let header = masked(api("http://a", secret)).upstream.headers["authorization"].clone();
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
        assert_eq!(kept.upstream.headers["authorization"], "Bearer sk-1");
        assert!(unmasked(api("http://b", MASK), Some(&known)).is_err());
        assert!(unmasked(api("http://a", MASK), None).is_err());
    }
}
