//! One HTTP/2 connection and the calls on it.

use std::{fmt, sync::Arc};

use crate::{
    atomic::{AtomicBool, AtomicUsize, Ordering},
    client::balance::Slots,
    wire::SendRequest,
};

/// What h2 takes for the peer's `SETTINGS_MAX_CONCURRENT_STREAMS` until the peer has said it. Near the 100 that RFC
/// 9113 recommends as the least, and a number that hardly any peer says: as long as it stands, the peer has not
/// spoken yet.
pub(in crate::client) const INITIAL_STREAMS: usize = 101;

/// What is known of the other end of a connection. The task that drives the connection has a share in it, but none
/// in the [`Connection`]: when the last call gives that up, HTTP/2 closes the connection.
///
/// In a cache line of its own, which is read by every call and written once.
#[derive(Debug)]
#[repr(align(64))]
pub(in crate::client) struct Peer {
    max_streams: AtomicUsize,
    /// Whether `max_streams` is what the peer said, or it says nothing.
    settled: AtomicBool,
    /// Whether the connection has answered a call. One that closes at once, before it has, is no better than one
    /// that was refused: without this a peer that accepts and hangs up would be connected to without a pause.
    answered: AtomicBool,
    /// Whether the connection takes no more calls, as far as anybody has noticed.
    closed: AtomicBool,
}

impl Peer {
    pub(in crate::client) fn new() -> Self {
        Self {
            max_streams: AtomicUsize::new(INITIAL_STREAMS),
            settled: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// The connection takes no more calls.
    pub(in crate::client) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(in crate::client) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Notes how many streams the peer allows. Returns whether that is more than before.
    pub(in crate::client) fn allows(&self, max_streams: usize) -> bool {
        // Read first: it is the same on nearly every poll of the connection.
        if self.max_streams.load(Ordering::Relaxed) == max_streams {
            return false;
        }
        let before = self.limit();
        self.max_streams.store(max_streams, Ordering::SeqCst);
        self.settle();
        before < max_streams
    }

    /// There is nothing to wait for any more.
    /// Returns whether there was until now.
    pub(in crate::client) fn settle(&self) -> bool {
        !self.settled.swap(true, Ordering::SeqCst)
    }

    /// How many streams there may be. One, as long as the peer has said nothing: more might be more than it allows,
    /// and would wait for each other in HTTP/2 while another endpoint has room.
    fn limit(&self) -> usize {
        if self.is_settled() { self.max_streams.load(Ordering::SeqCst) } else { 1 }
    }

    pub(in crate::client) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::SeqCst)
    }
}

/// One HTTP/2 connection, as calls see it: first what is read and written of it when a call chooses.
#[repr(C)]
pub(in crate::client) struct Connection {
    streams: Slots,
    peer: Arc<Peer>,
    /// Whether it had a call since the last look.
    used: AtomicBool,
    sender: SendRequest,
}

impl Connection {
    pub(in crate::client) fn new(sender: SendRequest, peer: Arc<Peer>) -> Self {
        Self { streams: Slots::default(), peer, used: AtomicBool::new(true), sender }
    }

    /// For one call: a sender is an address to send to, and cheap to clone.
    pub(in crate::client) fn sender(&self) -> SendRequest {
        self.sender.clone()
    }

    pub(in crate::client) fn is_open(&self) -> bool {
        !self.peer.closed.load(Ordering::Relaxed)
    }

    /// Takes a stream, if the peer allows one more.
    pub(in crate::client) fn take(&self) -> bool {
        let taken = self.streams.take(self.peer.limit());
        if taken && !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        taken
    }

    pub(in crate::client) fn has_room(&self) -> bool {
        self.is_open() && self.streams.taken() < self.peer.limit()
    }

    pub(in crate::client) fn give_back(&self) {
        self.streams.give_back();
    }

    /// A call came back from it unsent.
    pub(in crate::client) fn refused(&self) {
        self.peer.close();
    }

    /// The connection has answered a call.
    pub(in crate::client) fn answered(&self) {
        // Read first: all calls share this, and the answer is nearly always the same.
        if !self.peer.has_answered() {
            self.peer.answered.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the peer has said how many streams it allows.
    pub(super) fn is_settled(&self) -> bool {
        self.peer.is_settled()
    }

    pub(super) fn belongs_to(&self, peer: &Arc<Peer>) -> bool {
        Arc::ptr_eq(&self.peer, peer)
    }

    /// Whether it had no call since the last time this was asked.
    pub(super) fn was_idle(&self) -> bool {
        let used = self.used.swap(false, Ordering::Relaxed);
        !used && self.streams.taken() == 0
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("streams", &self.streams)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_no_call_sees_more_streams_than_the_peer_allows() {
        loom::model(|| {
            let peer = Arc::new(Peer::new());
            let driver = Arc::clone(&peer);
            let driver = thread::spawn(move || driver.allows(3));
            let seen = peer.limit();
            assert!(seen == 1 || seen == 3, "{seen}");
            assert!(driver.join().unwrap(), "more than the one from before");
            assert_eq!(peer.limit(), 3);
        });
    }

    #[test]
    fn loom_no_more_streams_are_taken_than_the_peer_allows_by_then() {
        loom::model(|| {
            let shared = Arc::new((Peer::new(), Slots::default()));
            let driver = Arc::clone(&shared);
            let driver = thread::spawn(move || driver.0.allows(2));
            let call = Arc::clone(&shared);
            let call = thread::spawn(move || call.1.take(call.0.limit()));
            let one = shared.1.take(shared.0.limit());
            let other = call.join().unwrap();
            driver.join().unwrap();
            assert!(one || other, "there is always room for one");
            assert_eq!(shared.1.taken(), usize::from(one) + usize::from(other));
        });
    }
}
