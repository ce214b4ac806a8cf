//! Whose turn it is to change a book.
//!
//! The store refuses what was made from an old version, so nothing is wrong without turns; but of many who pay
//! from one book at once all but one would be refused again and again. In one process they queue instead, and
//! each is told the version that the one before has left.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OwnedMutexGuard;

use crate::{domain::BookId, seeded::seeded};

/// The version that the last holder left, if that is known.
type Slot = Arc<tokio::sync::Mutex<Option<u64>>>;

/// The queues of all books that somebody is changing now; no longer than the callers are many.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<BookId, Slot>>>);

/// It is its holder's turn, until it is dropped.
pub(super) struct Turn {
    // Let go of before the place, which counts who is left.
    version: OwnedMutexGuard<Option<u64>>,
    _place: Place,
}

/// A place in a book's queue, be it the first.
struct Place {
    turns: Turns,
    book: BookId,
    slot: Slot,
}

impl Turns {
    /// Waits until it is the caller's turn, in the order of the callers.
    pub(super) async fn turn(&self, book: BookId) -> Turn {
        // Seeded bug, only with failpoints compiled in: whoever forgets the version must not be saved by this.
        let slot = if seeded("bug.unconditional-commit") { Slot::default() } else { self.slot(book) };
        let place = Place { turns: self.clone(), book, slot };
        let version = Arc::clone(&place.slot).lock_owned().await;
        Turn { version, _place: place }
    }

    fn slot(&self, book: BookId) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(book).or_default())
    }
}

impl Turn {
    /// The book's version, if somebody in this process has just left it there.
    pub(super) fn version(&self) -> Option<u64> {
        *self.version
    }

    /// Tells the next in the queue which version the book has now, if that is known.
    pub(super) fn leave(&mut self, version: Option<u64>) {
        *self.version = version;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut slots = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One is this place's, one the map's: nobody else waits, and nobody can begin to without the lock.
        if slots.get(&self.book).is_some_and(|slot| Arc::ptr_eq(slot, &self.slot))
            && Arc::strong_count(&self.slot) <= 2
        {
            slots.remove(&self.book);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::domain::{Currency, UserId};

    fn book(user: u128) -> BookId {
        BookId { user: UserId(uuid::Uuid::from_u128(user)), currency: Currency::restore("EUR").unwrap() }
    }

    #[tokio::test]
    async fn the_next_is_told_the_version_and_others_do_not_wait() {
        let turns = Turns::default();
        let mut first = turns.turn(book(1)).await;
        let mut second = Box::pin(turns.turn(book(1)));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(turns.turn(book(2)).await.version(), None);
        assert_eq!(first.version(), None);
        first.leave(Some(7));
        drop(first);
        assert_eq!(second.await.version(), Some(7));
    }

    #[tokio::test]
    async fn nothing_is_left_behind_even_by_those_who_go_away_while_they_wait() {
        let turns = Turns::default();
        let first = turns.turn(book(1)).await;
        let mut gone = Box::pin(turns.turn(book(1)));
        assert!(gone.as_mut().now_or_never().is_none());
        drop(first);
        assert_eq!(turns.0.lock().unwrap().len(), 1);
        drop(gone);
        assert_eq!(turns.0.lock().unwrap().len(), 0);
    }
}
