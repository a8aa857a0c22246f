//! A visit: somebody who may act for the customer of a refused request, and by which right.

use std::time::Instant;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use tollgate_core::id::CustomerId;
use tollgate_core::standing::Standing;
use tollgate_store::api_key::Presented;
use tollgate_store::customers::{Customer, CustomerStatus};
use tollgate_store::definition::At;
use tollgate_store::keys::ApiKey;
use tollgate_store::{Change, StoreError};

use super::incident::Incident;
use super::same_site::{From, from};
use super::stop::Stop;
use crate::Web;
use crate::settings::SignIn;

/// The cookie of a session.
pub(crate) const COOKIE_NAME: &str = "tollgate_session";

/// Who asks.
pub(crate) enum Right {
    /// Whoever has the link: a demo on one's own machine.
    Link,
    /// Whoever holds this key.
    Key(Box<ApiKey>),
}

/// Somebody who may act for a customer.
pub(crate) struct Visit {
    pub(crate) web: Web,
    pub(crate) incident: Incident,
    pub(crate) customer: Customer,
    right: Right,
}

impl Visit {
    /// The visit that a request with `headers` is.
    ///
    /// # Errors
    /// [`Stop::SignIn`] if it does not say who asks, [`Stop::NotAllowed`] for somebody else's request.
    pub(crate) async fn begin(web: &Web, headers: &HeaderMap, incident: Incident) -> Result<Self, Stop> {
        let owner = incident.call.customer.map(|customer| customer.0);
        let (customer, right) = match web.settings().sign_in {
            SignIn::None { visitor } => (owner.or(visitor).ok_or(Stop::SignIn)?, Right::Link),
            SignIn::Key => {
                let key = key_of(web, headers).await?.ok_or(Stop::SignIn)?;
                (key.customer.0, Right::Key(Box::new(key)))
            }
        };
        if owner.is_some_and(|owner| owner != customer) {
            let detail = "This request was made by another customer. Sign out, and sign in with one of their keys.";
            return Err(Stop::NotAllowed(detail.to_owned()));
        }
        let customer = web.store().customer(customer).await?;
        Ok(Self { web: web.clone(), incident, customer, right })
    }

    pub(crate) const fn id(&self) -> CustomerId {
        self.customer.id.0
    }

    /// A change in the name of whoever asks.
    pub(crate) async fn change(&self) -> Result<Change, StoreError> {
        let actor = match &self.right {
            Right::Link => "visitor".to_owned(),
            Right::Key(key) => key.id.0.to_string(),
        };
        self.web.store().change(&actor).await
    }

    /// How things are now, with everything that was settled.
    pub(crate) async fn standing(&self) -> Result<Standing, StoreError> {
        self.web.store().fold_customer(self.id()).await?;
        self.web.store().load_standing(self.id()).await
    }

    /// The customer is one.
    ///
    /// # Errors
    /// [`Stop::Impossible`] if the account was closed.
    pub(crate) fn must_be_open(&self) -> Result<(), Stop> {
        match self.customer.status {
            CustomerStatus::Active => Ok(()),
            CustomerStatus::Closed => {
                Err(Stop::Impossible("The account was closed. Only the operator can open it again.".to_owned()))
            }
        }
    }

    /// Whoever asks may change what keys may do and spend, and not only pay: a key that is restricted
    /// itself must not lift restrictions.
    ///
    /// # Errors
    /// [`Stop::NotAllowed`].
    pub(crate) fn must_be_unrestricted(&self) -> Result<(), Stop> {
        if self.is_restricted() {
            let detail =
                "The key that you signed in with is restricted itself. Sign in with a key without restrictions.";
            return Err(Stop::NotAllowed(detail.to_owned()));
        }
        Ok(())
    }

    /// Whether whoever asks signed in with a key that may not do everything.
    pub(crate) fn is_restricted(&self) -> bool {
        let Right::Key(key) = &self.right else { return false };
        let policy = &key.policy;
        !policy.apis.is_empty()
            || !policy.models.is_empty()
            || !policy.origins.is_empty()
            || !policy.networks.is_empty()
            || !policy.caps.is_empty()
    }

    /// When whoever asks cannot ask any more: what a key that expires opens must not stay open longer.
    pub(crate) fn expires_at(&self) -> Option<At> {
        match &self.right {
            Right::Link => None,
            Right::Key(key) => key.expires_at,
        }
    }

    /// Whoever asks may let `key` do more: it does not work longer than theirs.
    ///
    /// # Errors
    /// [`Stop::NotAllowed`].
    pub(crate) fn must_outlast(&self, key: &ApiKey) -> Result<(), Stop> {
        let Some(own) = self.expires_at() else { return Ok(()) };
        if key.expires_at.is_some_and(|at| at <= own) {
            return Ok(());
        }
        let detail = "The key that you signed in with expires, and the other one works longer. Sign in with one that \
                      works as long.";
        Err(Stop::NotAllowed(detail.to_owned()))
    }

    /// Whoever asks may give `scope` to a key: they have it.
    ///
    /// # Errors
    /// [`Stop::NotAllowed`].
    pub(crate) fn must_carry(&self, scope: &str) -> Result<(), Stop> {
        let Right::Key(key) = &self.right else { return Ok(()) };
        if key.policy.scopes.iter().any(|own| own == scope) {
            return Ok(());
        }
        Err(Stop::NotAllowed(format!(
            "The key that you signed in with does not carry the scope {scope} itself. Sign in with one that does, or \
             ask the operator."
        )))
    }
}

/// The key that `headers` show: in Authorization, or by a session of our own pages.
async fn key_of(web: &Web, headers: &HeaderMap) -> Result<Option<ApiKey>, Stop> {
    if let Some(text) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        let text = text.strip_prefix("Bearer ").unwrap_or_default();
        return match present_key(web, text.trim()).await {
            Err(Stop::Invalid { .. }) => Ok(None),
            other => other.map(Some),
        };
    }
    if from(web.settings(), headers) == From::FrontEnd {
        return Ok(None);
    }
    let Some(member) = session_cookie(headers).and_then(|cookie| web.sessions().member(cookie, Instant::now())) else {
        return Ok(None);
    };
    let key = web.store().key(member.key).await?;
    Ok(is_valid(web, &key).then_some(key))
}

/// The key whose text is `text`.
///
/// # Errors
/// [`Stop::Invalid`] if it is none that works.
pub(crate) async fn present_key(web: &Web, text: &str) -> Result<ApiKey, Stop> {
    let invalid = || Stop::invalid("api_key", "an API key that works");
    let presented = Presented::parse(text).filter(Presented::is_well_formed).ok_or_else(invalid)?;
    let record = web.store().key_record(presented.public_id).await?.ok_or_else(invalid)?;
    let is_right = presented.matches(&record.secret_hash) && is_valid(web, &record.key);
    is_right.then_some(record.key).ok_or_else(invalid)
}

fn is_valid(web: &Web, key: &ApiKey) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at.0 > web.store().now())
}

/// What is in the cookie of our sessions.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}
