//! Whether a queue has room, asked before publishing.
//!
//! The broker refuses what is beyond a queue's length too, but it looks at what is ready only, is told late, and has
//! by then given the event to the other queues. So the publisher counts: what it measured last, and what it has
//! published since. Several publishers that fill a queue at the same moment do not see each other until they measure
//! again; then the broker's own limit holds.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{LinkState, depth::Depths, topology::Topology};
use crate::{Envelope, EventKind};

/// How long a measure holds while there is plenty of room.
const MEASURED_FOR: Duration = Duration::from_secs(1);
/// With less room than this beyond what is asked for, a queue is measured each time.
const PLENTY: u64 = 1024;

/// What is known of the room in the queues that this process declared.
#[derive(Debug)]
pub(super) struct Rooms {
    depths: Depths,
    topology: Arc<Topology>,
    max: u64,
    rooms: Mutex<HashMap<Arc<str>, Room>>,
}

#[derive(Clone, Copy, Debug)]
struct Room {
    held: u64,
    measured_at: Instant,
    published_since: u64,
    in_flight: u64,
}

/// Which events of a batch may be published; holds their places until it is dropped.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    rooms: &'a Rooms,
    places: BTreeMap<Arc<str>, u64>,
    /// For each event of the batch, the queues that this process knows for it; `None`: one of them is full.
    pub(super) queues: Vec<Option<Vec<Arc<str>>>>,
}

// === impl Rooms ===

impl Rooms {
    pub(super) fn new(depths: Depths, topology: &Arc<Topology>) -> Self {
        let max = depths.config.queue_events_max;
        Self { depths, topology: Arc::clone(topology), max, rooms: Mutex::default() }
    }

    pub(super) async fn admit(&self, batch: &[Envelope]) -> Admission<'_> {
        let mut by_kind: HashMap<&EventKind, Vec<Arc<str>>> = HashMap::new();
        let mut wanted: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for envelope in batch {
            let queues =
                by_kind.entry(&envelope.kind).or_insert_with(|| self.topology.queues_of(&envelope.kind));
            for queue in queues {
                *wanted.entry(Arc::clone(queue)).or_default() += 1;
            }
        }
        for (queue, places) in &wanted {
            self.measure(queue, *places).await;
        }
        let mut admission = Admission { rooms: self, places: BTreeMap::new(), queues: Vec::new() };
        let mut rooms = self.rooms();
        for envelope in batch {
            let queues = by_kind.get(&envelope.kind).cloned().unwrap_or_default();
            let has_room =
                queues.iter().all(|queue| rooms.get(queue).is_none_or(|room| room.left(self.max) > 0));
            for queue in queues.iter().filter(|_| has_room) {
                if let Some(room) = rooms.get_mut(queue) {
                    room.in_flight += 1;
                    *admission.places.entry(Arc::clone(queue)).or_default() += 1;
                }
            }
            admission.queues.push(has_room.then_some(queues));
        }
        drop(rooms);
        admission
    }

    /// Measures a queue unless enough is known. What cannot be measured is left to the broker.
    async fn measure(&self, queue: &Arc<str>, places: u64) {
        let before = self.rooms().get(queue).copied();
        let is_known = before.is_some_and(|room| {
            room.measured_at.elapsed() < MEASURED_FOR && room.left(self.max) >= places.saturating_add(PLENTY)
        });
        // Without a connection to measure by, publishing does not wait for one.
        if is_known || self.depths.link.state() == LinkState::Down {
            return;
        }
        let measured_at = Instant::now();
        let depth = self.depths.depth(queue).await;
        let mut rooms = self.rooms();
        let Ok(depth) = depth else {
            tracing::debug!(%queue, "the room of a queue is unknown, the broker decides");
            return;
        };
        let held = depth.ready + depth.leased + depth.waiting + depth.parked;
        let room = rooms.entry(Arc::clone(queue)).or_insert(Room {
            held,
            measured_at,
            published_since: 0,
            in_flight: 0,
        });
        // What was published before the measure is in it; what was published meanwhile may be, and counts twice
        // until the next one.
        let seen = before.map_or(0, |room| room.published_since);
        (room.held, room.measured_at) = (held, measured_at);
        room.published_since = room.published_since.saturating_sub(seen);
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<Arc<str>, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Room ===

impl Room {
    fn left(&self, max: u64) -> u64 {
        max.saturating_sub(self.held + self.published_since + self.in_flight)
    }
}

// === impl Admission ===

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        let mut rooms = self.rooms.rooms();
        for (queue, places) in &self.places {
            if let Some(room) = rooms.get_mut(queue) {
                room.in_flight = room.in_flight.saturating_sub(*places);
                room.published_since += places;
            }
        }
    }
}
