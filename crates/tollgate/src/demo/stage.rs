//! Putting customers on the stage: the few steps that every one of them needs.

use tollgate_core::id::{CustomerId, KeyId};
use tollgate_core::time::Timestamp;
use tollgate_store::api_key::Mode;
use tollgate_store::customers::NewCustomer;
use tollgate_store::definition::Text;
use tollgate_store::grants::{NewGrant, Origin};
use tollgate_store::keys::{KeyPolicy, NewApiKey};
use tollgate_store::payments::NewPaymentMethod;
use tollgate_store::subscriptions::{NewSubscription, State};
use tollgate_store::{Change, Store, StoreError};

/// A change under way that fills the demo's store.
pub(super) struct Stage {
    pub(super) change: Change,
    pub(super) now: Timestamp,
}

/// A customer with one application and one key.
pub(super) struct Actor {
    pub(super) customer: CustomerId,
    pub(super) key_id: KeyId,
    /// The text of its key.
    pub(super) key: String,
}

impl Stage {
    pub(super) async fn open(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { change: store.change("demo").await?, now: store.now() })
    }

    /// A customer with a key that may do everything, and nothing else.
    pub(super) async fn customer(&mut self, name: &str) -> Result<Actor, StoreError> {
        self.customer_with_key(name, KeyPolicy::default(), None).await
    }

    /// A customer with a key that may do what `policy` says.
    pub(super) async fn customer_with_key(
        &mut self,
        name: &str,
        policy: KeyPolicy,
        expires_at: Option<Timestamp>,
    ) -> Result<Actor, StoreError> {
        let email = format!("billing@{}.example", name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "-"));
        let new = NewCustomer { name: name.to_owned(), email, currency: dollars(), time_zone: "UTC".to_owned() };
        let customer = self.change.create_customer(&new).await?.id.0;
        let application = self.change.create_application(customer, "main", &[]).await?.id.0;
        let new = NewApiKey { name: "demo".to_owned(), policy, expires_at: expires_at.map(Text) };
        let (record, key) = self.change.create_key(application, Mode::Test, &new).await?;
        Ok(Actor { customer, key_id: record.id.0, key })
    }

    /// A customer on `plan` with ten dollars of credit: in good standing.
    pub(super) async fn subscriber(&mut self, name: &str, plan: &str) -> Result<Actor, StoreError> {
        let actor = self.customer(name).await?;
        self.subscribe(&actor, plan, None).await?;
        self.credit(&actor, "10.00").await?;
        Ok(actor)
    }

    /// Gives `actor` a subscription; `state` is active or on trial if absent.
    pub(super) async fn subscribe(
        &mut self,
        actor: &Actor,
        plan: &str,
        state: Option<State>,
    ) -> Result<(), StoreError> {
        let plan = plan.to_owned();
        let new = NewSubscription { plan, plan_version: None, add_ons: Vec::new(), state, anchor_at: None };
        self.change.subscribe(actor.customer, &new).await.map(drop)
    }

    /// Adds paid credit.
    pub(super) async fn credit(&mut self, actor: &Actor, amount: &str) -> Result<(), StoreError> {
        let amount = amount.parse().map_err(|error| StoreError::invalid("amount", format!("{error}")))?;
        let new = NewGrant {
            amount: Text(amount),
            priority: 50,
            scope: Vec::new(),
            effective_at: None,
            expires_at: None,
            note: "opening credit of the demo".to_owned(),
        };
        self.change.add_grant(actor.customer, Origin::Paid { provider: "simulator" }, &new).await.map(drop)
    }

    /// Puts a simulated card on file.
    pub(super) async fn card(&mut self, actor: &Actor, card: Card) -> Result<(), StoreError> {
        let new = NewPaymentMethod {
            provider: "simulator".to_owned(),
            provider_reference: card.reference.to_owned(),
            brand: "visa".to_owned(),
            last4: card.last4.to_owned(),
            expires_year: Some(card.expires_year),
            expires_month: Some(12),
        };
        self.change.add_payment_method(actor.customer, &new).await.map(drop)
    }
}

/// A simulated card.
pub(super) struct Card {
    /// What the simulator calls it: the reference says what happens when it is charged.
    reference: &'static str,
    last4: &'static str,
    expires_year: i16,
}

impl Card {
    /// It always works.
    pub(super) const GOOD: Self = Self { reference: "sim_pm_ok_demo", last4: "4242", expires_year: 2034 };
    /// It is always declined.
    pub(super) const DECLINED: Self =
        Self { reference: "sim_pm_generic_decline_demo", last4: "0002", expires_year: 2034 };
    /// It was good once.
    pub(super) const EXPIRED: Self = Self { reference: "sim_pm_ok_demo", last4: "4242", expires_year: 2024 };
}

const fn dollars() -> tollgate_store::definition::CurrencyCode {
    Text(tollgate_core::money::Currency::USD)
}
