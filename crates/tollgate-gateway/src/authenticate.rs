//! Phase: who is calling.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use tollgate_core::decision::Reason;
use tollgate_core::time::Timestamp;
use tollgate_store::api_key::Presented;
use tracing::warn;

use crate::directory::{Directory, Key};
use crate::refuse::Refusal;

/// The key that came with a request.
///
/// It may come as a bearer token or in the header that one of the SDKs uses. The payer follows from the key
/// and from nothing else.
///
/// # Errors
/// 401 with the reason, or 503 if the key is not known here and the store does not answer.
pub(crate) async fn authenticate(
    directory: &Directory,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Arc<Key>, Refusal> {
    let text = credential(headers).ok_or_else(|| Refusal::reason(Reason::ApiKeyMissing, now))?;
    let invalid = || Refusal::reason(Reason::ApiKeyInvalid, now);
    let presented = Presented::parse(text).ok_or_else(invalid)?;
    let key = match directory.key(&presented, now).await {
        Ok(Some(key)) => key,
        Ok(None) => {
            // An unknown key takes as long as one with a wrong secret.
            let _ = presented.matches(&[0; 32]);
            return Err(invalid());
        }
        Err(error) => {
            warn!(key = presented.public_id, %error, "Could not read a key");
            return Err(Refusal::reason(Reason::BillingUnavailable, now));
        }
    };
    if !key.matches(&presented) {
        return Err(invalid());
    }
    if let Err(error) = directory.make_current(&key.customer).await {
        warn!(customer = %key.customer.id, %error, "Could not read a customer that has changed");
        return Err(Refusal::reason(Reason::BillingUnavailable, now));
    }
    if key.revoked {
        return Err(Refusal::reason(Reason::ApiKeyRevoked, now));
    }
    if key.expires_at <= now {
        return Err(Refusal::reason(Reason::ApiKeyExpired, now));
    }
    Ok(key)
}

/// The text of the credential, wherever it stands.
fn credential(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let text = value.to_str().ok()?;
        let (scheme, rest) = text.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim());
    }
    let value = headers.get("x-api-key").or_else(|| headers.get("x-goog-api-key"))?;
    value.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn found(name: &'static str, value: &'static str) -> Option<String> {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
        credential(&headers).map(str::to_owned)
    }

    #[test]
    fn three_headers_carry_a_key() {
        assert_eq!(found("authorization", "Bearer tg_1").as_deref(), Some("tg_1"));
        assert_eq!(found("authorization", "bearer  tg_1 ").as_deref(), Some("tg_1"));
        assert_eq!(found("x-api-key", "tg_1").as_deref(), Some("tg_1"));
        assert_eq!(found("x-goog-api-key", "tg_1").as_deref(), Some("tg_1"));
        assert_eq!(found("authorization", "Basic abc"), None);
        assert_eq!(found("authorization", "tg_1"), None);
        assert_eq!(found("cookie", "tg_1"), None);
    }
}
