//! One HTTP/2 connection and the calls on it.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use crate::{
    atomic::{AtomicBool, AtomicUsize, Ordering},
    client::{balance::Slots, endpoint::Endpoint},
    wire::SendRequest,
};

/// What h2 takes for the peer's `SETTINGS_MAX_CONCURRENT_STREAMS` until the peer has said it. Near the 100 that RFC
/// 9113 recommends as the least, and a number that hardly any peer says: as long as it stands, the peer has not
/// spoken yet.
pub(in crate::client) const INITIAL_STREAMS: usize = 101;

/// One HTTP/2 connection, as calls see it: first what is read and written of it when a call chooses, beside the count
/// of its owners.
#[repr(C)]
pub(in crate::client) struct Connection {
    streams: Streams,
    /// Whose connection it is: who has a place on it, has the endpoint. The endpoint gives its connections up when
    /// they end or it is retired, so the two do not keep each other for ever.
    endpoint: Arc<Endpoint>,
    sender: SendRequest,
}

/// A connection as the task knows it that drives it. It has no share in the [`Connection`]: when the last call gives
/// that up, HTTP/2 closes the connection.
#[derive(Clone, Debug)]
pub(in crate::client) struct Peer(Weak<Connection>);

/// The streams of a connection, and how many its peer allows.
#[derive(Debug)]
#[repr(C)]
struct Streams {
    under_way: Slots,
    most: AtomicUsize,
    /// Whether `most` is what the peer said, or it says nothing.
    settled: AtomicBool,
    /// Whether the connection takes no more calls, as far as anybody has noticed.
    closed: AtomicBool,
    /// Whether the connection has answered a call. One that closes at once, before it has, is no better than one
    /// that was refused: without this a peer that accepts and hangs up would be connected to without a pause.
    answered: AtomicBool,
    /// Whether it had a call since the last look.
    used: AtomicBool,
}

impl Streams {
    fn new() -> Self {
        Self {
            under_way: Slots::default(),
            most: AtomicUsize::new(INITIAL_STREAMS),
            settled: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            used: AtomicBool::new(true),
        }
    }

    /// Notes how many streams the peer allows. Returns whether that is more than before.
    fn allows(&self, most: usize) -> bool {
        if self.most.load(Ordering::Relaxed) == most {
            return false;
        }
        let before = self.limit();
        self.most.store(most, Ordering::SeqCst);
        self.settle();
        before < most
    }

    fn settle(&self) -> bool {
        !self.settled.swap(true, Ordering::SeqCst)
    }

    fn is_settled(&self) -> bool {
        self.settled.load(Ordering::SeqCst)
    }

    /// How many streams there may be. One, as long as the peer has said nothing: more might be more than it allows,
    /// and would wait for each other in HTTP/2 while another endpoint has room.
    fn limit(&self) -> usize {
        if self.is_settled() { self.most.load(Ordering::SeqCst) } else { 1 }
    }

    fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    fn take(&self) -> bool {
        let taken = self.under_way.take(self.limit());
        if taken && !self.used.load(Ordering::Relaxed) {
            self.used.swap(true, Ordering::Relaxed);
        }
        taken
    }

    /// Whether there was no call since the last time this was asked.
    fn was_idle(&self) -> bool {
        let used = self.used.swap(false, Ordering::Relaxed);
        !used && self.under_way.taken() == 0
    }
}

impl Peer {
    pub(in crate::client) fn of(connection: &Arc<Connection>) -> Self {
        Self(Arc::downgrade(connection))
    }

    /// The connection takes no more calls.
    pub(in crate::client) fn close(&self) {
        if let Some(connection) = self.0.upgrade() {
            connection.close();
        }
    }

    pub(in crate::client) fn has_answered(&self) -> bool {
        self.0.upgrade().is_some_and(|connection| connection.streams.answered.load(Ordering::Relaxed))
    }

    /// Notes how many streams the peer allows. Returns whether that is more than before.
    pub(in crate::client) fn allows(&self, most: usize) -> bool {
        self.0.upgrade().is_some_and(|connection| connection.streams.allows(most))
    }

    /// There is nothing to wait for any more.
    /// Returns whether there was until now.
    pub(in crate::client) fn settle(&self) -> bool {
        self.0.upgrade().is_some_and(|connection| connection.streams.settle())
    }

    /// Whether the peer has said how many streams it allows, or will not, or nobody wants to know any more.
    pub(in crate::client) fn is_settled(&self) -> bool {
        self.0.upgrade().is_none_or(|connection| connection.streams.is_settled())
    }
}

impl Connection {
    pub(in crate::client) fn new(sender: SendRequest, endpoint: Arc<Endpoint>) -> Self {
        Self { streams: Streams::new(), endpoint, sender }
    }

    pub(in crate::client) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// For one call: a sender is an address to send to, and cheap to clone.
    pub(in crate::client) fn sender(&self) -> SendRequest {
        self.sender.clone()
    }

    pub(in crate::client) fn is_open(&self) -> bool {
        self.streams.is_open()
    }

    /// Takes a stream, if the peer allows one more.
    pub(in crate::client) fn take(&self) -> bool {
        self.streams.take()
    }

    pub(in crate::client) fn has_room(&self) -> bool {
        self.is_open() && self.streams.under_way.taken() < self.streams.limit()
    }

    pub(in crate::client) fn give_back(&self) {
        self.streams.under_way.give_back();
    }

    /// It takes no more calls: one came back from it unsent, or it is over.
    pub(in crate::client) fn close(&self) {
        self.streams.closed.store(true, Ordering::Relaxed);
    }

    /// The connection has answered a call.
    pub(in crate::client) fn answered(&self) {
        // Read first: all calls share this, and the answer is nearly always the same.
        if !self.streams.answered.load(Ordering::Relaxed) {
            self.streams.answered.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the peer has said how many streams it allows.
    pub(super) fn is_settled(&self) -> bool {
        self.streams.is_settled()
    }

    pub(super) fn belongs_to(&self, peer: &Peer) -> bool {
        std::ptr::eq(self, peer.0.as_ptr())
    }

    /// Whether it had no call since the last time this was asked.
    pub(super) fn was_idle(&self) -> bool {
        self.streams.was_idle()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("streams", &self.streams).finish_non_exhaustive()
    }
}

/// Every interleaving of two or three threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_no_call_sees_more_streams_than_the_peer_allows() {
        loom::model(|| {
            let streams = Arc::new(Streams::new());
            let driver = Arc::clone(&streams);
            let driver = thread::spawn(move || driver.allows(3));
            let seen = streams.limit();
            assert!(seen == 1 || seen == 3, "{seen}");
            assert!(driver.join().unwrap(), "more than the one from before");
            assert_eq!(streams.limit(), 3);
        });
    }

    #[test]
    fn loom_no_more_streams_are_taken_than_the_peer_allows_by_then() {
        loom::model(|| {
            let streams = Arc::new(Streams::new());
            let driver = Arc::clone(&streams);
            let driver = thread::spawn(move || driver.allows(2));
            let call = Arc::clone(&streams);
            let call = thread::spawn(move || call.take());
            let one = streams.take();
            let other = call.join().unwrap();
            driver.join().unwrap();
            assert!(one || other, "there is always room for one");
            assert_eq!(streams.under_way.taken(), usize::from(one) + usize::from(other));
        });
    }

    #[test]
    fn loom_a_call_is_seen_by_one_of_two_looks_at_what_is_idle() {
        loom::model(|| {
            let streams = Arc::new(Streams::new());
            assert!(!streams.was_idle(), "it is new");
            let call = Arc::clone(&streams);
            let call = thread::spawn(move || {
                assert!(call.take());
                call.under_way.give_back();
            });
            let during = streams.was_idle();
            call.join().unwrap();
            assert!(!(during && streams.was_idle()));
        });
    }
}
