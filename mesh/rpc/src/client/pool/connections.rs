//! All connections to one endpoint.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Connection, Peer};
use crate::atomic::{AtomicBool, Ordering};

/// All connections to one endpoint, the oldest first. Calls read them without a lock; the endpoint's state is
/// locked while they change.
#[derive(Debug, Default)]
pub(in crate::client) struct Pool {
    open: ArcSwap<Vec<Arc<Connection>>>,
    wish: Wish,
}

/// That there were one more connection.
#[derive(Debug, Default)]
struct Wish(AtomicBool);

/// Why there is no stream for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum NoStream {
    /// No connection.
    Gone,
    /// As many calls as the peers allow. `first` if this is the first call since that was dealt with.
    Full { first: bool },
}

impl Pool {
    /// A stream of the oldest connection that has one (gRFC A105, "Picking a Connection for Each RPC"): so the
    /// younger ones fall idle first.
    pub(in crate::client) fn take(&self) -> Result<Arc<Connection>, NoStream> {
        let open = self.open.load();
        let mut any = false;
        let mut settled = true;
        for connection in open.iter().filter(|connection| connection.is_open()) {
            if connection.take() {
                return Ok(Arc::clone(connection));
            }
            any = true;
            settled &= connection.is_settled();
        }
        if !any {
            return Err(NoStream::Gone);
        }
        // While a new connection has not said how much it takes, a further one would be a guess.
        Err(NoStream::Full { first: settled && self.wish.is_new() })
    }

    pub(in crate::client) fn is_open(&self) -> bool {
        self.open.load().iter().any(|connection| connection.is_open())
    }

    pub(in crate::client) fn has_room(&self) -> bool {
        self.open.load().iter().any(|connection| connection.has_room())
    }

    /// The oldest that is open.
    pub(in crate::client) fn first(&self) -> Option<Arc<Connection>> {
        self.open.load().iter().find(|connection| connection.is_open()).cloned()
    }

    pub(in crate::client) fn len(&self) -> usize {
        self.open.load().len()
    }

    /// Whether calls found no stream since the last [`Self::is_dealt_with`].
    pub(in crate::client) fn wants_more(&self) -> bool {
        self.wish.is_there()
    }

    /// A further connection is on its way, or none is needed.
    pub(in crate::client) fn is_dealt_with(&self) {
        self.wish.is_dealt_with();
    }

    pub(in crate::client) fn add(&self, connection: Arc<Connection>) {
        let mut open = Vec::clone(&self.open.load());
        open.push(connection);
        self.open.store(Arc::new(open));
    }

    /// Removes a connection that was lost. Returns whether it was still there.
    pub(in crate::client) fn remove(&self, peer: &Peer) -> bool {
        let before = self.open.load();
        let left: Vec<_> = before.iter().filter(|connection| !connection.belongs_to(peer)).cloned().collect();
        let removed = left.len() < before.len();
        drop(before);
        self.open.store(Arc::new(left));
        removed
    }

    /// Gives all connections up. Calls under way finish on them, and then they close by themselves.
    pub(in crate::client) fn clear(&self) {
        self.open.store(Arc::default());
    }

    /// Gives up those but the first that had no call since the last time. Returns how many.
    pub(in crate::client) fn close_idle(&self) -> usize {
        let before = self.open.load();
        if before.len() < 2 {
            return 0;
        }
        let stays = |(index, connection): &(usize, &Arc<Connection>)| !connection.was_idle() || *index == 0;
        let left: Vec<_> =
            before.iter().enumerate().filter(stays).map(|(_, connection)| Arc::clone(connection)).collect();
        let closed = before.len() - left.len();
        drop(before);
        if closed > 0 {
            self.open.store(Arc::new(left));
        }
        closed
    }
}

impl Wish {
    /// A call found no stream. Whether it is the first one since that was dealt with.
    fn is_new(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }

    fn is_there(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn is_dealt_with(&self) {
        self.0.swap(false, Ordering::SeqCst);
    }
}

/// Every interleaving of three threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_of_calls_that_find_no_stream_one_rings_and_none_is_overlooked() {
        loom::model(|| {
            let wish = Arc::new(Wish::default());
            let calls = [(); 2].map(|()| {
                let wish = Arc::clone(&wish);
                thread::spawn(move || wish.is_new())
            });
            // The keeper.
            let seen = wish.is_there();
            if seen {
                wish.is_dealt_with();
            }
            let rang = calls.map(|call| call.join().unwrap()).into_iter().filter(|rang| *rang).count();
            // Whoever came after the keeper has rung for it anew; nobody rings twice for the same wish.
            assert_eq!(rang, usize::from(seen) + usize::from(wish.is_there()));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{super::INITIAL_STREAMS, *};
    use crate::client::balance::doubles::connection;

    #[tokio::test(start_paused = true)]
    async fn calls_go_on_the_oldest_connection_that_has_a_stream() {
        let pool = Pool::default();
        assert_eq!(pool.take().unwrap_err(), NoStream::Gone);
        let (first, first_peer, _first_driver) = connection().await;
        let (second, second_peer, _second_driver) = connection().await;
        first_peer.allows(2);
        second_peer.allows(1);
        pool.add(first);
        pool.add(second);
        let calls = [pool.take().unwrap(), pool.take().unwrap(), pool.take().unwrap()];
        let on_first = calls.each_ref().map(|call| call.belongs_to(&first_peer));
        assert_eq!(on_first, [true, true, false]);
        assert_eq!(pool.take().unwrap_err(), NoStream::Full { first: true });
        assert_eq!(pool.take().unwrap_err(), NoStream::Full { first: false }, "it is known by now");
        pool.is_dealt_with();
        assert_eq!(pool.take().unwrap_err(), NoStream::Full { first: true });
        calls[1].give_back();
        assert!(pool.take().unwrap().belongs_to(&first_peer));
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_connection_takes_no_call() {
        let pool = Pool::default();
        let (one, peer, driver) = connection().await;
        pool.add(one);
        assert!(pool.is_open());
        drop(driver);
        assert!(!pool.is_open());
        assert_eq!(pool.take().unwrap_err(), NoStream::Gone);
        assert!(pool.remove(&peer) && !pool.remove(&peer));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_has_not_spoken_yet_is_no_reason_for_another_connection() {
        let pool = Pool::default();
        let (one, peer, _driver) = connection().await;
        pool.add(one);
        let first = pool.take().unwrap();
        assert_eq!(pool.take().unwrap_err(), NoStream::Full { first: false }, "one call, to be safe");
        assert!(!peer.allows(INITIAL_STREAMS), "h2 says this before the peer has");
        assert!(pool.take().is_err());
        assert!(!peer.allows(1), "fewer than were thought");
        assert_eq!(pool.take().unwrap_err(), NoStream::Full { first: true });
        assert!(peer.allows(2));
        assert!(pool.take().is_ok() && pool.take().is_err());
        drop(first);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_says_nothing_of_streams_takes_what_http_2_recommends() {
        let pool = Pool::default();
        let (one, peer, _driver) = connection().await;
        pool.add(one);
        assert!(peer.settle() && !peer.settle());
        assert_eq!((0..1_000).filter(|_| pool.take().is_ok()).count(), INITIAL_STREAMS);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_without_calls_are_closed_but_the_first() {
        let pool = Pool::default();
        let mut drivers = Vec::new();
        for _ in 0..3 {
            let (one, peer, driver) = connection().await;
            peer.allows(1);
            pool.add(one);
            drivers.push(driver);
        }
        let calls = [pool.take().unwrap(), pool.take().unwrap()];
        assert_eq!(pool.close_idle(), 0, "each is new, or had a call since the last look");
        calls[0].give_back();
        assert_eq!(pool.close_idle(), 1, "the third; the second has a call still");
        calls[1].give_back();
        assert_eq!(pool.close_idle(), 1);
        assert_eq!(pool.close_idle(), 0);
        assert_eq!(pool.len(), 1);
    }
}
