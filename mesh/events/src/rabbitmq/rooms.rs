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
/// How long after that publishing need not wait for the next measure, which takes many questions to the broker: what
/// is published meanwhile is counted, and there is plenty of room.
const LATE_FOR: Duration = Duration::from_secs(5);
/// With less room than this beyond what is asked for, a queue is measured each time.
const PLENTY: u64 = 1024;

/// What is known of the room in the queues that this process declared. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Rooms {
    depths: Depths,
    topology: Arc<Topology>,
    max: u64,
    rooms: Arc<Mutex<HashMap<Arc<str>, Room>>>,
}

/// What has to be measured, and who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    /// It is time, and nobody has to wait for it.
    Soon,
    Now,
}

#[derive(Clone, Copy, Debug)]
struct Room {
    held: u64,
    measured_at: Instant,
    /// Events published in all, and up to the measure.
    published: u64,
    published_before: u64,
    in_flight: u64,
    /// Somebody measures it, and nobody waits for that.
    is_being_measured: bool,
}

/// Which events of a batch may be published; holds their places until it is dropped.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    rooms: &'a Rooms,
    places: BTreeMap<Arc<str>, u64>,
    /// For each event of the batch, whether no queue that this process knows for it is full.
    pub(super) admitted: Vec<bool>,
}

// === impl Rooms ===

impl Rooms {
    pub(super) fn new(depths: Depths, topology: &Arc<Topology>) -> Self {
        let max = depths.config.queue_events_max;
        Self { depths, topology: Arc::clone(topology), max, rooms: Arc::default() }
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
        let mut admission = Admission { rooms: self, places: BTreeMap::new(), admitted: Vec::new() };
        let mut rooms = self.rooms();
        for envelope in batch {
            let queues = by_kind.get(&envelope.kind).map_or(&[][..], Vec::as_slice);
            let has_room =
                queues.iter().all(|queue| rooms.get(queue).is_none_or(|room| room.left(self.max) > 0));
            for queue in queues.iter().filter(|_| has_room) {
                if let Some(room) = rooms.get_mut(queue) {
                    room.in_flight += 1;
                    *admission.places.entry(Arc::clone(queue)).or_default() += 1;
                }
            }
            admission.admitted.push(has_room);
        }
        drop(rooms);
        admission
    }

    /// Measures a queue unless enough is known, and waits for that if too little is. What cannot be measured is left
    /// to the broker.
    async fn measure(&self, queue: &Arc<str>, places: u64) {
        // Without a connection to measure by, publishing does not wait for one.
        if self.depths.link.state() == LinkState::Down {
            return;
        }
        let need = {
            let mut rooms = self.rooms();
            let need = rooms.get(queue).map_or(Need::Now, |room| room.need(places, self.max));
            if let Some(room) = rooms.get_mut(queue).filter(|_| need == Need::Soon) {
                room.is_being_measured = true;
            }
            need
        };
        match need {
            Need::Nothing => {}
            Need::Now => self.measure_now(queue).await,
            Need::Soon => {
                let (rooms, queue) = (self.clone(), Arc::clone(queue));
                tokio::spawn(async move {
                    rooms.measure_now(&queue).await;
                    if let Some(room) = rooms.rooms().get_mut(&queue) {
                        room.is_being_measured = false;
                    }
                });
            }
        }
    }

    async fn measure_now(&self, queue: &Arc<str>) {
        let published_before = self.rooms().get(queue).map_or(0, |room| room.published);
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
            published: 0,
            published_before: 0,
            in_flight: 0,
            is_being_measured: false,
        });
        // What was published before the measure is in it; what was published meanwhile may be, and counts twice
        // until the next one. Of two measures at once, the later one counts.
        if measured_at >= room.measured_at {
            (room.held, room.measured_at, room.published_before) = (held, measured_at, published_before);
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<Arc<str>, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Room ===

impl Room {
    fn left(&self, max: u64) -> u64 {
        max.saturating_sub(self.held + self.published - self.published_before + self.in_flight)
    }

    /// What has to be measured before so many events are published.
    fn need(&self, places: u64, max: u64) -> Need {
        let age = self.measured_at.elapsed();
        if self.left(max) < places.saturating_add(PLENTY) || age >= MEASURED_FOR + LATE_FOR {
            Need::Now
        } else if age < MEASURED_FOR || self.is_being_measured {
            Need::Nothing
        } else {
            Need::Soon
        }
    }
}

// === impl Admission ===

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        let mut rooms = self.rooms.rooms();
        for (queue, places) in &self.places {
            if let Some(room) = rooms.get_mut(queue) {
                room.in_flight = room.in_flight.saturating_sub(*places);
                room.published += places;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn publishing_waits_for_a_measure_when_there_is_little_room_or_the_last_one_is_old() {
        let room = Room {
            held: 10,
            measured_at: Instant::now(),
            published: 12,
            published_before: 7,
            in_flight: 1,
            is_being_measured: false,
        };
        let enough = 16 + 100 + PLENTY;
        assert_eq!(room.need(100, enough), Need::Nothing);
        assert_eq!(room.need(100, enough - 1), Need::Now);
        tokio::time::advance(MEASURED_FOR).await;
        assert_eq!(room.need(100, enough), Need::Soon);
        assert_eq!(Room { is_being_measured: true, ..room }.need(100, enough), Need::Nothing);
        tokio::time::advance(LATE_FOR).await;
        assert_eq!(Room { is_being_measured: true, ..room }.need(100, enough), Need::Now);
    }
}
