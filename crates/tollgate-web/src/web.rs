//! What every handler is given.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};
use tollgate_core::id::CustomerId;
use tollgate_payments::{MoneyKind, PaymentProvider};
use tollgate_store::Store;

use crate::gate::Gate;
use crate::metrics::Metrics;
use crate::secret::Signer;
use crate::session::Sessions;
use crate::settings::{Sandbox, Settings, SignIn};

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Web(Arc<Parts>);

struct Parts {
    store: Store,
    gate: Arc<dyn Gate>,
    payments: Option<Arc<dyn PaymentProvider>>,
    settings: Settings,
    metrics: Metrics,
    sessions: Sessions,
    signer: Signer,
    lanes: Lanes,
    verifying: Mutex<()>,
}

/// One of these is held while a customer's money moves: a payment and its effect are not interleaved
/// with another one of the same customer.
struct Lanes {
    locks: [Mutex<()>; 64],
    hasher: RandomState,
}

impl Web {
    /// A control plane. Without a payment provider nothing can be bought on its pages. Outside of a sandbox
    /// simulated money buys nothing, and everybody signs in with a key.
    #[must_use]
    pub fn new(
        store: Store,
        gate: Arc<dyn Gate>,
        payments: Option<Arc<dyn PaymentProvider>>,
        mut settings: Settings,
    ) -> Self {
        if settings.sandbox == Sandbox::Off {
            settings.sign_in = SignIn::Key;
        }
        let is_usable = |provider: &Arc<dyn PaymentProvider>| match (settings.sandbox, provider.money_kind()) {
            (Sandbox::On, _) | (Sandbox::Off, MoneyKind::Real) => true,
            (Sandbox::Off, MoneyKind::Simulated) => false,
        };
        Self(Arc::new(Parts {
            store,
            gate,
            payments: payments.filter(is_usable),
            signer: Signer::new(&settings.form_key),
            settings,
            metrics: Metrics::new(),
            sessions: Sessions::default(),
            lanes: Lanes { locks: std::array::from_fn(|_| Mutex::new(())), hasher: RandomState::new() },
            verifying: Mutex::new(()),
        }))
    }

    /// Figures for Prometheus, to register more.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn gate(&self) -> &dyn Gate {
        &*self.0.gate
    }

    pub(crate) fn payments(&self) -> Option<&dyn PaymentProvider> {
        self.0.payments.as_deref()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.0.signer
    }

    pub(crate) fn is_sandbox(&self) -> bool {
        self.0.settings.sandbox == Sandbox::On
    }

    /// Waits until no other payment of `customer` is under way here.
    pub(crate) async fn enter(&self, customer: CustomerId) -> MutexGuard<'_, ()> {
        let lanes = &self.0.lanes;
        let place = usize::try_from(lanes.hasher.hash_one(customer) % 64).unwrap_or(0);
        lanes.locks[place].lock().await
    }

    /// Waits until no other verification of the ledger is under way here: each reads all of it.
    pub(crate) async fn verifying(&self) -> MutexGuard<'_, ()> {
        self.0.verifying.lock().await
    }
}
