//! The endpoints of a channel: which there are, what is decided about them, and the snapshot that calls choose from.
//!
//! The resolver names them and never judges them; calls and connections leave notes; the channel's own task
//! ([`keep`]) reads the notes, connects, ejects, readmits, and publishes what is left as one [`Snapshot`]. Calls
//! take no lock for it.

mod seen;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use http::uri::Authority;
use mesh_telemetry::metrics::{Detection, Unenforced};
use tokio::{
    sync::{Notify, futures::Notified},
    time::{Instant, sleep, sleep_until},
};

use super::{
    Target,
    address::Address,
    balance::{Absent, Members, Seat, Seats, Snapshot},
    endpoint::Endpoint,
    outlier::{Breaker, Due, Judged, Record, Standing, judge},
    target::Kind,
    wires::Wires,
};
use crate::error::MeshError;

use seen::Seen;

/// From this many endpoints on, the keeper pauses between two snapshots: when ten thousand connect at once, each one
/// is not worth a snapshot of its own.
const MANY: usize = 1_000;

/// The endpoints as they are known now.
pub(super) struct Directory {
    pub(super) target: Target,
    pub(super) wires: Arc<Wires>,
    snapshot: ArcSwap<Snapshot>,
    /// Tells whoever waits for another snapshot.
    published: Notify,
    list: Mutex<List>,
}

/// What is known of a target. Locked by the keeper and the resolver, and by calls while no endpoint is ready.
struct List {
    entries: Vec<Entry>,
    members: Arc<Members>,
    /// Why there are none. `None`: nobody has said yet.
    none: Option<String>,
    next_sweep: Option<Instant>,
    next_part: Option<Instant>,
    next_trim: Option<Instant>,
}

struct Entry {
    endpoint: Arc<Endpoint>,
    breaker: Breaker,
}

impl Judged for Entry {
    fn parts(&mut self) -> (&Record, &mut Breaker) {
        (&self.endpoint.gauges.record, &mut self.breaker)
    }

    fn found(&self, detection: Detection, spared: Option<Unenforced>) {
        let metrics = &self.endpoint.wires.metrics;
        match spared {
            None => metrics.ejected(detection),
            Some(reason) => metrics.spared(detection, reason),
        }
    }

    fn changed(&self, standing: Standing) {
        tracing::debug!(endpoint = %self.endpoint.address, ?standing, "the breaker changed");
        if standing == Standing::Closed {
            // What it cost before it was ejected says nothing of what it is now.
            self.endpoint.gauges.load.forget();
            self.endpoint.begin_slowly();
        }
    }
}

impl Directory {
    pub(super) fn new(target: Target, wires: Arc<Wires>) -> Self {
        let list = List {
            entries: Vec::new(),
            members: Arc::default(),
            none: None,
            next_sweep: None,
            next_part: None,
            next_trim: None,
        };
        let directory = Self {
            target,
            wires,
            snapshot: ArcSwap::from_pointee(Snapshot::unknown()),
            published: Notify::new(),
            list: Mutex::new(list),
        };
        match &directory.target.0 {
            Kind::Static(addresses) => {
                let addresses: Vec<_> = addresses.iter().copied().map(Address::Ip).collect();
                directory.update(&addresses);
            }
            Kind::Unix(path) => directory.update(&[Address::Unix(path.as_path().into())]),
            Kind::Dns(_) | Kind::K8s(_) | Kind::File(_) => {}
        }
        directory
    }

    /// What calls choose from.
    pub(super) fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Done when there is another one. Must be enabled before one looks at the one that there is.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.published.notified()
    }

    /// Replaces the addresses. An endpoint that stays keeps its connections, and what is known of it.
    pub(super) fn update(&self, addresses: &[Address]) {
        let mut list = self.lock();
        // Looked at under the lock under which a channel that closes empties the list: it stays empty.
        if self.wires.closed.is_cancelled() {
            return;
        }
        let mut before: BTreeMap<_, _> =
            list.entries.drain(..).map(|entry| (entry.endpoint.key(), entry)).collect();
        let mut seats = self.seats(addresses.len().saturating_sub(before.len()));
        let mut entries = BTreeMap::new();
        let mut order = Vec::with_capacity(addresses.len());
        for address in addresses {
            let key = address.key();
            entries.entry(key).or_insert_with(|| {
                order.push(key);
                let known = before.remove(&key);
                known
                    .inspect(|entry| entry.endpoint.is_now_at(address))
                    .unwrap_or_else(|| self.entry(address, seats.next()))
            });
        }
        list.entries = order.iter().filter_map(|key| entries.remove(key)).collect();
        before.into_values().for_each(|gone| gone.endpoint.retire());
        list.none = Some("the name has no address".to_owned());
        let all: Vec<_> = list.entries.iter().map(|entry| Arc::clone(&entry.endpoint)).collect();
        let same = all.len() == list.members.all.len()
            && all.iter().zip(&list.members.all).all(|(one, other)| Arc::ptr_eq(one, other));
        if !same {
            list.members = Arc::new(Members::new(all));
        }
        self.publish(&list, Instant::now());
        // Fewer endpoints may mean fewer that may be ejected.
        self.wires.keeper.wake();
    }

    /// For about so many endpoints that were not known before.
    fn seats(&self, wanted: usize) -> Seats {
        let consecutive = self.wires.config.outlier.consecutive.as_ref();
        Seats::new(wanted, consecutive.map_or(0, |consecutive| consecutive.failures))
    }

    fn entry(&self, address: &Address, seat: Seat) -> Entry {
        let endpoint = Endpoint::new(address.clone(), self.authority(address), seat, Arc::clone(&self.wires));
        Entry { endpoint: Arc::new(endpoint), breaker: Breaker::new() }
    }

    /// Notes that the addresses cannot be found out. Those that are known stay: a resolver that is away for a
    /// moment is no reason to stop calling servers that answer.
    pub(super) fn unresolved(&self, cause: String) {
        let mut list = self.lock();
        if self.wires.closed.is_cancelled() {
            return;
        }
        list.none = Some(cause);
        self.publish(&list, Instant::now());
    }

    /// Has no endpoint any more, for ever.
    pub(super) fn close(&self) {
        self.wires.closed.cancel();
        let mut list = self.lock();
        for entry in list.entries.drain(..) {
            entry.endpoint.retire();
        }
        list.members = Arc::default();
        list.none = Some("the channel is closed".to_owned());
        self.publish(&list, Instant::now());
    }

    /// Connects to whoever is asleep, and may be connected to. For a call that has nowhere to go; all others leave
    /// it to the keeper.
    pub(super) fn rouse(&self, now: Instant) {
        let list = self.lock();
        // Another call may have been faster.
        if self.snapshot().asleep.is_some_and(|asleep| asleep <= now) {
            for entry in &list.entries {
                entry.endpoint.connect_if_due(true, now);
            }
            self.publish(&list, now);
        }
    }

    /// How many endpoints are ejected, or on probation.
    #[cfg(feature = "probe")]
    pub(super) fn ejected(&self) -> usize {
        self.lock().entries.iter().filter(|entry| !entry.breaker.is_closed()).count()
    }

    /// One turn of the keeper. Returns when the next one is due even if nothing happens.
    fn turn(&self, now: Instant) -> Option<Instant> {
        let wanted = self.wires.keeper.take_wanted();
        let mut list = self.lock();
        let list = &mut *list;
        let config = &self.wires.config;
        let sweep = is_due(&mut list.next_sweep, config.outlier.interval, now);
        let part = config.outlier.part().is_some_and(|part| is_due(&mut list.next_part, part, now));
        let is_trim = is_due(&mut list.next_trim, config.pool.idle, now);
        let mut next = [list.next_sweep, list.next_part, list.next_trim].into_iter().flatten().min();
        for entry in &mut list.entries {
            if is_trim {
                entry.endpoint.close_idle();
            }
            next = sooner(next, entry.endpoint.connect_if_due(wanted, now));
            // A server that cannot be reached proves nothing by a probe, and takes a place from those that can.
            if entry.breaker.is_half_open() && !entry.endpoint.is_connected() {
                entry.breaker.close(&entry.endpoint.gauges.record);
                entry.endpoint.gauges.record.readmit();
            }
        }
        next = sooner(
            next,
            judge(&mut list.entries, &config.outlier, Due { sweep, part }, now, &self.wires.random),
        );
        self.publish(list, now);
        next
    }

    /// Shows calls what there is now, and wakes those that wait for it.
    fn publish(&self, list: &List, now: Instant) {
        let mut snapshot = self.assemble(list, now);
        if snapshot.ready.is_empty() && matches!(snapshot.absent, Absent::Coming) && list.entries.is_empty() {
            // Without endpoints there is no endpoint to wait for, but if nobody has named them yet.
            if let Some(cause) = &list.none {
                let (target, cause) = (self.target.to_string(), cause.clone());
                snapshot.absent = Absent::Failed(MeshError::NoEndpoint { target, cause });
            }
        }
        self.snapshot.store(Arc::new(snapshot));
        self.wires.queue.wake_all();
        self.published.notify_waiters();
    }

    fn assemble(&self, list: &List, now: Instant) -> Snapshot {
        let mut seen = Seen::default();
        for (index, entry) in list.entries.iter().enumerate() {
            entry.endpoint.look(|phase| seen.note((index, entry), phase, now));
        }
        // Envoy's panic threshold: with too few left, those that are would be next to fail.
        let available = seen.serving.iter().filter(|(_, entry)| entry.breaker.is_closed()).count();
        let percent = usize::try_from(self.wires.config.outlier.panic_percent).unwrap_or(usize::MAX);
        let panic = available * 100 < list.entries.len() * percent;
        let takes = |entry: &Entry| panic || entry.breaker.is_closed() || entry.breaker.is_half_open();
        let ready = seen.serving.iter().filter(|(_, entry)| takes(entry)).map(|(index, _)| *index);
        // The members are the endpoints of the entries, in the same order.
        let mut snapshot = Snapshot::with_ready(Arc::clone(&list.members), ready);
        let target = || self.target.to_string();
        snapshot.panic = panic;
        snapshot.asleep = seen.asleep;
        snapshot.absent = if snapshot.ready.is_empty() && !seen.serving.is_empty() {
            Absent::Failed(MeshError::BreakerOpen { target: target() })
        } else if seen.coming {
            Absent::Coming
        } else if seen.not_serving {
            Absent::Failed(MeshError::NotServing { target: target() })
        } else {
            seen.error.map_or(Absent::Coming, Absent::Failed)
        };
        snapshot
    }

    fn authority(&self, address: &Address) -> Authority {
        let name = self.target.authority().unwrap_or_else(|| address.to_string());
        Authority::try_from(name).expect("an address is an authority, and a name was checked to be one")
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the snapshot up to date until the channel is closed.
pub(super) async fn keep(directory: Arc<Directory>) {
    let wires = Arc::clone(&directory.wires);
    loop {
        let next = directory.turn(Instant::now());
        let due = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = wires.closed.cancelled() => return,
            () = wires.keeper.woken() => {}
            () = due => {}
        }
        let endpoints = directory.snapshot().members.all.len();
        if endpoints >= MANY {
            let pause = Duration::from_micros(u64::try_from(endpoints).unwrap_or(u64::MAX));
            tokio::select! {
                biased;
                () = wires.closed.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }
}

/// Whether something that is done once an interval is due; if so, it is due again an interval later.
fn is_due(next: &mut Option<Instant>, interval: Duration, now: Instant) -> bool {
    let due = next.is_some_and(|next| next <= now);
    if due || next.is_none() {
        *next = Some(now + interval);
    }
    due
}

fn sooner(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
