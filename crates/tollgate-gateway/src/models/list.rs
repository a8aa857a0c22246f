//! What `/v1/models` answers: the models that the caller may use, in OpenAI's words.

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response};
use serde_json::{Value, json};

use crate::answer::AnswerBody;
use crate::authorize::authorize_model;
use crate::guest::Guest;
use crate::refuse::Refusal;

use super::Pool;

/// The list of models, or the one that the path names.
///
/// # Errors
/// 404 if the caller has no such model.
pub(crate) fn list(guest: Guest<'_>, pool: &Pool, parts: &Parts) -> Result<Response<AnswerBody>, Refusal> {
    let Guest { call, snapshot, key, .. } = guest;
    let plan = {
        let standing = key.customer.standing();
        standing.subscription.as_ref().map(|subscription| std::sync::Arc::clone(&subscription.plan))
    };
    let opens = |name: &str| {
        plan.as_ref().is_none_or(|plan| plan.models.includes(name))
            && authorize_model(key, name, call.arrived_at).is_ok()
    };
    let mut names = pool.names();
    for provider in pool.providers() {
        names.extend(snapshot.models(&provider.prices));
    }
    names.sort_unstable();
    names.dedup();
    names.retain(|name| opens(name));
    let model = |name: &str| json!({ "id": name, "object": "model", "created": 0, "owned_by": "tollgate" });
    let path = parts.uri.path().trim_end_matches('/');
    let wanted = path.split_once("/models/").map(|(_, name)| name);
    let answer: Value = match wanted {
        None => json!({ "object": "list", "data": names.into_iter().map(model).collect::<Vec<_>>() }),
        Some(wanted) => model(names.into_iter().find(|name| *name == wanted).ok_or_else(Refusal::not_found)?),
    };
    let mut response = Response::new(AnswerBody::whole(answer.to_string().into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
