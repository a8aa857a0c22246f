//! What was done, and doing it once: the answer is stored in the change itself, under the form's name.

use serde::{Deserialize, Serialize};
use tollgate_store::Change;
use tollgate_store::idempotency::StoredAnswer;

use super::form::Token;
use super::stop::Stop;
use crate::Web;

/// Where answers are kept.
const SCOPE: &str = "page";

/// What was done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Done {
    /// In a few words.
    pub(crate) title: String,
    /// Sentence by sentence.
    pub(crate) text: Vec<String>,
    /// Whether the request is served now, as far as this goes.
    pub(crate) send_again: bool,
    /// The text of a key that was made. It is shown once and never stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

impl Done {
    /// It is done, and the request can be sent again.
    pub(crate) fn new(title: impl Into<String>, text: Vec<String>) -> Self {
        Self { title: title.into(), text, send_again: true, key: None }
    }

    /// What was done under the name of `token` before, if it was.
    pub(crate) async fn before(web: &Web, token: &Token) -> Result<Option<Self>, Stop> {
        let answer = web.store().stored_answer(SCOPE, token.nonce(), "").await?;
        Ok(answer.and_then(|answer| serde_json::from_str(&answer.body).ok()))
    }

    /// Makes `change` durable together with the answer.
    ///
    /// # Errors
    /// If the store does not take it; nothing has changed then.
    pub(crate) async fn commit(self, mut change: Change, token: &Token) -> Result<Self, Stop> {
        let mut kept = self.clone();
        if kept.key.take().is_some() {
            kept.text.push("The key was shown when it was created, and is nowhere now.".to_owned());
        }
        // Texts only; writing them cannot fail.
        let body = serde_json::to_string(&kept).unwrap_or_default();
        change.store_answer(SCOPE, token.nonce(), "", &StoredAnswer { status: 200, body }).await?;
        change.commit().await?;
        Ok(self)
    }
}
