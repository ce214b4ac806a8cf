//! A place on an endpoint for each call: at once, or after a wait.

use std::{pin::pin, sync::Arc};

use http::Request;
use tokio::time::{Instant, sleep_until};

use super::{
    Target,
    balance::{Absent, Choice, Draws, Picker, Place, Ticket, Wish},
    directory::Directory,
    outgoing::Outgoing,
    ready, trail,
    wires::Wires,
};
use crate::{
    calls::Counted,
    error::{MeshError, Stage},
};

/// The endpoints of a channel, and who of them is next. Its owner, the channel, ends all tasks with it.
pub(super) struct Endpoints {
    directory: Arc<Directory>,
    picker: Picker,
}

/// Why there is no place for a call at the moment.
enum Unplaced {
    /// All endpoints are full, or one is coming.
    Wait,
    /// There is no endpoint, and none is coming before `until`.
    Failed { error: MeshError, until: Option<Instant> },
    /// The call must not be made.
    Dropped(MeshError),
}

impl Endpoints {
    pub(super) fn new(target: Target, wires: Arc<Wires>) -> Self {
        let picker = Picker::new(&wires.config.balance);
        Self { directory: Arc::new(Directory::new(target, wires)), picker }
    }

    /// A place for a call without a wait, if nobody waits already. This is the whole way of nearly every call: it
    /// takes no lock and allocates nothing.
    pub(super) fn place_now(&self, wish: &Wish) -> Option<Place> {
        if !self.directory.wires.queue.is_empty() {
            return None;
        }
        self.place(wish).ok()
    }

    /// A place for a call, after those that wait already. While no endpoint has a connection, waits for the first
    /// one to come; while all are full, for room.
    ///
    /// # Errors
    /// When no endpoint can be reached at the moment, too many calls wait, or too many are in flight: the call
    /// fails at once rather than at its deadline.
    pub(super) async fn place_later(&self, wish: &Wish) -> Result<Place, MeshError> {
        let ticket = self.directory.wires.queue.enter()?;
        let placed = self.stand_in_line(&ticket, wish).await;
        // There may be room for more calls than were told. But who is told for nothing stands at the end of the
        // line from then on.
        ticket.leave(placed.is_err() || self.has_room());
        placed
    }

    async fn stand_in_line(&self, ticket: &Ticket<'_>, wish: &Wish) -> Result<Place, MeshError> {
        // Whoever waits for room is told before this call is. Where no endpoint is ready there is no room to take
        // from anybody, and the call may fail at once.
        let mut behind = ticket.is_behind_others() && self.knows_any();
        loop {
            let mut room = pin!(ticket.room());
            room.as_mut().enable();
            trail::waits(self.stage());
            if behind && !wish.is_hedge() {
                behind = false;
                room.await;
                continue;
            }
            match self.place(wish) {
                Ok(place) => return Ok(place),
                Err(Unplaced::Dropped(error)) => return Err(error),
                // It is made to be elsewhere at once, or not at all.
                Err(Unplaced::Wait) if wish.is_hedge() && self.knows_any() => {
                    return Err(MeshError::NoOtherEndpoint);
                }
                Err(Unplaced::Wait) => room.await,
                Err(Unplaced::Failed { until: Some(until), .. }) if self.waits(wish) => tokio::select! {
                    biased;
                    () = room => {}
                    () = sleep_until(until) => {}
                },
                Err(Unplaced::Failed { until: None, .. }) if self.waits(wish) => room.await,
                Err(Unplaced::Failed { error, .. }) => return Err(error),
            }
        }
    }

    /// What a call waits for that has no place.
    fn stage(&self) -> Stage {
        let snapshot = self.directory.snapshot();
        match (snapshot.ready.is_empty(), snapshot.members.all.is_empty()) {
            (false, _) => Stage::Queue,
            (true, false) => Stage::Connect,
            (true, true) => Stage::Resolve,
        }
    }

    /// What a call asks of the choice of its endpoint, in its own words and in those of its message.
    pub(super) fn wish_of(&self, request: &Request<Outgoing>) -> Wish {
        let key = request.body().key().filter(|_| self.directory.wires.config.balance.by_hash_key);
        Wish::of(request.extensions()).or_key(key)
    }

    fn has_room(&self) -> bool {
        self.directory.snapshot().ready.iter().any(|ready| ready.endpoint.has_room())
    }

    #[cfg(feature = "probe")]
    pub(super) fn ready(&self) -> usize {
        self.directory.snapshot().ready.len()
    }

    #[cfg(feature = "probe")]
    pub(super) fn ejected(&self) -> usize {
        self.directory.ejected()
    }

    fn waits(&self, wish: &Wish) -> bool {
        wish.wait_for_ready && !self.directory.wires.closed.is_cancelled()
    }

    fn knows_any(&self) -> bool {
        !self.directory.snapshot().ready.is_empty()
    }

    fn place(&self, wish: &Wish) -> Result<Place, Unplaced> {
        let wires = &self.directory.wires;
        ready::start(&self.directory);
        let limit = wires.config.max_requests;
        let Some(Counted { number, in_flight }) = wires.calls.take(limit) else {
            return Err(Unplaced::Dropped(MeshError::TargetFull { limit }));
        };
        let now = Instant::now();
        let snapshot = self.directory.snapshot();
        let choice = Choice {
            snapshot: &snapshot,
            wish,
            draws: Draws::of(wires.draws, number),
            scale: &wires.scale,
            slow_start: &wires.config.balance.slow_start,
            max_in_flight: wires.config.max_in_flight,
            in_flight,
            now,
            tick: wires.epoch.tick(now),
        };
        let asleep = snapshot.asleep.is_some_and(|asleep| asleep <= now);
        if let Some(place) = self.picker.pick(&choice) {
            if asleep {
                wires.keeper.want();
            }
            return Ok(place);
        }
        wires.calls.give_back();
        if !snapshot.ready.is_empty() {
            if asleep {
                wires.keeper.want();
            }
            return Err(Unplaced::Wait);
        }
        drop(snapshot);
        Err(self.nobody(asleep, now))
    }

    /// No endpoint is ready: what that means for a call.
    fn nobody(&self, asleep: bool, now: Instant) -> Unplaced {
        if asleep {
            self.directory.rouse(now);
        }
        let snapshot = self.directory.snapshot();
        match &snapshot.absent {
            Absent::Failed(error) => Unplaced::Failed { error: error.clone(), until: snapshot.asleep },
            Absent::Coming => Unplaced::Wait,
        }
    }

    /// Waits until an endpoint can take a call.
    pub(super) async fn until_ready(&self) -> Result<(), MeshError> {
        ready::ready(&self.directory).await
    }

    /// Connects, without anybody who waits for it.
    pub(super) fn connect(&self) {
        let directory = Arc::clone(&self.directory);
        let tasks = &self.directory.wires.tasks;
        tasks.spawn(async move {
            // Over when the channel is closed, if not before.
            let _ = ready::ready(&directory).await;
        });
    }

    /// Takes no more calls, and waits until those under way are over.
    pub(super) async fn close(&self) {
        self.directory.close();
        let tasks = &self.directory.wires.tasks;
        tasks.close();
        tasks.wait().await;
    }
}

impl Drop for Endpoints {
    fn drop(&mut self) {
        self.directory.close();
    }
}
