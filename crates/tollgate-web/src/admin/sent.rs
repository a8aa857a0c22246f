//! What is sent to the admin API: bodies, queries and parts of paths, with errors that name the field.

use std::time::Duration;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Problem;
use crate::secret::fingerprint;

/// The largest body that is no upload.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A JSON body.
pub(crate) struct Sent<T> {
    pub(crate) value: T,
    pub(crate) once: Once,
}

/// The name of what is intended, so that it happens once; with what tells it from another intention.
pub(crate) struct Once {
    pub(crate) name: Option<String>,
    pub(crate) fingerprint: String,
}

/// No members: the body may be empty or `{}`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, BODY_BYTES_MAX).await?;
        if !bytes.is_empty() && !is_json(&parts.headers) {
            return Err(Problem::not_json());
        }
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let value = from_json(text)?;
        Ok(Self { value, once: Once::of(&parts, &bytes)? })
    }
}

impl Once {
    /// # Errors
    /// 400 for a key that is none.
    pub(crate) fn of(parts: &Parts, body: &[u8]) -> Result<Self, Problem> {
        let mut keys = parts.headers.get_all(&IDEMPOTENCY_KEY).iter();
        let (key, another) = (keys.next(), keys.next());
        let expected = || Problem::invalid("Idempotency-Key", "one text of 1 to 255 visible characters");
        let name = match (key, another) {
            (None, _) => None,
            (Some(key), None) => {
                let text = key.to_str().map_err(|_| expected())?.trim_matches('"');
                let is_text = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
                Some(text.to_owned()).filter(|_| is_text).ok_or_else(expected).map(Some)?
            }
            (Some(_), Some(_)) => return Err(expected()),
        };
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        Ok(Self { name, fingerprint: fingerprint(&[parts.method.as_str().as_bytes(), target.as_bytes(), body]) })
    }
}

/// The whole body.
///
/// # Errors
/// 413 if it is larger than `most`, 400 if it does not arrive.
pub(crate) async fn read(body: axum::body::Body, most: usize) -> Result<Bytes, Problem> {
    use http_body_util::{BodyExt as _, LengthLimitError, Limited};
    let whole = tokio::time::timeout(BODY_TIME_MAX, Limited::new(body, most).collect()).await;
    match whole {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(most)),
        Ok(Err(_)) | Err(_) => Err(Problem::invalid("body", "all of the body, within 30 seconds")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json") || media_type.ends_with("+json")
}

/// Reads a JSON document.
///
/// # Errors
/// 400 with the field and what was expected there.
pub(crate) fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    let mut document = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut document).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let problem = match inner.classify() {
            serde_json::error::Category::Data => of_data(&path, &inner.to_string()),
            _ => Problem::invalid("body", format!("a JSON document ({})", without_place(&inner.to_string()))),
        };
        problem.at(inner.line(), inner.column())
    })?;
    document.end().map_err(|error| {
        Problem::invalid("body", "nothing after the JSON document").at(error.line(), error.column())
    })?;
    Ok(value)
}

/// What serde says about the member at `path`, taken apart.
fn of_data(path: &str, message: &str) -> Problem {
    let message = without_place(message);
    let named = message.split('`').nth(1).unwrap_or_default();
    let member = |name: &str| match path {
        "." | "" | "?" => name.to_owned(),
        path => format!("{}.{name}", path.trim_end_matches(".?")),
    };
    let own = if matches!(path, "." | "" | "?") { "body".to_owned() } else { path.to_owned() };
    if message.starts_with("missing field") {
        return Problem::invalid(member(named), "a value: the member is missing");
    }
    if message.starts_with("unknown field") {
        let known = message.split_once("expected ").map_or("no members", |(_, known)| known);
        // The path already ends with the name if the value was being read.
        let field = if own.ends_with(named) && own != "body" { own } else { member(named) };
        return Problem::invalid(field, format!("a known member: {known}"));
    }
    if message.starts_with("duplicate field") {
        return Problem::invalid(member(named), "the member once");
    }
    match message.split_once("expected ") {
        Some((_, expected)) if expected.starts_with("struct ") => Problem::invalid(own, "an object"),
        Some((_, expected)) => Problem::invalid(own, expected),
        None => Problem::invalid(own, format!("another value ({message})")),
    }
}

/// Without ` at line 1 column 12`, which is said in members of its own.
fn without_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message)
}

/// A query, without members that nobody knows.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let axum::extract::Query(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Problem::invalid("query", "pairs of names and values"))?;
        let mut members = serde_json::Map::new();
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            if members.insert(name.clone(), value.into()).is_some() {
                return Err(Problem::invalid(name, "the parameter once"));
            }
        }
        match serde_path_to_error::deserialize(serde_json::Value::Object(members)) {
            Ok(query) => Ok(Self(query)),
            Err(error) => Err(of_data(&error.path().to_string(), &error.inner().to_string())),
        }
    }
}

/// Parts of the path: ids and names.
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(named) = Path::from_request_parts(parts, state).await.map_err(of_path)?;
        Ok(Self(named))
    }
}

fn of_path(rejected: PathRejection) -> Problem {
    let PathRejection::FailedToDeserializePathParams(failed) = rejected else {
        return Problem::no_route();
    };
    match failed.kind() {
        ErrorKind::DeserializeError { key, message, .. } => of_data(key, message),
        ErrorKind::Message(message) => of_data("path", message),
        _ => Problem::no_route(),
    }
}

#[cfg(test)]
mod tests {
    use tollgate_store::customers::{CustomerPatch, NewCustomer};
    use tollgate_store::subscriptions::NewSubscription;

    use super::*;

    fn wrong<T: DeserializeOwned>(text: &str) -> String {
        let Err(problem) = from_json::<T>(text.as_bytes()) else { return "nothing is wrong".to_owned() };
        let problem = serde_json::to_value(problem.members()).unwrap();
        format!("{} [{}:{}]", problem["detail"].as_str().unwrap(), problem["line"], problem["column"])
    }

    #[test]
    fn errors_name_the_field_what_was_expected_and_the_place() {
        insta::assert_snapshot!(
            [
                wrong::<NewCustomer>("{"),
                wrong::<NewCustomer>("{}"),
                wrong::<NewCustomer>("[]"),
                wrong::<NewCustomer>(r#"{"name":"Acme"} x"#),
                wrong::<NewCustomer>("{\n \"name\": 5}"),
                wrong::<NewCustomer>(r#"{"name":"Acme","nmae":1}"#),
                wrong::<NewCustomer>(r#"{"name":"Acme","name":"Acme"}"#),
                wrong::<NewCustomer>(r#"{"name":"Acme","currency":"dollar"}"#),
                wrong::<CustomerPatch>(r#"{"caps":[{"amount":1.5,"period":"day"}]}"#),
                wrong::<CustomerPatch>(r#"{"caps":[{"amount":"1.5","period":"week"}]}"#),
                wrong::<CustomerPatch>(r#"{"caps":[{"amount":"1e5","period":"day"}]}"#),
                wrong::<CustomerPatch>(r#"{"caps":[{"amount":"99999999999999999999","period":"day"}]}"#),
                wrong::<CustomerPatch>(r#"{"commitment":{"minimum":"5","paid":"0","due_at":"soon"}}"#),
                wrong::<CustomerPatch>(r#"{"commitment":{"minimum":"5","paid":"0","due_at":"2026-12-01T00:00:00Z","x":1}}"#),
                wrong::<NewSubscription>(r#"{"plan":"pro","state":{"status":"past"}}"#),
            ]
            .join("\n"),
            @r#"
        body: expected a JSON document (EOF while parsing an object). [1:1]
        name: expected a value: the member is missing. [1:2]
        body: expected an object. [1:2]
        body: expected nothing after the JSON document. [1:17]
        name: expected a string. [2:10]
        nmae: expected a known member: one of `name`, `email`, `currency`, `time_zone`. [1:21]
        name: expected the member once. [1:21]
        currency: expected a currency code of three capital letters such as USD. [1:34]
        caps[0].amount: expected a text in quotes, for example "12.50". [1:22]
        caps[0].period: expected one of `day`, `month`, `total`. [1:40]
        caps[0].amount: expected a decimal number such as 12.50, without exponent or thousands separators. [1:24]
        caps[0].amount: expected another value ("99999999999999999999": the number is too large). [1:41]
        commitment.due_at: expected an RFC 3339 instant such as 2026-11-21T09:30:00Z. [1:55]
        commitment.x: expected a known member: one of `minimum`, `paid`, `due_at`. [1:75]
        state.status: expected one of `trialing`, `active`, `past_due`, `suspended`, `expired`, `canceled`. [1:38]
        "#
        );
    }
}
