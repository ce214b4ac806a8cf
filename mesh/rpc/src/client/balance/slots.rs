//! Calls in flight, and the calls that wait until there are fewer.
//!
//! Three things are counted this way: the streams of a connection, the calls on an endpoint, the calls of a
//! channel. A call that finds no room waits in [`Queue`]; whoever makes room wakes the one that waits longest.
//!
//! No wake-up is lost, without a lock: a call first says that it waits, and then looks for room once more; who
//! leaves first makes room, and then looks whether somebody waits. Both are sequentially consistent, so at least
//! one of them sees the other.

use tokio::sync::{Notify, futures::Notified};

use crate::{
    atomic::{AtomicUsize, Ordering, in_one_order},
    error::MeshError,
};

/// A number of calls in flight that does not exceed its limit.
#[derive(Debug)]
pub(in crate::client) struct Slots(AtomicUsize);

impl Default for Slots {
    fn default() -> Self {
        Self(AtomicUsize::new(0))
    }
}

impl Slots {
    /// Takes one, if fewer than `limit` are taken.
    pub(in crate::client) fn take(&self, limit: usize) -> bool {
        let more = |taken: usize| (taken < limit).then(|| taken + 1);
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    pub(in crate::client) fn give_back(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    pub(in crate::client) fn taken(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// The calls that wait for an endpoint, in the order in which they came. Bounded.
#[derive(Debug)]
pub(in crate::client) struct Queue {
    waiting: AtomicUsize,
    room: Notify,
    limit: usize,
}

/// A place in the queue.
#[derive(Debug)]
pub(in crate::client) struct Ticket<'a> {
    queue: &'a Queue,
    behind: bool,
    /// Whether the next one is told when this one leaves.
    tells: bool,
}

impl Queue {
    pub(in crate::client) fn new(limit: usize) -> Self {
        Self { waiting: AtomicUsize::new(0), room: Notify::new(), limit }
    }

    /// Whether nobody waits: whoever comes now need not stand behind anybody.
    pub(in crate::client) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many calls wait.
    pub(in crate::client) fn len(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// # Errors
    /// When as many calls wait as may.
    pub(in crate::client) fn enter(&self) -> Result<Ticket<'_>, MeshError> {
        let more = |waiting: usize| (waiting < self.limit).then(|| waiting + 1);
        match self.waiting.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more) {
            Ok(before) => {
                in_one_order();
                Ok(Ticket { queue: self, behind: before > 0, tells: true })
            }
            Err(_) => Err(MeshError::QueueFull { limit: self.limit }),
        }
    }

    /// There is room for one more call.
    pub(in crate::client) fn wake_one(&self) {
        in_one_order();
        if !self.is_empty() {
            self.room.notify_one();
        }
    }

    /// Something changed that may concern every call that waits.
    pub(in crate::client) fn wake_all(&self) {
        self.room.notify_waiters();
    }
}

impl Ticket<'_> {
    /// Done when there may be room. Must be enabled before one looks for room.
    pub(in crate::client) fn room(&self) -> Notified<'_> {
        self.queue.room.notified()
    }

    /// Whether others waited when this one came.
    pub(in crate::client) fn is_behind_others(&self) -> bool {
        self.behind
    }

    /// Leaves, and tells the next one if there may be room.
    pub(in crate::client) fn leave(mut self, there_may_be_room: bool) {
        self.tells = there_may_be_room;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::SeqCst);
        // One that goes away in the middle of its wait may have been told of room that the next one does not know of.
        if self.tells {
            self.queue.wake_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, sync::Arc};

    use super::*;

    #[test]
    fn no_more_are_taken_than_the_limit() {
        let slots = Slots::default();
        assert!(slots.take(2) && slots.take(2));
        assert!(!slots.take(2));
        slots.give_back();
        assert!(slots.take(2));
        assert_eq!(slots.taken(), 2);
    }

    #[test]
    fn threads_never_exceed_the_limit_together() {
        let (slots, most) = (Slots::default(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        if slots.take(3) {
                            most.fetch_max(slots.taken(), Ordering::SeqCst);
                            slots.give_back();
                        }
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
        assert_eq!(slots.taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_wait_than_the_limit() {
        let queue = Queue::new(1);
        let ticket = queue.enter().unwrap();
        assert_eq!(queue.enter().unwrap_err(), MeshError::QueueFull { limit: 1 });
        drop(ticket);
        assert!(queue.is_empty());
        assert!(queue.enter().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_tells_the_next_one_and_who_has_found_the_last_room_does_not() {
        let queue = Queue::new(3);
        let (first, second, third) = (queue.enter().unwrap(), queue.enter().unwrap(), queue.enter().unwrap());
        assert!(!first.is_behind_others() && third.is_behind_others());
        let mut room = pin!(third.room());
        assert!(!room.as_mut().enable());
        first.leave(false);
        assert!(!room.as_mut().enable(), "nobody was told");
        drop(second);
        assert!(room.as_mut().enable(), "it may have known of room");
    }

    /// One slot, many calls on several threads: every one gets its turn, however takes and waits interleave.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_wake_up_is_lost() {
        let (slot, queue) = (Arc::new(Slots::default()), Arc::new(Queue::new(1_000)));
        let calls = (0..64).map(|_| {
            let (slot, queue) = (Arc::clone(&slot), Arc::clone(&queue));
            tokio::spawn(async move {
                for _ in 0..500 {
                    let ticket = queue.enter().unwrap();
                    loop {
                        let mut room = pin!(ticket.room());
                        room.as_mut().enable();
                        if slot.take(1) {
                            break;
                        }
                        room.await;
                    }
                    drop(ticket);
                    tokio::task::yield_now().await;
                    slot.give_back();
                    queue.wake_one();
                }
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        assert!(slot.taken() == 0 && queue.is_empty());
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use std::pin::pin;

    use loom::{future::block_on, sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_one_of_two_gets_the_last_slot() {
        loom::model(|| {
            let slots = Arc::new(Slots::default());
            let other = Arc::clone(&slots);
            let other = thread::spawn(move || other.take(1));
            let one = slots.take(1);
            assert!(one != other.join().unwrap());
            assert_eq!(slots.taken(), 1);
        });
    }

    /// Loom finds a call that sleeps for ever, if there is one, as a deadlock.
    #[test]
    fn loom_who_waits_hears_of_room_that_is_made_meanwhile() {
        loom::model(|| {
            let shared = Arc::new((Slots::default(), Queue::new(1)));
            assert!(shared.0.take(1));
            let leaving = Arc::clone(&shared);
            let leaving = thread::spawn(move || {
                leaving.0.give_back();
                leaving.1.wake_one();
            });
            block_on(async {
                let ticket = shared.1.enter().unwrap();
                loop {
                    let mut room = pin!(ticket.room());
                    room.as_mut().enable();
                    if shared.0.take(1) {
                        break;
                    }
                    room.await;
                }
            });
            leaving.join().unwrap();
            assert_eq!(shared.0.taken(), 1);
        });
    }
}
