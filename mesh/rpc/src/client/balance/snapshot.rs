//! The endpoints as calls see them.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::ring::Ring;
use crate::{
    client::{endpoint::Endpoint, pool::Connection},
    error::MeshError,
};

/// All endpoints of a channel, whether they can be reached or not.
#[derive(Default)]
pub(in crate::client) struct Members {
    pub(in crate::client) all: Vec<Arc<Endpoint>>,
    /// Made by the first call that has a key.
    ring: OnceLock<Ring>,
}

/// What calls choose from. Made anew by the channel's task whenever something has changed; what it says may be late
/// by a moment, so each call asks the endpoint itself, too.
pub(in crate::client) struct Snapshot {
    pub(in crate::client) members: Arc<Members>,
    /// Those that are connected and not ejected; or all that are connected, if too few were left.
    pub(in crate::client) ready: Vec<Ready>,
    /// Whether ejections are ignored.
    pub(in crate::client) panic: bool,
    /// From when on an endpoint that has no connection may be connected to.
    pub(in crate::client) asleep: Option<Instant>,
    /// What it means that none is ready.
    pub(in crate::client) absent: Absent,
}

/// An endpoint that is ready, and its oldest connection. Nearly every call takes that one, and finds it without asking
/// the pool: of ten thousand endpoints none is in a cache, and a call should not wait for memory more often than it
/// must.
pub(in crate::client) struct Ready {
    pub(in crate::client) endpoint: Arc<Endpoint>,
    pub(in crate::client) first: Option<Arc<Connection>>,
}

impl Ready {
    pub(in crate::client) fn new(endpoint: &Arc<Endpoint>) -> Self {
        Self { endpoint: Arc::clone(endpoint), first: endpoint.any_connection() }
    }
}

#[derive(Clone)]
pub(in crate::client) enum Absent {
    /// There may be one soon.
    Coming,
    /// There will be none for a while.
    Failed(MeshError),
}

impl Members {
    pub(in crate::client) fn new(all: Vec<Arc<Endpoint>>) -> Self {
        Self { all, ring: OnceLock::new() }
    }

    pub(super) fn ring(&self) -> &Ring {
        self.ring.get_or_init(|| Ring::new(self.all.iter().map(|endpoint| endpoint.key())))
    }
}

impl Snapshot {
    /// Nobody has said yet which endpoints there are.
    pub(in crate::client) fn unknown() -> Self {
        Self {
            members: Arc::default(),
            ready: Vec::new(),
            panic: false,
            asleep: None,
            absent: Absent::Coming,
        }
    }
}
