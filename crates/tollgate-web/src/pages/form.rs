//! What comes back from a form: its fields, and the token that says it is one of ours and is sent once.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest as _, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};

use super::stop::Stop;
use crate::Web;
use crate::secret::{is_same, random_text};

/// The largest form.
const BYTES_MAX: usize = 16 * 1024;
/// How long it may take to arrive.
const TIME_MAX: Duration = Duration::from_secs(20);

/// The name of the token's field.
pub(crate) const TOKEN: &str = "token";

/// The fields of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fields(BTreeMap<String, String>);

/// The fields of a card.
const CARD: [&str; 2] = ["card_number", "card_expires"];

impl Fields {
    /// What was entered into `name`, without blanks around it; empty if nothing was.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// Those that say what is ordered: not the token, and nothing of a card.
    pub(crate) fn without_card(&self) -> Self {
        let said = self.0.iter().filter(|(name, _)| *name != TOKEN && !CARD.contains(&name.as_str()));
        Self(said.map(|(name, value)| (name.clone(), value.trim().to_owned())).collect())
    }

    /// These, with the card that was entered into `other`.
    pub(crate) fn with_card_of(&self, other: &Self) -> Self {
        let card = other.0.iter().filter(|(name, _)| CARD.contains(&name.as_str()));
        Self(self.0.iter().chain(card).map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Whether they order nothing else than `other`. What is left out is taken from there.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.without_card().0.iter().all(|(name, value)| other.get(name) == value)
    }

    /// Reads a form of a page, or the same as a JSON object of texts.
    ///
    /// # Errors
    /// [`Stop::TooLarge`], or [`Stop::Invalid`] naming the field.
    pub(crate) async fn read(request: Request) -> Result<Self, Stop> {
        let (parts, body) = request.into_parts();
        let bytes = collect(body).await?;
        if is_json(&parts.headers) {
            let fields = serde_json::from_slice(&bytes);
            return fields.map(Self).map_err(|_| Stop::invalid("body", "a JSON object whose members are texts"));
        }
        let request = Request::from_parts(parts, Body::from(bytes));
        let pairs = Form::<Vec<(String, String)>>::from_request(request, &()).await;
        let Form(pairs) = pairs.map_err(|_| Stop::invalid("body", "the fields of the form"))?;
        let mut fields = BTreeMap::new();
        for (name, value) in pairs {
            if fields.insert(name.clone(), value).is_some() {
                return Err(Stop::invalid(&name, "one value"));
            }
        }
        Ok(Self(fields))
    }
}

async fn collect(body: Body) -> Result<Bytes, Stop> {
    match tokio::time::timeout(TIME_MAX, Limited::new(body, BYTES_MAX).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Stop::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Stop::invalid("body", "all of the form, within 20 seconds")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The name of one showing of a form, signed: what it asks for is done once, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    nonce: String,
    text: String,
}

impl Token {
    /// A token for a form about `subject`.
    pub(crate) fn new(web: &Web, subject: &str) -> Self {
        Self::sign(web, subject, random_text())
    }

    /// The token that came back.
    ///
    /// # Errors
    /// [`Stop::Outdated`] if it is not one for a form about `subject`.
    pub(crate) fn check(web: &Web, subject: &str, text: &str) -> Result<Self, Stop> {
        let (nonce, _) = text.split_once('.').ok_or(Stop::Outdated)?;
        let token = Self::sign(web, subject, nonce.to_owned());
        if is_same(text, &token.text) { Ok(token) } else { Err(Stop::Outdated) }
    }

    fn sign(web: &Web, subject: &str, nonce: String) -> Self {
        let signature = web.signer().sign(&format!("{subject} {nonce}"));
        Self { text: format!("{nonce}.{signature}"), nonce }
    }

    /// What the browser sends back.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The name under which it is done once.
    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }
}
