//! Who sends a request, once that is known.

use std::sync::Arc;

use crate::call::Call;
use crate::caller::Presence;
use crate::core::Core;
use crate::directory::Key;
use crate::snapshot::Snapshot;

/// Who sends a request: authenticated and authorized.
pub(crate) struct Guest<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) call: &'a mut Call,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) key: &'a Arc<Key>,
    pub(crate) presence: &'a Presence,
}
