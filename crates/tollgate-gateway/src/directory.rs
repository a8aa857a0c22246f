//! The directory: keys and standings that this node knows.
//!
//! A key or customer is read from the store when it is first seen and kept. Reading and refreshing one
//! customer exclude each other, so a change that was acknowledged cannot be missed by a read that began
//! before it. Everything else is lock-free but for the one lock of each customer.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use papaya::HashMap;
use tollgate_core::id::{ApplicationId, CustomerId, KeyId};
use tollgate_core::standing::Standing;
use tollgate_core::time::Timestamp;
use tollgate_store::api_key::Presented;
use tollgate_store::keys::{KeyRecord, parse_network};
use tollgate_store::{Store, StoreError};

use crate::limits::{UNKNOWN_KEY_FOR, UNKNOWN_KEYS_KEPT};

/// A customer of this node.
#[derive(Debug)]
pub struct KnownCustomer {
    /// Who.
    pub id: CustomerId,
    standing: Mutex<Standing>,
    /// Something changed and could not be read: it must be before the standing is used again.
    is_stale: AtomicBool,
}

/// Who put a customer under review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenBy {
    /// The customer.
    pub customer: CustomerId,
    /// The case number that caller and support share.
    pub case: String,
    /// The fraud rule. Never shown to the customer.
    pub rule: &'static str,
    /// Since when.
    pub since: Timestamp,
}

/// An API key of this node.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) application: ApplicationId,
    pub(crate) customer: Arc<KnownCustomer>,
    secret_hash: [u8; 32],
    pub(crate) expires_at: Timestamp,
    pub(crate) revoked: bool,
    /// What it may do; `None` for everything.
    pub(crate) policy: Option<Box<Policy>>,
    /// APIs for which its application is approved.
    pub(crate) approved_apis: Box<[Box<str>]>,
}

/// What a key may do. Empty lists allow everything.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) scopes: Box<[Box<str>]>,
    pub(crate) apis: Box<[Box<str>]>,
    pub(crate) models: Box<[Box<str>]>,
    pub(crate) origins: Box<[Box<str>]>,
    pub(crate) networks: Box<[(std::net::IpAddr, u8)]>,
}

type PublicId = [u8; 12];

/// Keys and standings that this node knows.
pub(crate) struct Directory {
    store: Store,
    keys: HashMap<PublicId, Arc<Key>>,
    customers: HashMap<CustomerId, Arc<KnownCustomer>>,
    unknown: Mutex<std::collections::HashMap<PublicId, Timestamp>>,
    /// One of these is held while a key is read or refreshed, and within it perhaps one of the customers'.
    key_lanes: Lanes,
    customer_lanes: Lanes,
}

/// Locks for whatever hashes to them.
struct Lanes {
    locks: [tokio::sync::Mutex<()>; 64],
    hasher: RandomState,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { locks: std::array::from_fn(|_| tokio::sync::Mutex::new(())), hasher: RandomState::new() }
    }
}

impl Lanes {
    async fn enter<T: std::hash::Hash>(&self, of: &T) -> tokio::sync::MutexGuard<'_, ()> {
        let hash = usize::try_from(self.hasher.hash_one(of) % 64).unwrap_or(0);
        self.locks[hash].lock().await
    }
}

impl KnownCustomer {
    /// The customer's standing, locked. Never hold it across an await.
    pub fn standing(&self) -> MutexGuard<'_, Standing> {
        // Core's rules do not panic; if one did, the standing it left is still the best there is.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    /// Whether `presented` carries its secret.
    pub(crate) fn matches(&self, presented: &Presented<'_>) -> bool {
        presented.matches(&self.secret_hash)
    }
}

impl Directory {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            keys: HashMap::new(),
            customers: HashMap::new(),
            unknown: Mutex::default(),
            key_lanes: Lanes::default(),
            customer_lanes: Lanes::default(),
        }
    }

    /// The key with this public id; `None` if there is none.
    ///
    /// # Errors
    /// If it is not known here and the store does not answer.
    pub(crate) async fn key(&self, presented: &Presented<'_>, now: Timestamp) -> Result<Option<Arc<Key>>, StoreError> {
        let Ok(public_id) = PublicId::try_from(presented.public_id.as_bytes()) else { return Ok(None) };
        if let Some(key) = self.keys.pin().get(&public_id) {
            return Ok(Some(Arc::clone(key)));
        }
        if !presented.is_well_formed() || self.is_unknown(&public_id, now) {
            return Ok(None);
        }
        // Boxed: what is done once for each key must not make the state of every request larger.
        Box::pin(self.first_seen(public_id, now)).await
    }

    async fn first_seen(&self, public_id: PublicId, now: Timestamp) -> Result<Option<Arc<Key>>, StoreError> {
        let _lane = self.key_lanes.enter(&public_id).await;
        if let Some(key) = self.keys.pin().get(&public_id) {
            return Ok(Some(Arc::clone(key)));
        }
        match self.read_key(public_id).await? {
            Some(key) => Ok(Some(key)),
            None => {
                self.remember_unknown(public_id, now);
                Ok(None)
            }
        }
    }

    async fn read_key(&self, public_id: PublicId) -> Result<Option<Arc<Key>>, StoreError> {
        let text = String::from_utf8_lossy(&public_id).into_owned();
        let Some(record) = self.store.key_record(&text).await? else { return Ok(None) };
        let customer = self.customer(record.key.customer.0).await?;
        let key = Arc::new(compile(&record, customer));
        self.keys.pin().insert(public_id, Arc::clone(&key));
        Ok(Some(key))
    }

    /// The customer `id`.
    ///
    /// # Errors
    /// If it is not known here and the store does not answer.
    pub(crate) async fn customer(&self, id: CustomerId) -> Result<Arc<KnownCustomer>, StoreError> {
        if let Some(customer) = self.customers.pin().get(&id) {
            return Ok(Arc::clone(customer));
        }
        let _lane = self.customer_lanes.enter(&id).await;
        if let Some(customer) = self.customers.pin().get(&id) {
            return Ok(Arc::clone(customer));
        }
        let standing = Mutex::new(self.store.load_standing(id).await?);
        let customer = Arc::new(KnownCustomer { id, standing, is_stale: AtomicBool::new(false) });
        self.customers.pin().insert(id, Arc::clone(&customer));
        Ok(customer)
    }

    /// The customer `id` if this node knows it already.
    pub(crate) fn known(&self, id: CustomerId) -> Option<Arc<KnownCustomer>> {
        self.customers.pin().get(&id).map(Arc::clone)
    }

    /// Every customer this node knows.
    pub(crate) fn all(&self) -> Vec<Arc<KnownCustomer>> {
        self.customers.pin().values().map(Arc::clone).collect()
    }

    /// Takes over what changed about a customer. Whoever is not known here is read when first seen.
    pub(crate) async fn refresh_customer(&self, id: CustomerId) -> Result<(), StoreError> {
        let _lane = self.customer_lanes.enter(&id).await;
        let Some(customer) = self.known(id) else { return Ok(()) };
        match self.read_anew(id).await {
            Ok(fresh) => {
                customer.standing().adopt(fresh);
                customer.is_stale.store(false, Ordering::Release);
                Ok(())
            }
            Err(error) => {
                // It is kept, because requests that run hold its money, and not used before it was read.
                customer.is_stale.store(true, Ordering::Release);
                Err(error)
            }
        }
    }

    async fn read_anew(&self, id: CustomerId) -> Result<Standing, StoreError> {
        // What was settled here must be in the books before they are read.
        self.store.fold_customer(id).await?;
        self.store.load_standing(id).await
    }

    /// Makes sure that `customer` can be used.
    ///
    /// # Errors
    /// If it has changed and the store does not answer.
    pub(crate) async fn make_current(&self, customer: &KnownCustomer) -> Result<(), StoreError> {
        match customer.is_stale.load(Ordering::Acquire) {
            false => Ok(()),
            true => Box::pin(self.refresh_customer(customer.id)).await,
        }
    }

    /// Reads a key again.
    pub(crate) async fn refresh_key(&self, public_id: &str) -> Result<(), StoreError> {
        let Ok(public_id) = PublicId::try_from(public_id.as_bytes()) else { return Ok(()) };
        let _lane = self.key_lanes.enter(&public_id).await;
        self.lock_unknown().remove(&public_id);
        let was_known = self.keys.pin().remove(&public_id).is_some();
        if was_known {
            self.read_key(public_id).await?;
        }
        Ok(())
    }

    /// How many keys and customers are known.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.keys.len(), self.customers.len())
    }

    fn lock_unknown(&self) -> MutexGuard<'_, std::collections::HashMap<PublicId, Timestamp>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_unknown(&self, public_id: &PublicId, now: Timestamp) -> bool {
        self.lock_unknown().get(public_id).is_some_and(|since| now.since(*since) < UNKNOWN_KEY_FOR)
    }

    fn remember_unknown(&self, public_id: PublicId, now: Timestamp) {
        let mut unknown = self.lock_unknown();
        if unknown.len() >= UNKNOWN_KEYS_KEPT {
            unknown.retain(|_, since| now.since(*since) < UNKNOWN_KEY_FOR);
        }
        if unknown.len() < UNKNOWN_KEYS_KEPT {
            unknown.insert(public_id, now);
        }
    }
}

fn compile(record: &KeyRecord, customer: Arc<KnownCustomer>) -> Key {
    let names = |list: &[String]| list.iter().map(|name| name.as_str().into()).collect();
    let policy = &record.key.policy;
    let compiled = Policy {
        scopes: names(&policy.scopes),
        apis: names(&policy.apis),
        models: names(&policy.models),
        origins: names(&policy.origins),
        networks: policy.networks.iter().filter_map(|network| parse_network(network).ok()).collect(),
    };
    let is_open = policy.apis.is_empty()
        && policy.models.is_empty()
        && policy.origins.is_empty()
        && policy.networks.is_empty()
        && policy.scopes.is_empty();
    let mut secret_hash = [0; 32];
    if record.secret_hash.len() == secret_hash.len() {
        secret_hash.copy_from_slice(&record.secret_hash);
    }
    Key {
        id: record.key.id.0,
        application: record.key.application.0,
        customer,
        secret_hash,
        expires_at: record.key.expires_at.map_or(Timestamp::MAX, |at| at.0),
        revoked: record.key.revoked_at.is_some(),
        policy: (!is_open).then(|| Box::new(compiled)),
        approved_apis: names(&record.approved_apis),
    }
}
