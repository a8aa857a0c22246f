//! API keys: who they belong to and what they may do.

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use tollgate_core::catalogue::CapScope;
use tollgate_core::id::{ApplicationId, CustomerId, KeyId};
use tollgate_core::time::Timestamp;

use crate::api_key::{self, Mode};
use crate::customers::check_label;
use crate::definition::{ApplicationIdText, At, CapDefinition, CustomerIdText, KeyIdText, Text, caps_to_core};
use crate::row::{Columns as _, to_json};
use crate::{Change, Store, StoreError};

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyIdText,
    /// Who pays for it.
    pub customer: CustomerIdText,
    /// The application it belongs to.
    pub application: ApplicationIdText,
    /// Its name.
    pub name: String,
    /// What may be shown of it.
    pub hint: String,
    /// What it may do.
    pub policy: KeyPolicy,
    /// When it stops working.
    pub expires_at: Option<At>,
    /// When it was revoked.
    pub revoked_at: Option<At>,
    /// When it was created.
    pub created_at: At,
}

/// What a key may do. Empty lists allow everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KeyPolicy {
    /// Scopes it carries; a route may ask for one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// The APIs it may call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<String>,
    /// The models it may name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// The web origins it may be used from: `https://app.example.com`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// The networks it may be used from: `203.0.113.0/24`, `2001:db8::/32`, or single addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Spend caps of this key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<CapDefinition>,
}

/// What a new key is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// Its name.
    pub name: String,
    /// What it may do.
    #[serde(default)]
    pub policy: KeyPolicy,
    /// When it stops working.
    #[serde(default)]
    pub expires_at: Option<At>,
}

/// A key as the gateway needs it.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    /// The key.
    pub key: ApiKey,
    /// The part of its text that finds it.
    pub public_id: String,
    /// The hash of its secret.
    pub secret_hash: Vec<u8>,
    /// The APIs for which its application is approved.
    pub approved_apis: Vec<String>,
}

/// A network in address and prefix length.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_network(text: &str) -> Result<(std::net::IpAddr, u8), &'static str> {
    const EXPECTED: &str = "an address or network such as 203.0.113.7 or 2001:db8::/32";
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| EXPECTED)?)),
        None => (text, None),
    };
    let address: std::net::IpAddr = address.parse().map_err(|_| EXPECTED)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(longest);
    if length <= longest { Ok((address, length)) } else { Err(EXPECTED) }
}

impl KeyPolicy {
    fn check(&self, id: KeyId) -> Result<(), StoreError> {
        caps_to_core(CapScope::Key(id), &self.caps).map_err(|error| match error {
            StoreError::Invalid { field, expected } => StoreError::invalid(format!("policy.{field}"), expected),
            other => other,
        })?;
        for (index, network) in self.networks.iter().enumerate() {
            parse_network(network)
                .map_err(|expected| StoreError::invalid(format!("policy.networks[{index}]"), expected))?;
        }
        for (index, origin) in self.origins.iter().enumerate() {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if host.is_none_or(|host| host.is_empty() || host.contains('/')) {
                let expected = "a web origin such as https://app.example.com, without a path";
                return Err(StoreError::invalid(format!("policy.origins[{index}]"), expected));
            }
        }
        Ok(())
    }
}

fn from_row(row: &AnyRow) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: Text(row.parsed("id")?),
        customer: Text(row.parsed("customer_id")?),
        application: Text(row.parsed("application_id")?),
        name: row.text("name")?,
        hint: row.text("hint")?,
        policy: row.json("policy")?,
        expires_at: row.at_or_null("expires_at")?.map(Text),
        revoked_at: row.at_or_null("revoked_at")?.map(Text),
        created_at: Text(row.at("created_at")?),
    })
}

impl Store {
    /// The key with this public id, with everything that judging a request needs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn key_record(&self, public_id: &str) -> Result<Option<KeyRecord>, StoreError> {
        const READ: &str = "
            SELECT id, public_id, customer_id, application_id, name, hint, policy, expires_at, revoked_at,
                   created_at, secret_hash
              FROM api_keys WHERE public_id = $1";
        let Some(row) = sqlx::query(READ).bind(public_id).fetch_optional(&self.db.pool).await? else {
            return Ok(None);
        };
        let key = from_row(&row)?;
        let approved_apis = self.approved_apis(key.application.0).await?;
        Ok(Some(KeyRecord {
            key,
            public_id: row.text("public_id")?,
            secret_hash: row.bytes("secret_hash")?,
            approved_apis,
        }))
    }

    /// The key `id`; also if it was revoked.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn key(&self, id: KeyId) -> Result<ApiKey, StoreError> {
        const READ: &str = "
            SELECT id, customer_id, application_id, name, hint, policy, expires_at, revoked_at, created_at
              FROM api_keys WHERE id = $1";
        let row = sqlx::query(READ).bind(id.to_string()).fetch_optional(&self.db.pool).await?;
        from_row(&row.ok_or_else(|| StoreError::not_found("key", id))?)
    }

    /// The keys of a customer, oldest first; also revoked ones.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn keys(&self, customer: CustomerId) -> Result<Vec<ApiKey>, StoreError> {
        const LIST: &str = "
            SELECT id, customer_id, application_id, name, hint, policy, expires_at, revoked_at, created_at
              FROM api_keys WHERE customer_id = $1 ORDER BY id";
        let rows = sqlx::query(LIST).bind(customer.to_string()).fetch_all(&self.db.pool).await?;
        rows.iter().map(from_row).collect()
    }
}

impl Change {
    /// Creates a key and returns it with its text, which nobody sees again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such an application, [`StoreError::Invalid`] naming the field.
    pub async fn create_key(
        &mut self,
        application: ApplicationId,
        mode: Mode,
        new: &NewApiKey,
    ) -> Result<(ApiKey, String), StoreError> {
        let made = api_key::generate(mode, &*self.store.ids);
        let key = self.insert_key(application, mode, new, &made).await?;
        Ok((key, made.text))
    }

    async fn insert_key(
        &mut self,
        application: ApplicationId,
        mode: Mode,
        new: &NewApiKey,
        made: &api_key::NewKey,
    ) -> Result<ApiKey, StoreError> {
        const INSERT: &str = "
            INSERT INTO api_keys (id, public_id, customer_id, application_id, name, mode, secret_hash, hint,
                                  policy, expires_at, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        const OWNER: &str = "SELECT customer_id FROM applications WHERE id = $1";
        check_label("name", &new.name)?;
        let owner = sqlx::query(OWNER).bind(application.to_string()).fetch_optional(self.connection()).await?;
        let owner = owner.ok_or_else(|| StoreError::not_found("application", application))?;
        let key = ApiKey {
            id: Text(self.store.mint()),
            customer: Text(owner.parsed("customer_id")?),
            application: Text(application),
            name: new.name.clone(),
            hint: made.hint.clone(),
            policy: new.policy.clone(),
            expires_at: new.expires_at,
            revoked_at: None,
            created_at: Text(self.now),
        };
        key.policy.check(key.id.0)?;
        sqlx::query(INSERT)
            .bind(key.id.0.to_string())
            .bind(&made.public_id)
            .bind(key.customer.0.to_string())
            .bind(application.to_string())
            .bind(&key.name)
            .bind(mode.name())
            .bind(&made.secret_hash[..])
            .bind(&key.hint)
            .bind(to_json(&key.policy)?)
            .bind(key.expires_at.map(|at| at.0.unix_micros()))
            .bind(self.now.unix_micros())
            .execute(self.connection())
            .await?;
        self.touched.keys.push(made.public_id.clone());
        self.touched.customers.push(key.customer.0);
        self.audit("key.create", &key.id.0.to_string(), None::<&()>, Some(&key)).await?;
        Ok(key)
    }

    /// Revokes a key at once. Revoking twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn revoke_key(&mut self, id: KeyId) -> Result<ApiKey, StoreError> {
        const UPDATE: &str = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1";
        let (before, public_id) = self.read_key(id).await?;
        if before.revoked_at.is_some() {
            return Ok(before);
        }
        let after = ApiKey { revoked_at: Some(Text(self.now)), ..before.clone() };
        sqlx::query(UPDATE).bind(id.to_string()).bind(self.now.unix_micros()).execute(self.connection()).await?;
        self.touched.keys.push(public_id);
        self.audit("key.revoke", &id.to_string(), Some(&before), Some(&after)).await?;
        Ok(after)
    }

    /// Replaces what a key may do and when it expires.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Invalid`] naming the field.
    pub async fn update_key(
        &mut self,
        id: KeyId,
        policy: &KeyPolicy,
        expires_at: Option<Timestamp>,
    ) -> Result<ApiKey, StoreError> {
        const UPDATE: &str = "UPDATE api_keys SET policy = $2, expires_at = $3 WHERE id = $1";
        let (before, public_id) = self.read_key(id).await?;
        policy.check(id)?;
        let after = ApiKey { policy: policy.clone(), expires_at: expires_at.map(Text), ..before.clone() };
        sqlx::query(UPDATE)
            .bind(id.to_string())
            .bind(to_json(policy)?)
            .bind(expires_at.map(Timestamp::unix_micros))
            .execute(self.connection())
            .await?;
        self.touched.keys.push(public_id);
        self.touched.customers.push(before.customer.0);
        self.audit("key.update", &id.to_string(), Some(&before), Some(&after)).await?;
        Ok(after)
    }

    async fn read_key(&mut self, id: KeyId) -> Result<(ApiKey, String), StoreError> {
        const READ: &str = "
            SELECT id, public_id, customer_id, application_id, name, hint, policy, expires_at, revoked_at,
                   created_at
              FROM api_keys WHERE id = $1";
        let row = sqlx::query(READ).bind(id.to_string()).fetch_optional(self.connection()).await?;
        let row = row.ok_or_else(|| StoreError::not_found("key", id))?;
        Ok((from_row(&row)?, row.text("public_id")?))
    }
}
