//! The catalogue: plans, add-ons, prices and APIs in versions. A row is never changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::AnyConnection;
use tollgate_core::catalogue::{AddOn, Plan};

use crate::definition::{AddOnDefinition, ApiDefinition, PlanDefinition, PriceDefinition};
use crate::row::{Columns as _, to_json};
use crate::{Change, Store, StoreError};

/// A kind of thing in the catalogue.
pub trait Item: Serialize + DeserializeOwned + PartialEq + Send + Sync {
    /// The stored name of the kind.
    const KIND: &'static str;
    /// Its stable name.
    fn key(&self) -> &str;
    /// Whether it may be published.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    fn check(&self) -> Result<(), StoreError>;
}

impl Item for PlanDefinition {
    const KIND: &'static str = "plan";
    fn key(&self) -> &str {
        &self.key
    }
    fn check(&self) -> Result<(), StoreError> {
        self.check()
    }
}

impl Item for AddOnDefinition {
    const KIND: &'static str = "add_on";
    fn key(&self) -> &str {
        &self.key
    }
    fn check(&self) -> Result<(), StoreError> {
        self.check()
    }
}

impl Item for PriceDefinition {
    const KIND: &'static str = "price";
    fn key(&self) -> &str {
        &self.key
    }
    fn check(&self) -> Result<(), StoreError> {
        self.to_core().map(drop)
    }
}

impl Item for ApiDefinition {
    const KIND: &'static str = "api";
    fn key(&self) -> &str {
        &self.key
    }
    fn check(&self) -> Result<(), StoreError> {
        self.check()
    }
}

/// A definition in a version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Versioned<T> {
    /// Counts from 1.
    pub version: u32,
    /// The definition.
    pub definition: T,
}

/// Plans and add-ons by key and version, compiled once: they never change.
#[derive(Default)]
pub(crate) struct CatalogueCache {
    plans: Mutex<HashMap<(String, u32), Arc<Plan>>>,
    add_ons: Mutex<HashMap<(String, u32), Arc<AddOn>>>,
}

/// The definition of `key` in `version`, or in the newest one.
async fn read<T: Item>(
    connection: &mut AnyConnection,
    key: &str,
    version: Option<u32>,
) -> Result<Versioned<T>, StoreError> {
    const READ: &str = "
        SELECT version, definition FROM catalogue
         WHERE kind = $1 AND item = $2 AND (version = $3 OR ($3 = 0 AND status = 'published'))
         ORDER BY version DESC LIMIT 1";
    let row =
        sqlx::query(READ).bind(T::KIND).bind(key).bind(version.map_or(0, i64::from)).fetch_optional(connection).await?;
    let row = row.ok_or_else(|| StoreError::not_found(T::KIND, key))?;
    Ok(Versioned { version: u32::try_from(row.int("version")?).unwrap_or(0), definition: row.json("definition")? })
}

pub(crate) async fn plan(
    connection: &mut AnyConnection,
    cache: &CatalogueCache,
    key: &str,
    version: Option<u32>,
) -> Result<Arc<Plan>, StoreError> {
    if let Some(version) = version
        && let Some(plan) = lock(&cache.plans).get(&(key.to_owned(), version))
    {
        return Ok(Arc::clone(plan));
    }
    let found = read::<PlanDefinition>(connection, key, version).await?;
    let plan = Arc::new(found.definition.to_core(found.version)?);
    let mut plans = lock(&cache.plans);
    // Another task may have been faster; all must hold the same plan, so that it is recognised.
    Ok(Arc::clone(plans.entry((key.to_owned(), found.version)).or_insert(plan)))
}

pub(crate) async fn add_on(
    connection: &mut AnyConnection,
    cache: &CatalogueCache,
    key: &str,
    version: Option<u32>,
) -> Result<Arc<AddOn>, StoreError> {
    if let Some(version) = version
        && let Some(add_on) = lock(&cache.add_ons).get(&(key.to_owned(), version))
    {
        return Ok(Arc::clone(add_on));
    }
    let found = read::<AddOnDefinition>(connection, key, version).await?;
    let add_on = Arc::new(found.definition.to_core(found.version)?);
    let mut add_ons = lock(&cache.add_ons);
    Ok(Arc::clone(add_ons.entry((key.to_owned(), found.version)).or_insert(add_on)))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic while a map of immutable values is locked leaves the map whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// The newest published version of every item of a kind, by key.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn published<T: Item>(&self) -> Result<Vec<Versioned<T>>, StoreError> {
        const LIST: &str = "
            SELECT c.version, c.definition FROM catalogue c
             WHERE c.kind = $1 AND c.status = 'published'
               AND c.version = (SELECT max(l.version) FROM catalogue l WHERE l.kind = c.kind AND l.item = c.item)
             ORDER BY c.item";
        let rows = sqlx::query(LIST).bind(T::KIND).fetch_all(&self.db.pool).await?;
        rows.iter()
            .map(|row| {
                let version = u32::try_from(row.int("version")?).unwrap_or(0);
                Ok(Versioned { version, definition: row.json("definition")? })
            })
            .collect()
    }

    /// An item in a version, or in its newest one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn item<T: Item>(&self, key: &str, version: Option<u32>) -> Result<Versioned<T>, StoreError> {
        let mut connection = self.db.pool.acquire().await?;
        read(&mut connection, key, version).await
    }

    /// The plan `key` in a version, or in its newest one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn plan(&self, key: &str, version: Option<u32>) -> Result<Arc<Plan>, StoreError> {
        let mut connection = self.db.pool.acquire().await?;
        plan(&mut connection, &self.catalogue, key, version).await
    }

    /// The add-on `key` in a version, or in its newest one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn add_on(&self, key: &str, version: Option<u32>) -> Result<Arc<AddOn>, StoreError> {
        let mut connection = self.db.pool.acquire().await?;
        add_on(&mut connection, &self.catalogue, key, version).await
    }
}

impl Change {
    /// Publishes a definition as a new version, unless it equals the newest one.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub async fn publish<T: Item + Clone>(&mut self, definition: &T) -> Result<Versioned<T>, StoreError> {
        const INSERT: &str = "
            INSERT INTO catalogue (kind, item, version, definition, status, created_at)
            VALUES ($1, $2, $3, $4, 'published', $5)";
        definition.check()?;
        let newest = self.newest::<T>(definition.key()).await?;
        if let Some((version, "published", known)) = newest.as_ref().map(|(v, s, d)| (*v, s.as_str(), d))
            && known == definition
        {
            return Ok(Versioned { version, definition: definition.clone() });
        }
        let version = newest.as_ref().map_or(0, |(version, _, _)| *version) + 1;
        sqlx::query(INSERT)
            .bind(T::KIND)
            .bind(definition.key())
            .bind(i64::from(version))
            .bind(to_json(definition)?)
            .bind(self.now.unix_micros())
            .execute(self.connection())
            .await?;
        self.touched.catalogue = true;
        let subject = format!("{}:{}", T::KIND, definition.key());
        let before = newest.map(|(_, _, definition)| definition);
        self.audit("catalogue.publish", &subject, before.as_ref(), Some(definition)).await?;
        Ok(Versioned { version, definition: definition.clone() })
    }

    /// Takes an item off the catalogue. Who bought it keeps it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn retire<T: Item>(&mut self, key: &str) -> Result<(), StoreError> {
        const UPDATE: &str = "
            UPDATE catalogue SET status = 'retired' WHERE kind = $1 AND item = $2 AND status = 'published'";
        let updated = sqlx::query(UPDATE).bind(T::KIND).bind(key).execute(self.connection()).await?;
        if updated.rows_affected() == 0 {
            return Err(StoreError::not_found(T::KIND, key));
        }
        self.touched.catalogue = true;
        self.audit("catalogue.retire", &format!("{}:{key}", T::KIND), Some(&key), None::<&()>).await
    }

    async fn newest<T: Item>(&mut self, key: &str) -> Result<Option<(u32, String, T)>, StoreError> {
        const READ: &str = "
            SELECT version, status, definition FROM catalogue WHERE kind = $1 AND item = $2
             ORDER BY version DESC LIMIT 1";
        let row = sqlx::query(READ).bind(T::KIND).bind(key).fetch_optional(self.connection()).await?;
        let Some(row) = row else { return Ok(None) };
        let version = u32::try_from(row.int("version")?).unwrap_or(0);
        Ok(Some((version, row.text("status")?, row.json("definition")?)))
    }

    /// The plan `key` as this change sees it.
    pub(crate) async fn plan(&mut self, key: &str, version: Option<u32>) -> Result<Arc<Plan>, StoreError> {
        let cache = Arc::clone(&self.store.catalogue);
        plan(self.connection(), &cache, key, version).await
    }

    /// The add-on `key` as this change sees it.
    pub(crate) async fn add_on(&mut self, key: &str, version: Option<u32>) -> Result<Arc<AddOn>, StoreError> {
        let cache = Arc::clone(&self.store.catalogue);
        add_on(self.connection(), &cache, key, version).await
    }
}
