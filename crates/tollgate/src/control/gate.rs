//! The running gateway, as the control plane asks for it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tollgate_core::id::CustomerId;
use tollgate_gateway::Gateway;
use tollgate_store::settlement::Health;
use tollgate_store::{Store, StoreError};
use tollgate_web::{Awaited, Gate, Sizes};

use crate::system::{SystemClock, TEST_CLOCK};

/// Where no gateway runs: the admin API in front of a database that nobody is served from.
pub(crate) struct NoGateway;

impl Gate for NoGateway {
    fn standing(&self, customer: CustomerId) -> Awaited<'_, Result<Value, StoreError>> {
        Box::pin(async move {
            Err(StoreError::Conflict(format!("no gateway runs here that knows the standing of {customer}")))
        })
    }

    fn health(&self) -> Health {
        Health::Good
    }

    fn sizes(&self) -> Sizes {
        Sizes::default()
    }

    fn reload(&self) -> Awaited<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn move_clock(&self, _: Duration) -> Awaited<'_, Result<(), String>> {
        Box::pin(async { Err("no gateway runs here".to_owned()) })
    }
}

/// The running gateway with its clock.
pub(crate) struct RunningGate {
    pub(crate) gateway: Gateway,
    pub(crate) store: Store,
    pub(crate) clock: Arc<SystemClock>,
}

impl Gate for RunningGate {
    fn standing(&self, customer: CustomerId) -> Awaited<'_, Result<Value, StoreError>> {
        Box::pin(self.gateway.standing(customer))
    }

    fn health(&self) -> Health {
        self.gateway.health()
    }

    fn sizes(&self) -> Sizes {
        let (keys, customers) = self.gateway.sizes();
        Sizes { keys, customers }
    }

    fn reload(&self) -> Awaited<'_, Result<(), String>> {
        Box::pin(async { self.gateway.reload(None).await.map_err(|error| error.to_string()) })
    }

    fn move_clock(&self, by: Duration) -> Awaited<'_, Result<(), String>> {
        Box::pin(async move {
            let ahead = self.clock.ahead() + by;
            // Before the clock moves: time must not jump back with the next start.
            let remembered = self.store.remember_setting(TEST_CLOCK, &ahead.as_micros().to_string()).await;
            remembered.map_err(|error| format!("the clock cannot be moved: {error}"))?;
            self.clock.advance(by);
            self.gateway.expire_grants();
            self.store.fold().await.map_err(|error| error.to_string())
        })
    }
}
