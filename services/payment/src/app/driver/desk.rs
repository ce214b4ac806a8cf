//! Who flies: at most one flight for each payment, and not more than fit.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mesh_rpc::trace;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{flight::Flight, watch::Watch};
use crate::{
    app::Books,
    domain::{Payment, PaymentId},
    provider::Provider,
    store::Standing,
};

/// Payments being driven at most, those that wait for a dead provider to come back included.
const FLIGHTS_MAX: usize = 16_384;

/// Operations that the provider is asked for at once.
pub(super) const ASKING_MAX: usize = 256;

/// What all flights share.
pub(super) struct Desk {
    pub(super) books: Books,
    pub(super) provider: Arc<dyn Provider>,
    /// From when an operation was decided, or taken up again, until it is given up.
    pub(super) budget: Duration,
    /// Room to ask the provider.
    pub(super) asking: Semaphore,
    pub(super) stop: CancellationToken,
    tasks: TaskTracker,
    board: Mutex<Board>,
}

/// What is under way.
type Board = HashMap<PaymentId, Entry>;

/// What ends the wait of a flight.
#[derive(Debug, Default)]
pub(super) struct Bells {
    /// Something is known to have changed: at once.
    pub(super) now: Notify,
    /// Somebody says that something has: not before the floor of the wait.
    pub(super) hint: Notify,
}

/// A flight, as others see it.
struct Entry {
    bells: Arc<Bells>,
    seen: watch::Receiver<Option<Payment>>,
    /// Something was begun since the flight last looked; it must look once more before it ends.
    again: bool,
}

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
        match board.get_mut(&at.payment.id) {
            // The flight of the operation before is about to end, or waits and does not know that it can; or a
            // sweep was quicker.
            Some(entry) => {
                entry.again = true;
                entry.bells.now.notify_one();
                Some(Watch::new(entry.seen.clone()))
            }
            None => self.fly(&mut board, at.payment.id, Some(at)),
        }
    }

    /// Follows the flight of a payment, which is begun if there is none.
    pub(super) fn watch(self: &Arc<Self>, payment: PaymentId) -> Option<Watch> {
        let mut board = self.board();
        match board.get(&payment) {
            Some(entry) => Some(Watch::new(entry.seen.clone())),
            None => self.fly(&mut board, payment, None),
        }
    }

    /// Ends the wait of a flight at once, or begins one.
    pub(super) fn nudge(self: &Arc<Self>, payment: PaymentId) {
        let mut board = self.board();
        match board.get_mut(&payment) {
            Some(entry) => {
                entry.again = true;
                entry.bells.now.notify_one();
            }
            None => drop(self.fly(&mut board, payment, None)),
        }
    }

    /// Shortens the wait of a flight to its floor, or begins one.
    pub(super) fn hint(self: &Arc<Self>, payment: PaymentId) {
        let mut board = self.board();
        match board.get(&payment) {
            Some(entry) => entry.bells.hint.notify_one(),
            None => drop(self.fly(&mut board, payment, None)),
        }
    }

    /// Begins a flight for an open operation that nobody flies; whether there was room for it.
    pub(super) fn adopt(self: &Arc<Self>, payment: PaymentId) -> bool {
        let mut board = self.board();
        board.contains_key(&payment) || self.fly(&mut board, payment, None).is_some()
    }

    /// Waits for what is being asked; nothing is begun any more.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.asking.close();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn fly(self: &Arc<Self>, board: &mut Board, payment: PaymentId, at: Option<Standing>) -> Option<Watch> {
        if self.stop.is_cancelled() || board.len() >= FLIGHTS_MAX {
            return None;
        }
        let (tell, seen) = watch::channel(None);
        let bells = Arc::<Bells>::default();
        let entry = Entry { bells: Arc::clone(&bells), seen: seen.clone(), again: false };
        board.insert(payment, entry);
        let seat = Seat { desk: Arc::clone(self), payment, is_taken: true };
        let flight = Flight::new(seat, at, bells, tell).run();
        // Not in the caller's span, which must end with the call.
        match trace::current() {
            Some(trace) => self.tasks.spawn(trace::scope(trace, flight)),
            None => self.tasks.spawn(flight),
        };
        Some(Watch::new(seen))
    }

    /// Takes a payment's place on the board for a flight that never looks.
    #[cfg(test)]
    pub(super) fn seat_without_a_flight(&self, payment: PaymentId) -> Arc<Bells> {
        let bells = Arc::<Bells>::default();
        let entry = Entry { bells: Arc::clone(&bells), seen: watch::channel(None).1, again: false };
        self.board().insert(payment, entry);
        bells
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
        let is_needed = match board.get_mut(&self.payment) {
            Some(entry) => std::mem::take(&mut entry.again),
            None => false,
        };
        if is_needed && !self.desk.stop.is_cancelled() {
            drop(board);
            return Some(self);
        }
        // Within the same lock: whoever comes next either was seen above or begins a flight of its own.
        board.remove(&self.payment);
        drop(board);
        self.is_taken = false;
        None
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.is_taken {
            self.desk.board().remove(&self.payment);
        }
    }
}
