//! What the control plane asks of the running gateway. The binary answers; this crate does not know how.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;
use tollgate_core::id::CustomerId;
use tollgate_store::StoreError;
use tollgate_store::settlement::Health;

/// An answer that takes a while.
pub type Awaited<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The running gateway.
pub trait Gate: Send + Sync {
    /// A customer's standing as the gateway judges by it: with what runs and what was settled a moment
    /// ago.
    fn standing(&self, customer: CustomerId) -> Awaited<'_, Result<Value, StoreError>>;

    /// Whether settlements are committed.
    fn health(&self) -> Health;

    /// How much the gateway holds in memory.
    fn sizes(&self) -> Sizes;

    /// Compiles the catalogue as it is published. An error says what is wrong with it; the one before
    /// stays in force then.
    fn reload(&self) -> Awaited<'_, Result<(), String>>;

    /// Moves the test clock of a sandbox on, and does what the calendar asks for until then. An error
    /// says why it cannot be moved.
    fn move_clock(&self, by: Duration) -> Awaited<'_, Result<(), String>>;
}

/// How much the gateway holds in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Keys that were used since it started.
    pub keys: usize,
    /// Customers that were seen since it started.
    pub customers: usize,
}
