//! The endpoints as calls see them.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::{Seat, ring::Ring};
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
    /// Where each member is among those; [`ABSENT`] if it is not.
    by_member: Vec<u32>,
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
    /// Those of the endpoint: who is compared is not asked for them, and nobody looks at who is not chosen.
    pub(in crate::client) gauges: Seat,
    pub(in crate::client) first: Option<Arc<Connection>>,
    pub(in crate::client) endpoint: Arc<Endpoint>,
}

const ABSENT: u32 = u32::MAX;

impl Ready {
    fn new(endpoint: &Arc<Endpoint>) -> Self {
        let gauges = endpoint.gauges.clone();
        Self { gauges, first: endpoint.any_connection(), endpoint: Arc::clone(endpoint) }
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

    fn ring(&self) -> &Ring {
        self.ring.get_or_init(|| Ring::new(self.all.iter().map(|endpoint| endpoint.key())))
    }
}

impl Snapshot {
    /// Of these members those are ready that have these indices, in their order.
    pub(in crate::client) fn with_ready(
        members: Arc<Members>,
        indices: impl IntoIterator<Item = usize>,
    ) -> Self {
        let mut by_member = vec![ABSENT; members.all.len()];
        let mut ready = Vec::new();
        for index in indices {
            by_member[index] = u32::try_from(ready.len()).unwrap_or(ABSENT);
            ready.push(Ready::new(&members.all[index]));
        }
        Self { members, ready, by_member, ..Self::unknown() }
    }

    /// Those that are ready, in the order in which a key goes on from one to the next. The same one may come twice.
    pub(super) fn by_key(&self, key: u64) -> impl Iterator<Item = &Ready> {
        let members = self.members.ring().walk(key);
        members.filter_map(move |member| self.ready.get(*self.by_member.get(member)? as usize))
    }

    /// Nobody has said yet which endpoints there are.
    pub(in crate::client) fn unknown() -> Self {
        Self {
            members: Arc::default(),
            ready: Vec::new(),
            by_member: Vec::new(),
            panic: false,
            asleep: None,
            absent: Absent::Coming,
        }
    }
}
