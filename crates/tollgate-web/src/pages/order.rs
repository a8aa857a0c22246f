//! What was ordered with a form. It is written down before money is taken: sending the form again, also
//! after a restart, is the same payment for the same thing.

use serde::{Deserialize, Serialize};
use tollgate_core::money::Money;
use tollgate_payments::Card;
use tollgate_store::StoreError;
use tollgate_store::definition::{Amount, CurrencyCode, Text};
use tollgate_store::idempotency::StoredAnswer;

use super::form::{Fields, Token};
use super::stop::Stop;
use crate::{Web, payment};

/// Where orders are kept.
const SCOPE: &str = "page order";
/// Who writes them down. An order changes nothing, so the audit trail has none.
const ACTOR: &str = "payments";

/// What was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    amount: Amount,
    currency: CurrencyCode,
    purpose: String,
    from: Source,
    /// What was entered, but for the card.
    fields: Fields,
}

/// What is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// The payment method on file, by what the payment provider calls it.
    OnFile(String),
    /// A card that was entered: what may be shown of it, and what tells it from others.
    Card { last4: String, seal: String },
}

impl Source {
    /// The card that was entered into `fields`. Its number is not kept.
    pub(crate) fn card(web: &Web, card: &Card, fields: &Fields) -> Self {
        let (year, month) = card.expires();
        let digits: String = fields.get("card_number").chars().filter(char::is_ascii_digit).collect();
        let seal = web.signer().sign(&format!("card {digits} {month}/{year}"));
        Self::Card { last4: card.last4().to_owned(), seal }
    }
}

impl Order {
    pub(crate) fn new(money: Money, purpose: &str, from: Source, fields: &Fields) -> Self {
        let (amount, currency) = (Text(money.amount), Text(money.currency));
        Self { amount, currency, purpose: purpose.to_owned(), from, fields: fields.without_card() }
    }

    /// What was ordered under the name of `token`, if something was.
    pub(crate) async fn placed(web: &Web, token: &Token) -> Result<Option<Self>, StoreError> {
        let kept = web.store().stored_answer(SCOPE, token.nonce(), "").await?;
        Ok(kept.and_then(|kept| serde_json::from_str(&kept.body).ok()))
    }

    /// The same, unless the payment was declined: then nothing came of it.
    pub(crate) async fn open(web: &Web, token: &Token) -> Result<Option<Self>, StoreError> {
        match Self::placed(web, token).await? {
            Some(_) if payment::was_declined(web, &once(token)).await? => Ok(None),
            placed => Ok(placed),
        }
    }

    /// Writes it down.
    ///
    /// # Errors
    /// [`Stop::Ordered`] if something else was ordered with the form.
    pub(crate) async fn place(self, web: &Web, token: &Token) -> Result<Self, Stop> {
        if let Some(placed) = Self::placed(web, token).await? {
            return placed.must_equal(self);
        }
        let mut change = web.store().change(ACTOR).await?;
        // Texts only; writing them cannot fail.
        let body = serde_json::to_string(&self).unwrap_or_default();
        match change.store_answer(SCOPE, token.nonce(), "", &StoredAnswer { status: 202, body }).await {
            Ok(()) => {
                change.commit().await?;
                Ok(self)
            }
            Err(StoreError::Conflict(_)) => {
                // Another node was faster.
                drop(change);
                Self::placed(web, token).await?.ok_or(Stop::Unavailable)?.must_equal(self)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn must_equal(self, wanted: Self) -> Result<Self, Stop> {
        if self == wanted { Ok(self) } else { Err(Stop::Ordered(self.sentence())) }
    }

    /// What is to be carried out when the form comes with `entered`: what was ordered, with the card as it
    /// was entered again.
    ///
    /// # Errors
    /// [`Stop::Ordered`] if something else was entered; [`Stop::Outdated`] if that is after a decline.
    pub(crate) async fn again(&self, web: &Web, token: &Token, entered: &Fields) -> Result<Fields, Stop> {
        if entered.agrees_with(&self.fields) {
            return Ok(self.fields.with_card_of(entered));
        }
        Err(match Self::open(web, token).await? {
            Some(_) => Stop::Ordered(self.sentence()),
            None => Stop::Outdated,
        })
    }

    /// What is paid.
    pub(crate) const fn money(&self) -> Money {
        Money::new(self.amount.0, self.currency.0)
    }

    /// What is charged.
    pub(crate) const fn from(&self) -> &Source {
        &self.from
    }

    /// What a person is told about it while nobody knows what became of it.
    pub(crate) fn sentence(&self) -> String {
        let with = match &self.from {
            Source::OnFile(_) => "the payment method on file".to_owned(),
            Source::Card { last4, .. } => format!("the card ending {last4}"),
        };
        format!(
            "This form has ordered this already: {}, {} with {with}. It may have been paid. Send it again as it was: \
             you will not be charged twice. For something else, open the page anew.",
            self.purpose,
            self.money()
        )
    }
}

/// The name of the payment, at the payment provider.
pub(crate) fn once(token: &Token) -> String {
    format!("page {}", token.nonce())
}
