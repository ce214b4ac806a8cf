//! Who flies: at most one flight for each payment, and not more than fit.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mesh_rpc::trace;
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::flight::Flight;
use crate::{
    app::Books,
    domain::{Payment, PaymentId, ProviderKey},
    provider::Provider,
    store::Standing,
};

/// Payments being driven at most, those that wait for a dead provider to come back included.
const FLIGHTS_MAX: usize = 16_384;

/// Operations that the provider is asked for at once.
const ASKING_MAX: usize = 256;

/// Given up operations that are remembered, so that no sweep reads them again and again.
const GIVEN_UP_MAX: usize = 16_384;

/// For so long: somebody may take them up elsewhere, or go away between taking one up and saying so.
const GIVEN_UP_FOR: Duration = Duration::from_secs(60);

/// What all flights share.
pub(super) struct Desk {
    pub(super) books: Books,
    pub(super) provider: Arc<dyn Provider>,
    /// From when an operation was decided until it is given up.
    pub(super) budget: Duration,
    /// Room to ask the provider.
    pub(super) asking: Semaphore,
    pub(super) stop: CancellationToken,
    tasks: TaskTracker,
    board: Mutex<Board>,
}

/// What is under way.
#[derive(Default)]
struct Board {
    flights: HashMap<PaymentId, Entry>,
    /// The number of the payment's open operation, and since when it is remembered.
    given_up: HashMap<PaymentId, (u32, Instant)>,
}

/// A flight, as others see it.
struct Entry {
    bell: Arc<Notify>,
    seen: watch::Receiver<Option<Payment>>,
    /// Something was begun since the flight last looked; it must look once more before it ends.
    again: bool,
}

/// Follows a flight.
#[derive(Debug)]
pub(crate) struct Watch(watch::Receiver<Option<Payment>>);

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Desk {
    pub(super) fn new(books: Books, provider: Arc<dyn Provider>, budget: Duration) -> Self {
        Self {
            books,
            provider,
            budget,
            asking: Semaphore::new(ASKING_MAX),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            board: Mutex::default(),
        }
    }

    /// Flies what has just begun.
    pub(super) fn begin(self: &Arc<Self>, at: Standing) -> Option<Watch> {
        let mut board = self.board();
        match board.flights.get_mut(&at.payment.id) {
            // The flight of the operation before is about to end, or a sweep was quicker.
            Some(entry) => {
                entry.again = true;
                Some(Watch(entry.seen.clone()))
            }
            None => self.fly(&mut board, at.payment.id, Some(at)),
        }
    }

    /// Follows the flight of a payment, which is begun if there is none.
    pub(super) fn watch(self: &Arc<Self>, payment: PaymentId) -> Option<Watch> {
        let mut board = self.board();
        match board.flights.get(&payment) {
            Some(entry) => Some(Watch(entry.seen.clone())),
            None => self.fly(&mut board, payment, None),
        }
    }

    /// Ends the wait of a flight, or begins one.
    pub(super) fn nudge(self: &Arc<Self>, payment: PaymentId) {
        let mut board = self.board();
        // Whoever nudges knows better than what is remembered.
        board.given_up.remove(&payment);
        match board.flights.get_mut(&payment) {
            Some(entry) => {
                entry.again = true;
                entry.bell.notify_one();
            }
            None => drop(self.fly(&mut board, payment, None)),
        }
    }

    /// Begins a flight for an open operation that nobody flies; whether there was room for it.
    pub(super) fn adopt(self: &Arc<Self>, key: ProviderKey) -> bool {
        let mut board = self.board();
        let is_given_up = board
            .given_up
            .get(&key.payment)
            .is_some_and(|(seq, since)| *seq == key.seq && since.elapsed() < GIVEN_UP_FOR);
        is_given_up
            || board.flights.contains_key(&key.payment)
            || self.fly(&mut board, key.payment, None).is_some()
    }

    /// Remembers not to fly an operation that was given up.
    pub(super) fn give_up(&self, key: ProviderKey) {
        let mut board = self.board();
        if board.given_up.len() >= GIVEN_UP_MAX {
            board.given_up.retain(|_, (_, since)| since.elapsed() < GIVEN_UP_FOR);
        }
        if board.given_up.len() < GIVEN_UP_MAX {
            board.given_up.insert(key.payment, (key.seq, Instant::now()));
        }
    }

    /// Waits for what is being asked; nothing is begun any more.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn fly(self: &Arc<Self>, board: &mut Board, payment: PaymentId, at: Option<Standing>) -> Option<Watch> {
        if self.stop.is_cancelled() || board.flights.len() >= FLIGHTS_MAX {
            return None;
        }
        let (tell, seen) = watch::channel(None);
        let bell = Arc::new(Notify::new());
        let entry = Entry { bell: Arc::clone(&bell), seen: seen.clone(), again: false };
        board.flights.insert(payment, entry);
        let seat = Seat { desk: Arc::clone(self), payment, is_taken: true };
        let flight = Flight::new(seat, at, bell, tell).run();
        // Not in the caller's span, which must end with the call.
        match trace::current() {
            Some(trace) => self.tasks.spawn(trace::scope(trace, flight)),
            None => self.tasks.spawn(flight),
        };
        Some(Watch(seen))
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flight's place on the board; given back however the flight ends.
pub(super) struct Seat {
    pub(super) desk: Arc<Desk>,
    pub(super) payment: PaymentId,
    is_taken: bool,
}

impl Seat {
    /// Ends the flight, unless something was begun in the meantime: then the seat is given back to go on with.
    pub(super) fn leave(mut self) -> Option<Self> {
        let mut board = self.desk.board();
        let is_needed = match board.flights.get_mut(&self.payment) {
            Some(entry) => std::mem::take(&mut entry.again),
            None => false,
        };
        if is_needed && !self.desk.stop.is_cancelled() {
            drop(board);
            return Some(self);
        }
        // Within the same lock: whoever comes next either was seen above or begins a flight of its own.
        board.flights.remove(&self.payment);
        drop(board);
        self.is_taken = false;
        None
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.is_taken {
            self.desk.board().flights.remove(&self.payment);
        }
    }
}

impl Watch {
    /// The payment as soon as it stands still at `version` or later, or as it was seen last when its flight
    /// has ended.
    pub(crate) async fn still(&mut self, version: u64) -> Option<Payment> {
        loop {
            if let Some(payment) = self.seen(version).filter(|payment| payment.state.under_way().is_none()) {
                return Some(payment);
            }
            if self.0.changed().await.is_err() {
                return self.seen(version);
            }
        }
    }

    /// The payment as it was seen last, if that was at `version` or later.
    pub(crate) fn seen(&mut self, version: u64) -> Option<Payment> {
        self.0.borrow_and_update().clone().filter(|payment| payment.version >= version)
    }
}
